"""Coil sensitivities by ESPIRiT from the fully sampled centre of k-space (the ACS).

Uecker et al., "ESPIRiT - an eigenvalue approach to autocalibrating parallel MRI", MRM 2014,
https://doi.org/10.1002/mrm.24751. We add a support and the low-resolution phase of the image.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..ground.errors import InputError
from ..ground.numbers import counted
from . import fourier
from .acs import acs_region

CALIBRATION_SIZE = 32  # k-space points along each axis, at most
KERNEL = 10  # k-space points along each axis, at most
SPAN = 0.4  # of the points that calibrate along each axis, at most: wider kernels have too few places to fit them
SUPPORT_SPAN = 0.5  # the same for the kernels that give the support, since longer ones see the object's edge
PLACES = 2.5  # of these kernels in those that calibrate, at least, for each of their points
SMALL_KERNEL = 6  # k-space points where further eigenvalues count, of which wider kernels have more near 1
SHORTEST = 3  # k-space points along each axis, at least: two do not follow the sensitivities
MARGIN = 2  # pixels around the image, for the interpolation
FEWEST_LINES = 6
VIRTUAL_COILS = 64  # at most
SUBSPACE_THRESHOLD = 0.02  # of the largest singular value of the calibration matrix, where the noise is not known
LEAST_THRESHOLD = 0.003  # of it too: what is smaller is rounding and ringing
MOST_THRESHOLD = 0.3  # of it, so that some kernels remain in any noise
MAGNITUDE_THRESHOLD = 0.03  # of the largest magnitude of the ACS image, for the support
EIGENVALUE_THRESHOLD = 0.88  # of 1, for the support too: sharper than the magnitude, since kernels see the edge
LOST_TO_NOISE = 3.0  # eigenvalues of tissue are smaller by about this times the threshold of the singular values
CLOSING, DILATION = 0.04, 0.015  # radii, as fractions of the larger side
ITERATIONS = 8  # products with G, from the coil images of the ACS on
UNWANTED = 0.8  # of 1, up to which eigenvalues of G are no signal's
SECOND_THRESHOLD = 0.9  # of 1, from which an eigenvalue beside the largest is that of another place in the same pixel
NOISE_LIMIT = 0.002  # of the ACS's energy: with more noise, and few lines, the kernels span it and fit it everywhere
ROWS = 16  # of the grid whose G(r) are held at once
POSITIONS = 32  # along each axis, where eigenvalues beside the largest are looked for


def espirit_by_length(
    data: Tensor, mask: Tensor, dims: Sequence[int], noise: Tensor | None = None
) -> tuple[Tensor, ...]:
    """S(r) = the eigenvector of the largest eigenvalue of G(r) = sum_k v_k(r) v_k(r)^H, inside a support.

    v_k are the kernels that span the row space of the calibration matrix, transformed to image space: those whose
    singular values are above the largest that noise alone would have, but at least 0.3% and at most 30% of the
    largest.
    S carries the phase of the low-resolution image, so that sum_i conj(S_i) x_i is nearly real and positive.
    With few lines or points S comes from shorter kernels than the support: kernels with few places in the ACS fit it
    worse, but longer ones see the edge of the object.
    Inside the support sum_i |S_i|^2 = 1, outside S = 0. Outside means that the ACS image is below 3% of its maximum
    or the eigenvalue below 0.88 - 3 t, where t is the threshold of the singular values relative to the largest (in
    theory the eigenvalue is 1 where there is signal, but what noise hides is missing); holes and notches are filled.
    S_i is exactly 0 for a coil that measured nothing: no change of the object reaches its samples, which have no noise.

    data: complex64 (..., coils, rows, columns), zero where not sampled. It is k-space for dims = (-2, -1), and
        hybrid (image rows x k-space columns) for dims = (-1,). Leading axes are a batch.
    mask: bool (rows, columns) for k-space, (1, columns) for hybrid data.
    noise: sigma of a k-space sample, real (..., coils); without it the kernels are those above 2%.
    Returns S, complex64 (..., coils, rows, columns), and where the ACS has room for the longer kernels of the support a
        second S, by these. The ACS cannot tell which is closer to the truth: longer kernels follow sensitivities that
        change faster over the field of view, but fit the ACS too well. `unexplained.explaining_most` chooses, by all
        samples.
    Raises InputError if fewer than `FEWEST_LINES` sampled lines lie evenly about the centre.
    """
    measured = _calibration_data(data, mask, dims)
    heard = (measured != 0).any(-1).any(-1)[..., None, None]
    acs, basis = _virtual_coils(measured)
    windowed = _window(acs)
    size = data.shape[-2:]
    fine = [_pixels(n, 1, 0, data) for n in size]
    coarse = [_pixels(n, 2, MARGIN, data) for n in size]
    low = _evaluate(windowed, *fine)
    start = _evaluate(windowed, *coarse)
    kernel, longer = (_kernel_size(acs, span, KERNEL) for span in (SPAN, SUPPORT_SPAN))
    solved = [_solved(acs, kernel, noise, start, coarse)]
    if longer != kernel and _places(acs, longer) >= PLACES * math.prod(longer):
        solved.append(_solved(acs, longer, noise, start, coarse))
    _, values, threshold = solved[-1]
    least = EIGENVALUE_THRESHOLD - LOST_TO_NOISE * threshold
    support = _support(start, values > least)[..., MARGIN : MARGIN + size[0], MARGIN : MARGIN + size[1]]

    def finished(vectors: Tensor) -> Tensor:
        maps = _double(_double(vectors, size[0], -2), size[1], -1)
        phase = torch.sgn((maps.conj() * low).sum(-3, keepdim=True))
        maps = maps * (phase * support / _norm(maps))
        maps = maps if basis is None else torch.einsum("...cv,...vyx->...cyx", basis, maps)
        return maps * heard

    return tuple(finished(vectors) for vectors, _, _ in solved)


def has_acs(mask: Tensor, shape: Sequence[int]) -> bool:
    """Whether enough central lines are sampled for ESPIRiT. shape: the (rows, columns) of its data."""
    try:
        return _width(_centre(mask, shape)) >= FEWEST_LINES
    except InputError:
        return False


def beyond_support(sensitivities: Tensor) -> Tensor:
    """Sensitivities that go on beyond their support: each pixel outside has those of the nearest pixel inside.

    Coils see what moves out of the support too, and their sensitivities are smooth. The eigenvectors of ESPIRiT go on
    worse: they say nothing where there is no signal. sensitivities: complex64 (coils, rows, columns); without any
    support they stay zero.
    """
    inside = (sensitivities != 0).any(0)
    if not inside.any():
        return sensitivities
    rows, columns = ndimage.distance_transform_edt(~inside.cpu().numpy(), return_distances=False, return_indices=True)
    return sensitivities[:, torch.from_numpy(rows), torch.from_numpy(columns)]


def beyond_one_set(data: Tensor, mask: Tensor, dims: Sequence[int], noise: Tensor) -> float:
    """The share of the ACS's energy that one set of sensitivities leaves and further ones explain, less all noise.

    Where two places of the object share a pixel, since the field of view is smaller than the object, G(r) has two
    eigenvalues near 1 (Uecker et al., above), and the coil images have a part along the second eigenvector. What one
    set leaves anywhere else, by few ACS lines or noise, has small eigenvalues and does not count. The
    share is 0 where noise has `NOISE_LIMIT` of the energy or more, since nothing can be told then.

    noise: sigma of a k-space sample, real (..., coils). The others are those of `espirit_by_length`, with its errors.
    """
    acs, _ = _virtual_coils(_calibration_data(data, mask, dims))
    grid = [_pixels(POSITIONS, 1, 0, acs)] * 2
    values, vectors = torch.linalg.eigh(_gram(_strongest_lags(acs), grid))
    images = _evaluate(_window(acs), *grid).movedim(-3, -1)
    parts = (vectors.mH @ images.unsqueeze(-1))[..., 0].abs().square()
    further = (parts * (values > SECOND_THRESHOLD))[..., :-1]
    window = _window(torch.ones_like(acs[..., :1, :, :])).abs().square()
    expected = POSITIONS**2 * float(window.sum((-3, -2, -1)).mul(noise.square().sum(-1)).sum())
    total = float(parts.sum())
    if expected >= NOISE_LIMIT * total:
        return 0.0
    return max(float(further.sum()) - expected, 0.0) / total if total else 0.0


def _calibration_data(data: Tensor, mask: Tensor, dims: Sequence[int]) -> Tensor:
    """The centre of k-space (..., coils, at most CALIBRATION_SIZE, at most CALIBRATION_SIZE)."""
    hybrid = tuple(dims) == (-1,)
    rows, columns = centre = _centre(mask, data.shape[-2:])
    if _width(centre) < FEWEST_LINES:
        raise InputError(_too_narrow(_width(centre), mask, data.shape[-2:]))
    acs = data[..., columns]
    return (fourier.fft(acs, (-2,)) if hybrid else acs)[..., rows, :]


def _too_narrow(even: int, mask: Tensor, shape: Sequence[int]) -> str:
    """Words on an ACS of which so many lines lie evenly about the centre."""
    width = min(len(range(length)[part]) for part, length in zip(acs_region(mask), shape, strict=True))
    if width >= FEWEST_LINES:
        return (
            f"the centre of k-space has {counted(width, 'fully sampled line')}, but only {even} of them lie evenly "
            f"about it, and coil sensitivities need at least {FEWEST_LINES}: choose a sampling whose ACS has the "
            "centre in its middle, or GRAPPA, which uses no sensitivities."
        )
    return (
        f"the centre of k-space has {counted(even, 'fully sampled line')}, but coil sensitivities need "
        f"at least {FEWEST_LINES}: choose a sampling with a wider ACS, that is a larger centre fraction; a scan "
        "that was measured without one needs calibration lines in its file."
    )


def _virtual_coils(acs: Tensor) -> tuple[Tensor, Tensor | None]:
    """The ACS of at most `VIRTUAL_COILS` virtual coils, and the basis (..., coils, virtual) that leads back from them.

    They are the principal components of the coils (Buehrer et al. 2007, https://doi.org/10.1002/mrm.21237): memory
    grows with the square of the coils. The basis is unitary, so that sensitivities of virtual coils are those of the
    coils in another frame. None where there are no more coils.
    """
    if acs.shape[-3] <= VIRTUAL_COILS:
        return acs, None
    basis = torch.linalg.svd(acs.flatten(-2), full_matrices=False).U[..., :VIRTUAL_COILS]
    return torch.einsum("...cv,...cyx->...vyx", basis.conj(), acs), basis


def _centre(mask: Tensor, shape: Sequence[int]) -> list[slice]:
    """The part of the ACS that calibrates, as (rows, columns). InputError if the centre is not sampled."""
    return [_central(region, length) for region, length in zip(acs_region(mask), shape, strict=True)]


def _width(centre: Sequence[slice]) -> int:
    return min(part.stop - part.start for part in centre)


def _central(region: slice, length: int) -> slice:
    """The part of a fully sampled region that is symmetric, to within one point, about the centre length // 2."""
    start, stop, _ = region.indices(length)
    centre = length // 2
    before, after = min(centre - start, CALIBRATION_SIZE // 2), min(stop - centre, CALIBRATION_SIZE // 2)
    return slice(centre - min(before, after), centre + min(after, before + 1))


def _pixels(length: int, step: int, margin: int, like: Tensor) -> Tensor:
    """Positions of every `step`-th pixel, to at least `margin` pixels beyond the image, in fields of view."""
    pixels = torch.arange(-margin, length + 2 * margin, step, device=like.device, dtype=like.real.dtype)
    return (pixels - length // 2) / length


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


def _support(low: Tensor, signal: Tensor) -> Tensor:
    """The object's support on every pixel, float (..., 1, rows, columns), from every second pixel.

    low: the coil images of the ACS. signal: bool (..., 1, rows, columns), where the eigenvalue says that there is any.
    """
    magnitude = _norm(low)
    visible = magnitude > MAGNITUDE_THRESHOLD * magnitude.amax((-2, -1), keepdim=True)
    above = (visible & signal).cpu().numpy()
    solid = np.stack([_solid(image) for image in above.reshape(-1, *above.shape[-2:])])
    support = torch.from_numpy(solid.reshape(above.shape)).to(low.device, low.real.dtype)
    return support.repeat_interleave(2, -2).repeat_interleave(2, -1)


def _solid(image: np.ndarray) -> np.ndarray:
    """Close a binary image, fill its holes, and dilate it."""
    closing, dilation = (max(1, round(radius * max(image.shape))) for radius in (CLOSING, DILATION))
    border = closing + dilation
    closed = ndimage.binary_closing(np.pad(image, border), iterations=closing)
    dilated = ndimage.binary_dilation(ndimage.binary_fill_holes(closed), iterations=dilation)
    inner: np.ndarray = dilated[border:-border, border:-border]
    return inner


def _solved(
    acs: Tensor, kernel: tuple[int, int], noise: Tensor | None, start: Tensor, positions: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Eigenvectors by kernels of one size, their eigenvalues, and the threshold of singular values (1: the largest)."""
    kernels, singular = _row_space(acs, kernel)
    largest = singular[..., -1:]
    threshold = SUBSPACE_THRESHOLD * largest
    if noise is not None:
        threshold = _largest_of_noise(acs, kernels, noise).clamp(LEAST_THRESHOLD * largest, MOST_THRESHOLD * largest)
    vectors, values = _eigenvectors(_lags(kernels, singular > threshold), start, positions)
    return vectors, values, (threshold / largest)[..., 0]


def _row_space(acs: Tensor, kernel: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The kernels that span the row space of the calibration matrix, and their singular values, the largest last.

    kernel: points of a kernel along each axis.
    Returns complex (..., coils, kernel, kernel, kernels) and real (..., 1, 1, 1, kernels). Kernels whose singular
    values are below `LEAST_THRESHOLD` of the largest are not orthonormal, or zero.
    They are computed in double precision where the device has it: the eigenvalues are squares, so that in single
    precision the rounding of one processor or another decides on 1% of the weakest kernels, and on sensitivities at the
    edge of the support.
    """
    shape = acs.shape[-3], *kernel
    patches = acs.unfold(-2, shape[1], 1).unfold(-2, shape[2], 1)  # ..., coils, y, x, kernel rows, kernel columns
    patches = patches.movedim(-5, -3).flatten(-5, -4).flatten(-3)  # ..., patches, coils x kernel
    patches = patches if patches.device.type == "mps" else patches.to(torch.complex128)
    wide = patches.shape[-1] > patches.shape[-2]
    values, vectors = torch.linalg.eigh(patches.conj() @ patches.mT if wide else patches.mT @ patches.conj())
    singular = values.clamp_min(0).sqrt()
    if wide:  # the eigenvectors of the smaller Gram matrix lead to those of the larger
        above = singular > LEAST_THRESHOLD * singular[..., -1:]
        vectors = patches.mT @ (vectors / torch.where(above, singular, torch.inf)[..., None, :])
    return vectors.unflatten(-2, shape).to(acs.dtype), singular[..., None, None, None, :].to(acs.real.dtype)


def _kernel_size(acs: Tensor, span: float, widest: int) -> tuple[int, int]:
    """Points of a kernel along each axis: this share of those that calibrate, from `SHORTEST` to `widest`."""
    rows, columns = (min(widest, max(SHORTEST, int(span * length))) for length in acs.shape[-2:])
    return rows, columns


def _places(acs: Tensor, kernel: Sequence[int]) -> int:
    """The number of places of a kernel in the ACS: the rows of the calibration matrix."""
    return (acs.shape[-2] + 1 - kernel[0]) * (acs.shape[-1] + 1 - kernel[1])


def _largest_of_noise(acs: Tensor, kernels: Tensor, noise: Tensor) -> Tensor:
    """About the largest singular value of a calibration matrix of noise alone, real (..., 1, 1, 1, 1).

    It is one that is white in k-space and independent between the coils, which may have noise of different levels.
    """
    size = kernels.shape[-3:-1]
    found = noise.amax(-1) * _places(acs, size) ** 0.5 + (noise.square().sum(-1) * size.numel()).sqrt()
    return found[..., None, None, None, None]


def _lags(kernels: Tensor, kept: Tensor) -> Tensor:
    """sum_k v_k v_k^H by its lags, complex (..., 2 kernel - 1, 2 kernel - 1, coils, coils).

    The Fourier transform of the lags is G(r) itself, so that no kernel is transformed to the image one by one.
    kernels, kept: those of `_row_space`, and which count, the last ones of each item of a batch.
    """
    size = kernels.shape[-3:-1]
    most = max(int(kept.sum(-1).amax()), 1)
    spectra = torch.fft.fft2((kernels * kept)[..., -most:], [2 * n - 1 for n in size], (-3, -2))
    spectra = spectra.movedim(-4, -2)  # ..., y, x, coils, kernels
    lags = torch.fft.ifft2(spectra @ spectra.mH, dim=(-4, -3))
    return torch.fft.fftshift(lags, (-4, -3)) / size.numel()


def _strongest_lags(acs: Tensor) -> Tensor:
    """The lags of the small kernels above 2%, which tell where two places share a pixel."""
    kernels, singular = _row_space(acs, _kernel_size(acs, SPAN, SMALL_KERNEL))
    return _lags(kernels, singular > SUBSPACE_THRESHOLD * singular[..., -1:])


def _eigenvectors(lags: Tensor, start: Tensor, grid: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The dominant eigenvector of G, with the phase of `start`, and its eigenvalue, on a grid.

    The Chebyshev polynomial of G that is at most 1 in magnitude from 0 to `UNWANTED` and grows beyond is applied to
    `start`: G has one eigenvalue near 1 where there is signal, and the powers of G would need many more products.
    Rows are taken in groups, so that G stays small.
    Returns complex (..., coils, rows, columns) and real (..., 1, rows, columns).
    """
    rows, columns = grid
    vectors = (start / _norm(start)).movedim(-3, -1).unsqueeze(-1)
    before, after = [], []
    for some, part in zip(rows.split(ROWS), vectors.split(ROWS, -4), strict=True):
        gram = _gram(lags, (some, columns))
        last, found = part, 2 / UNWANTED * (gram @ part) - part
        for _ in range(ITERATIONS - 2):
            last, found = found, 4 / UNWANTED * (gram @ found) - 2 * found - last
        before.append(found)
        after.append(gram @ found)
    previous, maps = (torch.cat(parts, -4)[..., 0].movedim(-1, -3) for parts in (before, after))
    norm = _norm(maps)
    return maps / norm, norm / _norm(previous)


def _gram(lags: Tensor, grid: Sequence[Tensor]) -> Tensor:
    """G(r) on a grid, complex (..., rows, columns, coils, coils)."""
    rows, columns = (_waves(positions, count) for positions, count in zip(grid, lags.shape[-4:-2], strict=True))
    gram = columns @ (rows @ lags.flatten(-3)).unflatten(-1, (lags.shape[-3], -1))
    return gram.unflatten(-1, lags.shape[-2:])


def _double(maps: Tensor, length: int, dim: int) -> Tensor:
    """Interpolate maps at every second point along an axis (from MARGIN before the first) to `length`, cubically."""
    n = maps.shape[dim] - 3
    before, left, right, after = (maps.narrow(dim, i, n) for i in range(4))
    between = (9 * (left + right) - before - after) / 16
    return torch.stack((left, between), dim).flatten(dim - 1, dim).narrow(dim, 0, length)


def _norm(maps: Tensor) -> Tensor:
    """sqrt(sum_i |maps_i|^2) over the coils, one where that is zero: real (..., 1, rows, columns)."""
    norm = (maps.real.square() + maps.imag.square()).sum(-3, keepdim=True).sqrt()
    return torch.where(norm > 0, norm, 1.0)
