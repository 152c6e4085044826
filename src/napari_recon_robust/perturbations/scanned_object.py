"""The object of one slice, and what a change of it looks like in the k-space of every coil."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..ground.cached import cached_property
from ..physics import fourier
from ..physics.fourier import centre_pad_image
from .base import Setup


@dataclass(frozen=True, eq=False)
class ScannedObject:
    """The object of one slice, seen through its coils."""

    setup: Setup

    @cached_property
    def clean(self) -> Tensor:
        """f(Mk), complex64 (rows, columns)."""
        with torch.no_grad():
            return self.setup.reconstruct(self.setup.measurement)

    @cached_property
    def object(self) -> Tensor:
        """x, complex64 of the model's (rows, columns): coil-combined from the full k-space.

        Without one, the magnitude of the clean reconstruction with the phase of the zero-filled image.
        """
        measurement = self.setup.measurement
        with torch.no_grad():
            if measurement.full is None:
                phase = measurement.crop(measurement.model.adjoint(measurement.data))
                return centre_pad_image(self.clean.abs() * torch.exp(1j * phase.angle()), measurement.model.shape)
            coil_images = fourier.ifft(measurement.to_data(measurement.full), measurement.dims)
            return (measurement.calibration.sensitivities.conj() * coil_images).sum(-3)

    def kspace(self, change: Tensor) -> Tensor:
        """F S delta: a change of the image (rows, columns) in the k-space of every coil, on all points."""
        measurement = self.setup.measurement
        return self.of_coils(measurement.calibration.sensitivities * centre_pad_image(change, measurement.model.shape))

    def of_coils(self, coil_images: Tensor) -> Tensor:
        """Coil images (coils, rows, columns) in k-space, complex64 (coils, readout, phase), on all points."""
        readout, phase = self.setup.measurement.kspace.shape[-2:]
        return fourier.fft(centre_pad_image(coil_images, (readout, phase)))
