"""Reconstruction methods; the package is called as the public function of its name, which lists them."""

import sys
from types import ModuleType


class _Package(ModuleType):
    def __call__(self) -> list[str]:
        """The ids of all reconstructors, those of other packages included."""
        from . import registry

        return registry.ids()


sys.modules[__name__].__class__ = _Package
