"""A function or a network of the running program, as in a notebook, in the place of a file."""

import inspect
import pickle
import sys
from copy import deepcopy
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from ..ground.errors import ModelError
from ..ground.guard import opening
from ..reconstructors.base import Reconstructor
from ..reconstructors.fingerprint import of_module, of_network
from .function import method_of
from .model import frozen
from .parameters import uncompiled

_LONGEST = 60  # characters of an argument that stands for itself
_SHOWN = 12  # of these, or of a SHA-256, in a label


def opened(found: Any) -> Reconstructor:
    """The method of a function, a network or a deepinv reconstructor; ModelError for what takes something else.

    Networks are copied, and the copies evaluate: training one on changes neither the method nor the network. So are
    those whose method is given (`network.predict`), and those that `functools.partial` has set.
    The fingerprint is of the module in which it was defined, if that is a file, else of the text of its definition
    where Python knows it, of a network's parameters and buffers, and of what `functools.partial` has set. What it uses
    besides is not in it. A saved case cannot open it again: it is given to the replay.
    """
    definition = uncompiled(found.func if isinstance(found, partial) else found)
    if isinstance(definition, torch.ScriptMethod):  # which does not tell of which network it is
        raise ModelError(
            f"{definition.name} is a method of a TorchScript network; give the network, or a function that calls it."
        )
    owner = _owner(definition)
    name = _name(definition)
    if owner is not definition:
        name = f"{_name(owner)}.{name}"
    with opening(name, "a model", "give a function that calls it in its place", ModelError):
        known = _defined(definition, name)
        if isinstance(owner, nn.Module):
            known |= of_network(owner, name)
        label = name
        if isinstance(found, partial):
            values = _arguments(found)
            known |= {f"{name}({key})": value for key, value in values.items()}
            label = f"{name}({', '.join(f'{key}={value[:_SHOWN]}' for key, value in values.items())})"
        return method_of(_evaluating(found), f"{label} (object)", known)


def _name(definition: Any) -> str:
    """The name of a function, or of a network's class, which TorchScript keeps elsewhere."""
    if isinstance(definition, torch.jit.ScriptFunction):
        return str(definition.name)
    return str(getattr(definition, "__name__", getattr(definition, "original_name", type(definition).__name__)))


def _owner(definition: Any) -> Any:
    """The network whose method it is; anything else itself."""
    owner = getattr(definition, "__self__", None)
    return owner if isinstance(owner, nn.Module) else definition


def _evaluating(found: Any) -> Any:
    """The same with copies of its networks in evaluation mode, in which dropout and the like rest."""
    if isinstance(found, nn.Module):
        with torch.no_grad():  # else the copied parameters of TorchScript are results of the first ones
            return frozen(deepcopy(found).eval())
    if isinstance(found, partial):
        named = {name: _evaluating(value) for name, value in found.keywords.items()}
        return partial(_evaluating(found.func), *map(_evaluating, found.args), **named)
    if _owner(found) is not found:
        return MethodType(found.__func__, _evaluating(found.__self__))
    return found


def _arguments(given: "partial[Any]") -> dict[str, str]:
    """What `functools.partial` has set, by the names of a function's arguments, or their places as "#0"."""
    places = {f"#{place}": value for place, value in enumerate(given.args)}
    return {name: _digest(value) for name, value in {**places, **given.keywords}.items()}


def _digest(value: object) -> str:
    """A short number or text itself; else SHA-256 of it."""
    if isinstance(value, bool | int | float | complex | str | None) and len(repr(value)) <= _LONGEST:
        return repr(value)
    if isinstance(value, Tensor | nn.Module):
        holder = value if isinstance(value, nn.Module) else _Holder(value)
        (digest,) = of_network(holder, "").values()
        return digest
    try:
        content = pickle.dumps(value)
    except Exception:  # of the object's own code, too
        content = repr(value).encode()
    return sha256(content).hexdigest()


class _Holder(nn.Module):
    """A network whose only number is a tensor."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)


def _defined(found: Any, name: str) -> dict[str, str]:
    """Versions and SHA-256 of the file, or of the text, in which something was defined."""
    if isinstance(found, torch.jit.ScriptModule | torch.jit.ScriptFunction):
        parts = found.modules() if isinstance(found, nn.Module) else [found]
        code = "\n".join(getattr(one, "code", "") for one in parts)
        return {f"{name} (source)": sha256(code.encode()).hexdigest(), "torch": version("torch")}
    definition = found if hasattr(found, "__name__") else type(found)
    module: str = getattr(definition, "__module__", None) or ""
    if getattr(sys.modules.get(module), "__file__", None):
        return of_module(module)
    try:
        return {f"{name} (source)": sha256(inspect.getsource(definition).encode()).hexdigest()}
    except (OSError, TypeError):  # typed into Python itself, or a function in C
        return {}
