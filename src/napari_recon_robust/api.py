"""The few functions of the public interface that belong to no single module."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import diversity, progress
from .diversity import Variant
from .evaluation.roi import ROI
from .measurement import Measurement
from .perturbations import registry as perturbations
from .perturbations.base import Perturbed
from .perturbations.outcome import Outcome, evaluate
from .reconstructors import registry
from .reconstructors.base import Reconstructor


def reconstructors() -> list[str]:
    """The ids of all reconstructors, those of other packages included."""
    return registry.ids()


def reconstructor(id: str) -> Reconstructor:
    """A reconstructor by its id; called with a measurement and knobs it returns the image.

    Or an own model: a file (.pt2, .onnx, a fastMRI checkpoint, .py), "module:function", or "bart:" and a command with
    {kspace}, {sensitivities}, {mask} and {image} in place of its files. Raises InputError for an unknown id,
    WeightsError or ModelError for a model that cannot be opened.
    """
    return registry.get(id)


def perturb(
    kind: str,
    measurement: Measurement,
    reconstructor: Reconstructor,
    roi: ROI,
    budgets: Sequence[float] = (0.01,),
    *,
    reconstructor_knobs: Mapping[str, Any] | None = None,
    on_progress: Callable[[progress.Progress], object] | None = None,
    **knobs: Any,
) -> list[Perturbed]:
    """Run a perturbation to its end: one result for each budget eta (a fraction), in their order.

    Raises InputError for an unknown kind or knob, a budget outside (0, 1] or an ROI outside the image.
    """
    job = perturbations.get(kind).run(
        measurement, reconstructor, roi, tuple(budgets), reconstructor_knobs=reconstructor_knobs, **knobs
    )
    return progress.run(job, on_progress)


def compare(
    measurement: Measurement,
    reconstructor: Reconstructor,
    roi: ROI,
    perturbed: Sequence[Perturbed],
    *,
    reconstructor_knobs: Mapping[str, Any] | None = None,
    seed: int = 0,
    on_progress: Callable[[progress.Progress], object] | None = None,
) -> list[Outcome]:
    """Reconstruct clean, perturbed and random control from the samples alone and compare: one outcome for each.

    `outcome.comparison` has the images, the metrics and a sentence; `outcome.to_json()` all that is known.
    """
    job = evaluate(measurement, reconstructor, roi, perturbed, reconstructor_knobs=reconstructor_knobs, seed=seed)
    return progress.run(job, on_progress)


def diverse(
    measurement: Measurement,
    reconstructor: Reconstructor,
    count: int = 4,
    *,
    roi: ROI | None = None,
    tolerance: float = 0.2,
    on_progress: Callable[[progress.Progress], object] | None = None,
    **knobs: Any,
) -> list[Variant]:
    """The `count` most different plausible images over the method's live knobs: `diversity.diverse`, to its end."""
    region = None if roi is None else roi.mask(measurement.matrix)
    job = diversity.diverse(measurement, reconstructor, count, region=region, tolerance=tolerance, knobs=knobs)
    return progress.run(job, on_progress)
