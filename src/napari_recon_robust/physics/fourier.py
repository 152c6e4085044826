"""Centred orthonormal Fourier transforms, on the last two axes by default, centred crops and the lines in the centre.

The origin lies at index n // 2 in both domains: k = fftshift(fft(ifftshift(x), norm="ortho")),
as fastMRI stores it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .first_calls import make_first_calls

LAST_TWO = (-2, -1)

make_first_calls()  # here, since whatever computes imports this


def fft(image: Tensor, dim: Sequence[int] = LAST_TWO) -> Tensor:
    """Image to k-space, complex, any leading batch axes."""
    shifted = torch.fft.ifftshift(image, dim=tuple(dim))
    return torch.fft.fftshift(torch.fft.fftn(shifted, dim=tuple(dim), norm="ortho"), dim=tuple(dim))


def ifft(kspace: Tensor, dim: Sequence[int] = LAST_TWO) -> Tensor:
    """k-space to image; the inverse and the adjoint of `fft`."""
    shifted = torch.fft.ifftshift(kspace, dim=tuple(dim))
    return torch.fft.fftshift(torch.fft.ifftn(shifted, dim=tuple(dim), norm="ortho"), dim=tuple(dim))


def central_lines(width: int, count: int) -> Tensor:
    """The mask of `count` of `width` lines in the centre of k-space, where fastMRI places them: bool (width,)."""
    first = (width - count + 1) // 2
    mask = torch.zeros(width, dtype=torch.bool)
    mask[first : first + count] = True
    return mask


def centre_crop(x: Tensor, size: int, dim: int) -> Tensor:
    """The `size` central entries along one axis, from (n - size) // 2 on, as fastMRI crops.

    An axis that is already shorter is returned unchanged.
    """
    length = x.shape[dim]
    if size >= length:
        return x
    return x.narrow(dim, (length - size) // 2, size)


def centre_crop_image(image: Tensor, matrix: tuple[int, int]) -> Tensor:
    """Crop the last two axes to `matrix` = (rows, columns)."""
    return centre_crop(centre_crop(image, matrix[0], -2), matrix[1], -1)


def centre_pad_image(image: Tensor, shape: tuple[int, int]) -> Tensor:
    """Zeros around the last two axes up to `shape`, the inverse of a centred crop."""
    (rows, columns), (height, width) = image.shape[-2:], shape
    top, left = (height - rows) // 2, (width - columns) // 2
    return torch.nn.functional.pad(image, (left, width - columns - left, top, height - rows - top))
