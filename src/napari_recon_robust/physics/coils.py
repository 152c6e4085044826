"""Coil sensitivities by ESPIRiT from the fully sampled centre of k-space (the ACS).

Uecker et al., "ESPIRiT - an eigenvalue approach to autocalibrating parallel MRI", MRM 2014,
https://doi.org/10.1002/mrm.24751. Added to it: a support, and the low-resolution phase of the image.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..errors import InputError
from . import fourier

CALIBRATION_SIZE = 28  # k-space points along each axis, at most
KERNEL = 5  # k-space points along each axis; 4 where the ACS is narrow
FEWEST_LINES = 6
SUBSPACE_THRESHOLD = 0.02  # of the largest singular value of the calibration matrix
SUPPORT_THRESHOLD = 0.03  # of the largest magnitude of the ACS image
ITERATIONS = 8  # of the power method, started at the coil images of the ACS


def acs_region(mask: Tensor) -> tuple[slice, slice]:
    """The fully sampled rectangle about the centre of k-space (index n // 2), as (rows, columns).

    mask: bool (readout, phase), or (1, phase) for whole lines (rows are then slice(0, 1)).
    The slices are empty where the centre itself was not sampled. A rectangle as square as the mask allows
    is preferred to a long and thin one.
    """
    sampled = mask.cpu().numpy()
    centre_row = sampled.shape[0] // 2
    best = (slice(centre_row, centre_row), slice(0, 0))
    best_size = (0, 0)
    rows = _centred_run(sampled[:, sampled.shape[1] // 2])
    for height in range(1, rows.stop - rows.start + 1):
        start = max(rows.start, centre_row - height // 2)
        candidate = slice(start, start + height)
        columns = _centred_run(sampled[candidate].all(axis=0))
        width = columns.stop - columns.start
        size = (min(height, width, CALIBRATION_SIZE), height * width)
        if size > best_size:
            best, best_size = (candidate, columns), size
    return best


def _centred_run(sampled: np.ndarray) -> slice:
    """The run of ones about the centre, cut to equal length (within one point) on both sides."""
    centre = len(sampled) // 2
    left = int(np.argmin(np.append(sampled[:centre][::-1], False)))
    right = int(np.argmin(np.append(sampled[centre:], False)))
    return slice(centre - min(left, right), centre + min(right, left + 1))


def espirit(data: Tensor, mask: Tensor, dims: Sequence[int]) -> Tensor:
    """S(r) = the eigenvector of the largest eigenvalue of G(r) = sum_k v_k(r) v_k(r)^H, inside a support.

    v_k are the kernels that span the row space of the calibration matrix, transformed to image space.
    S carries the phase of the low-resolution image, so that sum_i conj(S_i) x_i is nearly real and positive;
    sum_i |S_i|^2 = 1 inside the support, S = 0 outside, where the ACS image is below 3% of its maximum.

    data: complex64 (..., coils, rows, columns), zero where not sampled: k-space for dims = (-2, -1), for
        dims = (-1,) hybrid (image rows x k-space columns). Leading axes are a batch.
    mask: bool (rows, columns) for k-space, (1, columns) for hybrid data.
    Returns complex64 (..., coils, rows, columns).
    Raises InputError where fewer than `FEWEST_LINES` central lines are sampled.
    """
    acs = _calibration_data(data, mask, dims)
    rows, columns = data.shape[-2:]
    low = _evaluate(_window(acs), _grid(rows, rows, data), _grid(columns, columns, data))
    support = _support(low)
    if data.shape[-3] == 1:
        return torch.sgn(low) * support
    coarse = [_grid(n, (n + 1) // 2, data) for n in (rows, columns)]
    start = _evaluate(_window(acs), *coarse)
    maps = _interpolate(_eigenvectors(_gram(acs), start, coarse), (rows, columns))
    maps = maps * torch.sgn((maps.conj() * low).sum(-3, keepdim=True))
    return _normalise(maps) * support


def _calibration_data(data: Tensor, mask: Tensor, dims: Sequence[int]) -> Tensor:
    """The centre of k-space (..., coils, at most CALIBRATION_SIZE, at most CALIBRATION_SIZE)."""
    rows, columns = acs_region(mask)
    if tuple(dims) == (-1,):
        data = fourier.fft(data, (-2,))
        rows = slice(0, data.shape[-2])
    rows, columns = (_central(s, n) for s, n in zip((rows, columns), data.shape[-2:], strict=True))
    found = min(rows.stop - rows.start, columns.stop - columns.start)
    if found < FEWEST_LINES:
        raise InputError(
            f"{found} fully sampled lines were found at the centre of k-space, but coil sensitivities need "
            f"at least {FEWEST_LINES}: choose a sampling pattern with a larger centre fraction."
        )
    return data[..., rows, columns]


def _central(region: slice, length: int) -> slice:
    """The part of a region within CALIBRATION_SIZE / 2 of the centre."""
    centre = length // 2
    half = CALIBRATION_SIZE // 2
    return slice(max(region.start, centre - half), min(region.stop, centre + half))


def _grid(length: int, points: int, like: Tensor) -> Tensor:
    """`points` positions from the first to the last pixel of an axis, as fractions of the field of view."""
    first, last = -(length // 2), length - 1 - length // 2
    return torch.linspace(first, last, points, device=like.device, dtype=like.real.dtype) / length


def _evaluate(kspace: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The image of a small centred k-space block at any positions, up to a factor: (..., rows, columns)."""
    height, width = kspace.shape[-2:]
    return _waves(rows, height) @ kspace @ _waves(columns, width).mT


def _waves(positions: Tensor, size: int) -> Tensor:
    """exp(2 pi i k x) for k = -(size // 2), ...: complex (positions, size)."""
    k = torch.arange(size, device=positions.device, dtype=positions.dtype) - size // 2
    angle = 2 * torch.pi * positions[:, None] * k
    return torch.polar(torch.ones_like(angle), angle)


def _window(acs: Tensor) -> Tensor:
    """The ACS under a Hann window, so that its image doesn't ring."""
    height, width = (
        torch.hann_window(n + 2, periodic=False, device=acs.device, dtype=acs.real.dtype)[1:-1] for n in acs.shape[-2:]
    )
    return acs * height[:, None] * width


def _support(low: Tensor) -> Tensor:
    """Where the low-resolution image shows the object: closed, filled and dilated; float (..., 1, rows, columns)."""
    magnitude = low.abs().square().sum(-3, keepdim=True).sqrt()
    above = (magnitude > SUPPORT_THRESHOLD * magnitude.amax((-2, -1), keepdim=True)).cpu().numpy()
    radius = max(1, round(0.015 * max(low.shape[-2:])))
    support = np.stack([_close(image, radius) for image in above.reshape(-1, *above.shape[-2:])])
    return torch.from_numpy(support.reshape(above.shape)).to(low.device, low.real.dtype)


def _close(image: np.ndarray, radius: int) -> np.ndarray:
    """A binary image closed, its holes filled, dilated by `radius` pixels."""
    padded = np.pad(image, 3 * radius)
    closed = ndimage.binary_closing(padded, iterations=2 * radius)
    solid = ndimage.binary_dilation(ndimage.binary_fill_holes(closed), iterations=radius)
    inner: np.ndarray = solid[3 * radius : -3 * radius, 3 * radius : -3 * radius]
    return inner


def _gram(acs: Tensor) -> Tensor:
    """sum_k v_k v_k^H by its lags, complex (..., coils, coils, 2 kernel - 1, 2 kernel - 1).

    The Fourier transform of the lags is G(r) itself, so that no kernel is transformed one by one.
    """
    coils, height, width = acs.shape[-3:]
    kernel = KERNEL if min(height, width) >= 3 * KERNEL else KERNEL - 1
    patches = acs.unfold(-2, kernel, 1).unfold(-2, kernel, 1)  # ..., coils, y, x, kernel, kernel
    patches = patches.movedim(-5, -3).flatten(-3).flatten(-3, -2)
    values, vectors = torch.linalg.eigh(patches.mT @ patches.conj())
    kept = values > SUBSPACE_THRESHOLD**2 * values[..., -1:]
    vectors = vectors * kept[..., None, :]
    projection = vectors @ vectors.mH
    batch = projection.shape[:-2]
    projection = projection.reshape(*batch, coils, kernel, kernel, coils, kernel, kernel)
    lags = projection.new_zeros(*batch, coils, coils, 2 * kernel - 1, 2 * kernel - 1)
    for y in range(kernel):
        for x in range(kernel):
            block = projection[..., :, y, x, :, :, :].flip((-2, -1))
            lags[..., y : y + kernel, x : x + kernel] += block
    return lags / kernel**2


def _eigenvectors(lags: Tensor, start: Tensor, grid: Sequence[Tensor]) -> Tensor:
    """The dominant eigenvector of G at each point, with the phase of `start`: (..., coils, rows, columns)."""
    gram = _evaluate(lags, *grid)
    vectors = _normalise(start)
    for _ in range(ITERATIONS):
        vectors = _normalise((gram * vectors.unsqueeze(-4)).sum(-3))
    return vectors


def _interpolate(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic interpolation of complex maps whose first and last points are those of the finer grid."""
    parts = torch.view_as_real(maps).movedim(-1, -3)
    fine = torch.nn.functional.interpolate(parts.flatten(0, -4), size=size, mode="bicubic", align_corners=True).reshape(
        *parts.shape[:-2], *size
    )
    return torch.view_as_complex(fine.movedim(-3, -1).contiguous())


def _normalise(maps: Tensor) -> Tensor:
    """maps / sqrt(sum_i |maps_i|^2), zero where all are zero."""
    norm = torch.linalg.vector_norm(maps, dim=-3, keepdim=True)
    return maps / torch.where(norm > 0, norm, 1.0)
