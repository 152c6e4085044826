"""A function or a network of the running program, as in a notebook, in the place of a file."""

import inspect
import sys
from copy import deepcopy
from hashlib import sha256
from typing import Any

from torch import nn

from ..reconstructors.base import Reconstructor
from ..reconstructors.origin import of_module, of_network
from .function import method_of


def opened(found: Any) -> Reconstructor:
    """The method of a function, a network or a deepinv reconstructor; ModelError for what takes something else.

    A network is copied, so that training it on changes neither the method nor the network.
    The fingerprint is of the module in which it was defined, if that is a file, else of the text of its definition
    where Python knows it, and of a network's parameters and buffers. What it uses besides is not in it. A saved case
    cannot open it again: it is given to the replay.
    """
    name = getattr(found, "__name__", type(found).__name__)
    known = _defined(found, name)
    if isinstance(found, nn.Module):
        found = deepcopy(found)
        known |= of_network(found, name)
    return method_of(found, f"{name} (object)", known)


def _defined(found: Any, name: str) -> dict[str, str]:
    """Versions and SHA-256 of the file, or of the text, in which something was defined."""
    definition = found if hasattr(found, "__name__") else type(found)
    module: str = getattr(definition, "__module__", None) or ""
    if getattr(sys.modules.get(module), "__file__", None):
        return of_module(module)
    try:
        return {f"{name} (source)": sha256(inspect.getsource(definition).encode()).hexdigest()}
    except (OSError, TypeError):  # typed into Python itself, or a function in C
        return {}
