"""Images of an object in another pose, brought back into the frame of the scan."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...data.measurement import Measurement, coil_images_of, known_kspace
from ...ground.cached_property import cached_property
from ...physics import fourier
from .pose import Pose

# Of k-space, along either axis: the coils' images of so much of its centre have the phases that are left out.
CENTRE = 0.3
# Of the brightest pixel of the coil images that are combined so: what is much darker, such as air, hardly has a phase,
# and its magnitude is turned as it is.
FAINT = 1e-3


@dataclass(frozen=True, eq=False)
class BringingBack:
    """g^-1 u for an image u of `measurement`, whose object is in the pose g; of a magnitude |u| it is |g^-1 (|u| p)|.

    Unlike u, |u| is not limited to the band of the samples: to turn it by itself costs more than most methods lose.
    p is the phase of c + e max |c|, c = sum_i conj(l_i) x_i, x_i the coil images of all k-space that is known, l_i
    those of its centre, and e small. It needs no sensitivities, and the samples of a saved case give it again.
    """

    pose: Pose
    measurement: Measurement

    def __call__(self, image: Tensor) -> Tensor:
        """The image (..., rows, columns) in the frame of the clean scan; of a magnitude the magnitude, in its dtype."""
        if image.is_complex() and bool(image.imag.any()):
            return self.pose.undo(image)
        return self.pose.undo(image.abs() * self._phase.to(image.device)).abs().to(image.dtype)

    @cached_property
    def _phase(self) -> Tensor:
        """P, complex64 (rows, columns), of magnitude 1."""
        one = self.measurement
        with torch.no_grad():
            coil_images = one.crop(coil_images_of(one, known_kspace(one)))
            kspace = fourier.fft(coil_images)
            rows, columns = (_hann(size).to(kspace.device) for size in one.matrix)
            centre = fourier.ifft(kspace * rows[:, None] * columns)
            combined = (centre.conj() * coil_images).sum(-3)
            phase = (combined + FAINT * combined.abs().amax()).angle()
            return torch.polar(torch.ones_like(phase), phase)


def _hann(size: int) -> Tensor:
    """A Hann window over the centre of one axis, float32 (size,)."""
    position = (torch.arange(size, dtype=torch.float32) - size // 2) * 2 / (CENTRE * size)
    return torch.cos(0.5 * torch.pi * position.clamp(-1, 1)).square()
