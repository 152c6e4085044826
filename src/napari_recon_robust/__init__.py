"""Robustness of MRI reconstruction: reconstruct, turn the knob, attack a region, hide a lesion, compare.

The public names below are imported at their first use, so that importing the package costs nothing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        compare,
        compare_methods,
        diverse,
        fragility_map,
        make_case,
        perturb,
        posterior_contrast,
        quality_by_samples,
        reconstructor,
        reconstructors,
        recovery_table,
        retention_map,
        transfer_matrix,
    )
    from .cases.record import load_case, save_case
    from .data.measurement import Measurement
    from .data.roi import ROI
    from .io import open_scan
    from .physics.sampling import Sampling
    from .simulation.sample import open_sample

_HOME = {
    "ROI": ".data.roi",
    "Measurement": ".data.measurement",
    "Sampling": ".physics.sampling",
    "compare": ".api",
    "compare_methods": ".api",
    "diverse": ".api",
    "fragility_map": ".api",
    "load_case": ".cases.record",
    "make_case": ".api",
    "open_sample": ".simulation.sample",
    "open_scan": ".io",
    "perturb": ".api",
    "posterior_contrast": ".api",
    "quality_by_samples": ".api",
    "reconstructor": ".api",
    "reconstructors": ".api",
    "recovery_table": ".api",
    "retention_map": ".api",
    "save_case": ".cases.record",
    "transfer_matrix": ".api",
}
__all__ = [
    "ROI",
    "Measurement",
    "Sampling",
    "compare",
    "compare_methods",
    "diverse",
    "fragility_map",
    "load_case",
    "make_case",
    "open_sample",
    "open_scan",
    "perturb",
    "posterior_contrast",
    "quality_by_samples",
    "reconstructor",
    "reconstructors",
    "recovery_table",
    "retention_map",
    "save_case",
    "transfer_matrix",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # costs more than the package itself

        return version("napari-recon-robust")
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """The package. The import of a submodule puts it in the place of a public function of the same name, for good."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOME and isinstance(value, ModuleType):
            value.__class__ = _Called
        super().__setattr__(name, value)


class _Called(ModuleType):
    """A submodule that is called as the public function of its name: `reconstructors`."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module(_HOME[name], __name__), name)(*arguments, **options)


sys.modules[__name__].__class__ = _Package
