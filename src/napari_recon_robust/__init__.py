"""Robustness of MRI reconstruction: reconstruct, turn the knob, attack a region, hide a lesion, compare.

The public names are those of `__init__.pyi`. They are imported at their first use, so that importing the package costs
nothing.
"""

from importlib import import_module
from typing import Any

import lazy_loader

from . import former

former.install()
_public, _, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # costs more than the package itself

        return version("napari-recon-robust")
    if name == "reconstructors":  # the package, which is called as the function
        return import_module(".reconstructors", __name__)
    return _public(name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
