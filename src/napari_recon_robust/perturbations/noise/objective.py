"""The objective of a worst-case perturbation: a loss of the reconstruction on the ROI."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from ...evaluation import metrics
from ...ground.cached_property import cached_property
from ...ground.errors import InputError, ModelError, ReconRobustError
from ..base import Setup
from .losses import LOSSES, Loss, contrast_left


@dataclass(frozen=True, eq=False)
class Objective:
    """L(z) = a loss of |f(M(k+z))| and X on S, such as mean over S of (|f(M(k+z))| - X)^2 / max(X)^2.

    S is the ROI, or the whole image (`whole`). X is the fully sampled clean image of the method's own kind: an attack
    must raise the method's error, not exploit the offset between an RSS and a coil-combined image. target "clean": X
    is the method's own clean output, whatever the truth. loss: the name of one in `losses`, or a function like those.
    keep: the clean scan's calibration serves throughout; otherwise it is estimated again from k + z at every
    evaluation, as constants within the gradient (eigenvectors with near-equal eigenvalues have none). Raises InputError
    for target "reference" of a scan without a fully sampled one.
    """

    setup: Setup
    target: Literal["reference", "clean"]
    loss: str | Loss
    keep: bool
    whole: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.target == "reference" and self.setup.measurement.full is None:
            raise InputError("this scan has no fully sampled reference; choose the clean image as the attack's target.")

    @property
    def clean(self) -> Tensor:
        """`Setup.clean`, f(Mk)."""
        return self.setup.clean

    @cached_property
    def wanted(self) -> Tensor:
        """X, float64 (rows, columns)."""
        if self.target == "clean":
            return metrics.magnitude(self.clean)
        reference = self.setup.measurement.reference(self.setup.method.reference_kind)
        assert reference is not None
        return metrics.magnitude(reference)

    @cached_property
    def data_range(self) -> float:
        """max(X)."""
        return metrics.data_range_of(self.wanted)

    @cached_property
    def region(self) -> Tensor:
        """S, bool (rows, columns)."""
        mask = self.setup.mask.to(self.wanted.device)
        return torch.ones_like(mask) if self.whole else mask

    def of_image(self, image: Tensor) -> Tensor:
        """L of a reconstruction (rows, columns), scalar float64."""
        loss = LOSSES[self.loss] if isinstance(self.loss, str) else self.loss
        return loss(metrics.magnitude(image), self.wanted, self.region)

    def contrast_left(self, image: Tensor) -> float:
        """The contrast of S with its surroundings in a reconstruction (rows, columns), relative to that in X."""
        return contrast_left(metrics.magnitude(image), self.wanted, self.region)

    def value(self, z: Tensor) -> tuple[float, Tensor]:
        """L(z) and the image, without a gradient."""
        with torch.no_grad():
            image = self.image(z)
            return float(self.of_image(image)), image

    def gradient(self, z: Tensor) -> tuple[float, Tensor, Tensor]:
        """L(z), its direction of steepest ascent dL/d(re z) + i dL/d(im z) in the shape of z, and the image.

        Raises ModelError if the method gives no gradient, or one with NaN or infinite values.
        """
        z = z.detach().requires_grad_()
        with torch.enable_grad():
            image = self.image(z)
            loss = self.of_image(image)
        return float(loss.detach()), gradient_of(loss, z, self.setup.method.label), image.detach()

    def image(self, z: Tensor) -> Tensor:
        """f(M(k + z)), complex64 (rows, columns)."""
        measurement = self.setup.measurement
        return self.setup.reconstruct(measurement.with_kspace(measurement.kspace + z, keep=self.keep))


class GradientError(ModelError):
    """A gradient through a reconstructor holds NaN or infinite values."""


def gradient_of(loss: Tensor, variable: Tensor, label: str, *, again: bool = False) -> Tensor:
    """The gradient of a scalar through the method named `label`; ModelError if there is none.

    Raises GradientError if it is not finite.

    again: another gradient through the same reconstruction will follow.
    """
    if not loss.requires_grad:
        raise ModelError(f"{label} gives no gradient with respect to the k-space; choose another method.")
    try:
        (gradient,) = torch.autograd.grad(loss, variable, retain_graph=again)
    except ReconRobustError:
        raise
    except Exception as error:
        raise ModelError(
            f"the gradient of {label} failed ({type(error).__name__}: {error}); try a smaller matrix."
        ) from error
    if not gradient.sum().isfinite():
        raise GradientError(
            f"the gradient of {label} holds NaN or infinite values; turn knobs that it has towards their defaults, or "
            "choose black-box as the algorithm, where there is one."
        )
    return gradient
