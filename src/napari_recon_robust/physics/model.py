"""The forward model A = M F S of one slice, its adjoint and its normal operator.

Where lines are left out along the phase encoding only, the readout is transformed once and for all
(the data are then *hybrid*: image rows x k-space columns) and A needs 1-D transforms only; rows decouple.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from . import fourier


@dataclass(frozen=True, eq=False)
class ForwardModel:
    """A x = M F (S x), with F centred and orthonormal along `dims`.

    sensitivities: complex64 (..., coils, rows, columns).
    mask: bool, broadcastable to (rows, columns); (1, columns) for sampled lines.
    dims: (-1,) for hybrid data (lines), (-2, -1) for k-space (2-D patterns).

    Images are (..., rows, columns), data (..., coils, rows, columns), complex64. Batch axes broadcast.
    """

    sensitivities: Tensor
    mask: Tensor
    dims: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of an image."""
        rows, columns = self.sensitivities.shape[-2:]
        return rows, columns

    def forward(self, image: Tensor) -> Tensor:
        """A x: image (..., rows, columns) to data (..., coils, rows, columns)."""
        return self.mask * fourier.fft(self.sensitivities * image.unsqueeze(-3), self.dims)

    def adjoint(self, data: Tensor) -> Tensor:
        """A^H y: data (..., coils, rows, columns) to image (..., rows, columns)."""
        return (self.sensitivities.conj() * fourier.ifft(self.mask * data, self.dims)).sum(-3)

    def normal(self, image: Tensor) -> Tensor:
        """A^H A x."""
        return self.adjoint(self.forward(image))

    def coil_images(self, data: Tensor) -> Tensor:
        """F^-1 M y: data to one image per coil, (..., coils, rows, columns)."""
        return fourier.ifft(self.mask * data, self.dims)


def root_sum_of_squares(coil_images: Tensor) -> Tensor:
    """sqrt(sum_i |x_i|^2) over the coil axis: (..., coils, rows, columns) to real (..., rows, columns).

    The gradient at zero is zero, so that it can be attacked.
    """
    power = coil_images.real.square().sum(-3) + coil_images.imag.square().sum(-3)
    positive = power > 0
    return torch.where(positive, torch.sqrt(torch.where(positive, power, 1.0)), 0.0)
