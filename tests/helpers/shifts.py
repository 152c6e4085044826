"""A shift of the acquisition, as it is asked for and as it is told."""

from typing import Any

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations import registry
from napari_recon_robust.perturbations.base import Perturbed
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.reconstructors.base import Reconstructor


def perturb(kind: str, measurement: Measurement, method: Reconstructor, roi: ROI, **knobs: Any) -> Perturbed:
    """The only result of a perturbation, with the sensitivities kept."""
    (found,) = run(registry.get(kind).run(measurement, method, roi, **{"sensitivities": "kept", **knobs}))
    return found


def sentence(measurement: Measurement, method: Reconstructor, roi: ROI, found: Perturbed) -> str:
    (outcome,) = run(evaluate(measurement, method, roi, [found]))
    return outcome.comparison.sentence
