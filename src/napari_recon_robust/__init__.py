"""Robustness of MRI reconstruction: reconstruct, turn the knob, attack a region, hide a lesion, compare.

The public names below are imported at their first use, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import compare, compare_methods, diverse, perturb, reconstructor, reconstructors
    from .evaluation.record import load_case, save_case
    from .evaluation.roi import ROI
    from .io import open_scan
    from .measurement import Measurement
    from .physics.sampling import Sampling
    from .replay import make_case
    from .sample import open_sample

_HOME = {
    "ROI": ".evaluation.roi",
    "Measurement": ".measurement",
    "Sampling": ".physics.sampling",
    "compare": ".api",
    "compare_methods": ".api",
    "diverse": ".api",
    "load_case": ".evaluation.record",
    "make_case": ".replay",
    "open_sample": ".sample",
    "open_scan": ".io",
    "perturb": ".api",
    "reconstructor": ".api",
    "reconstructors": ".api",
    "save_case": ".evaluation.record",
}
__all__ = [
    "ROI",
    "Measurement",
    "Sampling",
    "compare",
    "compare_methods",
    "diverse",
    "load_case",
    "make_case",
    "open_sample",
    "open_scan",
    "perturb",
    "reconstructor",
    "reconstructors",
    "save_case",
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
