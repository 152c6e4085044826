"""The object of one slice, and what a change of it looks like in the k-space of every coil."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..data.measurement import coil_images_of
from ..ground.cached_property import cached_property
from ..physics import fourier
from ..physics.fourier import centre_pad_image
from ..physics.model import coil_combined
from .base import SENSITIVITIES, Setup

# The same knob, of a perturbation that moves the object.
SENSITIVITIES_OF_MOVED = SENSITIVITIES.model_copy(
    update={
        "help": f"{SENSITIVITIES.help} Those are zero beyond its tissue: what moves there is measured, but not shown, "
        "which counts as an error."
    }
)
# Of the moved object's norm: how much of it may lie where kept sensitivities are zero without a word; transforms and
# noise leave 0.005.
UNSEEN = 0.01


@dataclass(frozen=True, eq=False)
class ScannedObject:
    """The object of one slice, seen through its coils.

    stand_in: what takes its place where no full k-space is known, in words; `estimate` is that image.
    """

    stand_in: ClassVar[str] = "clean reconstruction"
    setup: Setup

    @property
    def clean(self) -> Tensor:
        """`Setup.clean`, f(Mk)."""
        return self.setup.clean

    @cached_property
    def estimate(self) -> Tensor:
        """The object where no full k-space is known, complex64 (rows, columns).

        The magnitude is of the clean reconstruction, which may have no phase, and the phase of the zero-filled image.
        """
        phase = self.setup.measurement.crop(self.setup.measurement.combined)
        return self.clean.abs() * torch.exp(1j * phase.angle())

    @property
    def origin(self) -> str:
        """Which image the object is, in words."""
        return self.stand_in if self.setup.measurement.full is None else "fully sampled"

    def note_on(self, part: str) -> str:
        """A space and the sentence that a part of the object (in words) is the stand-in; empty where it is not."""
        if self.setup.measurement.full is not None:
            return ""
        return f" {part} is the {self.stand_in}, as no full k-space is known."

    @cached_property
    def object(self) -> Tensor:
        """x, complex64 of the model's (rows, columns): coil-combined from the full k-space, else the `estimate`."""
        measurement = self.setup.measurement
        with torch.no_grad():
            if measurement.full is None:
                return centre_pad_image(self.estimate, measurement.model.shape)
            return self.combined(measurement.full)

    @cached_property
    def inside(self) -> Tensor:
        """The part of x inside the support of the sensitivities, complex64 of the model's (rows, columns)."""
        return self.object * self.setup.measurement.model.support

    def moved(self, pose: Callable[[Tensor], Tensor]) -> Tensor:
        """F S' (g x - x): what a pose g of the object changes in the k-space of every coil, on all points.

        x is `inside`, and S' the sensitivities, which go on beyond the support of S: the coils see tissue wherever it
        moves to, while S is zero where the clean scan has none.
        """
        change = pose(self.inside) - self.inside
        return self.of_coils(self._everywhere * change)

    def unseen(self, poses: Iterable[Callable[[Tensor], Tensor]]) -> dict[str, str]:
        """The finding that an image combined by S cannot show all of the object in one of these poses, or nothing."""
        if self.setup.method.reference_kind == "rss":
            return {}
        outside = ~self.setup.measurement.model.support
        share = 0.0
        for pose in poses:
            posed = pose(self.inside)
            share = max(share, float((posed * outside).norm() / posed.norm()))
        if not share > UNSEEN:  # NaN where nothing is inside
            return {}
        return {
            "unseen": f"{100 * share:.2g}% of the moved object's norm lies where the kept sensitivities are zero, and "
            "cannot be shown: let them be estimated."
        }

    @cached_property
    def _everywhere(self) -> Tensor:
        """S', complex64 (coils, rows, columns)."""
        from ..physics.coils import beyond_support  # needs scipy

        return beyond_support(self.setup.measurement.calibration.sensitivities)

    def kspace(self, change: Tensor) -> Tensor:
        """F S delta: a change of the image (rows, columns) in the k-space of every coil, on all points."""
        measurement = self.setup.measurement
        return self.of_coils(measurement.calibration.sensitivities * centre_pad_image(change, measurement.model.shape))

    def combined(self, kspace: Tensor) -> Tensor:
        """Sum conj(S) F^-1 k of the k-space of every coil on all points, complex64 of the model's (rows, columns)."""
        measurement = self.setup.measurement
        return coil_combined(coil_images_of(measurement, kspace), measurement.calibration.sensitivities)

    def of_coils(self, coil_images: Tensor) -> Tensor:
        """Coil images (coils, rows, columns) in k-space, complex64 (coils, readout, phase), on all points."""
        readout, phase = self.setup.measurement.kspace.shape[-2:]
        return fourier.fft(centre_pad_image(coil_images, (readout, phase)))
