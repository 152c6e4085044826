"""A pose of the object in the plane: turned, moved and scaled by Fourier transforms, without interpolation."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import pi, radians, sin, tan

import torch
from torch import Tensor

from ...ground.errors import InputError
from ...ground.numbers import written

# An image is continued by zeros at each end over this part of its sides, so that nothing comes in on the other side.
MARGIN = 0.25
LARGEST = 45.0  # degrees; from 53 on the shears take the corners of a square image out of that margin


@dataclass(frozen=True)
class Pose:
    """x'(p) = x(c + R(-angle) (p - c - t) / scale), c the pixel n // 2 of either axis.

    angle: in degrees, positive from the row axis towards the column axis. rows, columns: the translation t in
    pixels. scale: a factor, larger above 1. aspect: height over width of a pixel. A turn is three shears, each a
    phase ramp between two Fourier transforms (Larkin et al. 1997, doi:10.1016/S0030-4018(97)00097-7; Unser et al.
    1995, doi:10.1109/83.465102). It is unitary: noise keeps its level, and turning back gives the image, but for
    what had left the margin. Scaling resamples the spectrum along each axis: what leaves the band is lost, and what
    enters it is zero. InputError for an angle beyond 45 degrees, whose shears would be too large.
    """

    angle: float = 0.0
    rows: float = 0.0
    columns: float = 0.0
    scale: float = 1.0
    aspect: float = 1.0

    def __post_init__(self) -> None:
        if not abs(self.angle) <= LARGEST:
            raise InputError(f"the pose is turned by {written(self.angle)}°; give at most {LARGEST:g}° either way.")

    @property
    def turned_alone(self) -> bool:
        """Whether it is neither moved nor scaled."""
        return not (self.rows or self.columns) and self.scale == 1

    @property
    def still(self) -> bool:
        """Whether it is the pose of the scan."""
        return self.angle == 0 and self.turned_alone

    def apply(self, image: Tensor) -> Tensor:
        """The image (..., rows, columns) in this pose, real if it was; linear."""
        return self._transformed(
            image, lambda x: _moved(self._turned(_scaled(x, self.scale), self.angle), self.rows, self.columns)
        )

    def undo(self, image: Tensor) -> Tensor:
        """The image (..., rows, columns) brought back from this pose, real if it was; linear."""
        return self._transformed(
            image, lambda x: _scaled(self._turned(_moved(x, -self.rows, -self.columns), -self.angle), 1 / self.scale)
        )

    def to_json(self) -> dict[str, float]:
        """As JSON values; `Pose(**values)` makes it again."""
        return asdict(self)

    def __str__(self) -> str:
        """In words: "turned by −1.5°, moved by 2 and 0 pixels, scaled by 1.02"."""
        words = [f"turned by {written(self.angle)}°"] if self.angle else []
        if self.rows or self.columns:
            words.append(f"moved by {written(self.rows, 'g')} and {written(self.columns, 'g')} pixels")
        if self.scale != 1:
            words.append(f"scaled by {self.scale:g}")
        return ", ".join(words) or "as scanned"

    def _transformed(self, image: Tensor, transform: Callable[[Tensor], Tensor]) -> Tensor:
        if self.still:
            return image
        rows, columns = image.shape[-2:]
        top, left = round(MARGIN * rows), round(MARGIN * columns)
        wide = torch.nn.functional.pad(image.to(torch.complex64), (left, left, top, top))
        changed = transform(wide)[..., top : top + rows, left : left + columns]
        return changed if image.is_complex() else changed.real

    def _turned(self, image: Tensor, degrees: float) -> Tensor:
        if degrees == 0:
            return image
        angle = radians(degrees)
        rows, columns = (torch.arange(n, dtype=torch.float64) - n // 2 for n in image.shape[-2:])
        along_columns = tan(angle / 2) * self.aspect * rows[:, None]
        along_rows = -sin(angle) / self.aspect * columns
        for offset, dim in ((along_columns, -1), (along_rows, -2), (along_columns, -1)):
            image = _shifted(image, offset, dim)
        return image


def _moved(image: Tensor, rows: float, columns: float) -> Tensor:
    for offset, dim in ((rows, -2), (columns, -1)):
        image = _shifted(image, torch.tensor(offset, dtype=torch.float64), dim) if offset else image
    return image


def _shifted(image: Tensor, offset: Tensor, dim: int) -> Tensor:
    """The image moved along `dim` by an offset in pixels that broadcasts to the other axis."""
    frequency = torch.fft.fftfreq(image.shape[dim], dtype=torch.float64)
    ramp = torch.exp(-2j * pi * offset * (frequency[:, None] if dim == -2 else frequency))
    return torch.fft.ifft(torch.fft.fft(image, dim=dim) * ramp.to(image), dim=dim)


def _scaled(image: Tensor, scale: float) -> Tensor:
    if scale == 1:
        return image
    rows, columns = (_scaling(n, scale).to(image) for n in image.shape[-2:])
    return rows @ image @ columns.mT


def _scaling(size: int, scale: float) -> Tensor:
    """x'(p) = x(p / scale) along one axis, complex128 (size, size): X'(k) = scale X(scale k), zero out of the band."""
    position = torch.arange(size, dtype=torch.float64) - size // 2
    frequency = torch.fft.fftfreq(size, dtype=torch.float64)
    spectrum = scale * (scale * frequency.abs() <= 0.5)[:, None] * _waves(scale * frequency, position)
    return _waves(frequency, position).mH @ spectrum / size


def _waves(frequency: Tensor, position: Tensor) -> Tensor:
    return torch.exp(-2j * pi * frequency[:, None] * position)
