"""A small feature inserted into a slice: in the image, in the k-space of every coil, in the reconstruction."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import torch
from torch import Tensor

from ..evaluation.roi import ROI
from ..measurement import Measurement
from .base import Perturbed
from .feature import Feature
from .scene import Scene

LOST = 0.5
# Rose's criterion: a known feature is seen reliably at a signal-to-noise ratio of 5.
ROSE = 5.0


@dataclass(frozen=True, eq=False)
class Trial:
    """A feature alone in the slice: the reconstruction with it, its recovery, and how well the samples carry it."""

    feature: Feature
    image: Tensor
    recovery: float
    carried: float

    @property
    def rank(self) -> tuple[bool, float]:
        """The smaller the more is lost; what the samples do not carry is no loss of the method's."""
        return self.carried < ROSE, self.recovery


@dataclass(frozen=True, eq=False)
class Insertion(Scene):
    """Features inserted into one slice, as one method reconstructs them. keep: the clean scan's calibration serves."""

    keep: bool

    @cached_property
    def truth(self) -> Tensor:
        """The object on the output image, complex64 (rows, columns)."""
        return self.problem.measurement.crop(self.object)

    def reconstruct(self, change: Tensor, *, keep: bool) -> Tensor:
        """f(M(k + F S delta)), complex64 (rows, columns)."""
        measurement = self.problem.measurement
        return self.problem.reconstruct(measurement.with_kspace(measurement.kspace + self.kspace(change), keep=keep))

    def recovery(self, feature: Feature, image: Tensor) -> Tensor:
        """`recovered` of a feature on its region."""
        return self.recovered(feature.change(self.truth), feature.region(self.problem.measurement.matrix), image)

    def recovered(self, change: Tensor, region: Tensor, image: Tensor) -> Tensor:
        """<dt, df>_T / ||dt||_T^2 of a change of the image on the region T, bool (rows, columns); differentiable."""
        intended = ((self.truth + change).abs() - self.truth.abs())[region]
        return (intended * (image.abs() - self.clean.abs())[region]).sum() / intended.square().sum()

    def trial(self, feature: Feature) -> Trial:
        """The feature alone."""
        with torch.no_grad():
            return self.judged(feature, self.reconstruct(feature.change(self.truth), keep=self.keep))

    def judged(self, feature: Feature, image: Tensor) -> Trial:
        """The trial of a feature whose reconstruction is known."""
        with torch.no_grad():
            z = self.kspace(feature.change(self.truth))
            recovery = float(self.recovery(feature, image))
        return Trial(feature, image.detach(), recovery, detectability(self.problem.measurement, z))

    def perturbed(self, trial: Trial, *, complete: bool, candidates: Sequence[Sequence[float]] = ()) -> Perturbed:
        """The trial as a perturbation of the measurement, with everything that is said of it."""
        measurement, feature = self.problem.measurement, trial.feature
        with torch.no_grad():
            z = self.kspace(feature.change(self.truth))
        row, column, size, contrast = (float(f"{value:.6g}") for value in feature.values.tolist())
        lost, preserved = trial.recovery < LOST, trial.carried >= ROSE
        details = {
            "position": [row, column],
            "size": size,
            "contrast": contrast,
            "shape": feature.shape,
            "angle": feature.angle,
            "recovery": trial.recovery,
            "lost": lost,
            "information_preserved": preserved,
            "detectability": trial.carried if isfinite(trial.carried) else None,
            "input_mse": input_mse(measurement, z),
            "candidates": [list(candidate) for candidate in candidates],
        }
        return Perturbed.of(
            measurement,
            z,
            None,
            keep=self.keep,
            loss=(0.0, 1 - trial.recovery),
            complete=complete,
            judged_by="perturbed",
            roi=_box(feature.region(measurement.matrix)),
            details=details,
            statement=f"The inserted {feature.shape} of {size:.3g} pixels {'lost' if lost else 'kept'} its contrast "
            f"(recovery {trial.recovery:.2f}), and the samples {'carry' if preserved else 'do not carry'} it.",
            clean=self.clean,
            image=trial.image,
        )


def detectability(measurement: Measurement, z: Tensor) -> float:
    """D' = sqrt(sum_i 2 ||M z_i||^2 / sigma_i^2): the ideal observer's signal-to-noise ratio in the samples.

    z: complex64 (coils, readout, phase). From 5 on (Rose) the samples carry the feature, whatever becomes of it.
    """
    energy = (z * measurement.mask).abs().square().sum((-2, -1))
    return float((2 * energy / measurement.calibration.noise.square()).nan_to_num(0.0, torch.inf).sum().sqrt())


def input_mse(measurement: Measurement, z: Tensor) -> float:
    """FNAF's own measure: the mean squared change of the zero-filled magnitude, in standard deviations of it.

    The paper calls information preserved from 1e-4 on; it falls with the size of the image.
    """
    with torch.no_grad():
        images = measurement.model.adjoint(
            measurement.to_data(torch.stack([measurement.kspace, measurement.kspace + z]))
        )
        before, after = measurement.crop(images).abs()
        return float((after - before).square().mean() / before.var())


def _box(region: Tensor) -> ROI:
    """The bounding box of a region, bool (rows, columns)."""
    rows, columns = (torch.nonzero(region.any(dim)).flatten().tolist() for dim in (1, 0))
    return ROI.box(rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
