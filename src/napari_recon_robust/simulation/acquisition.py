"""Simulated acquisitions k_i = F(S_i x) + n_i of a magnitude image, with coils, phase and noise like a scanner's.

All randomness comes from one `numpy.random.Generator`: the same generator state gives the same data.
`simulate_slice` returns tensors; the other functions return numpy arrays (complex64, float32).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.fft import fft2, ifft2
from scipy.interpolate import CubicSpline
from scipy.ndimage import binary_erosion, binary_fill_holes, distance_transform_edt, gaussian_filter, zoom
from torch import Tensor

from ..ground.errors import InputError, dimensions
from ..physics import fourier
from .loops import loop_field, resistance

NOISE_RANGE = (0.0015, 0.015)  # sigma relative to the image's 99.5th percentile
# Radians; leaves 8-36% of imaginary part beside the low-resolution phase; real scans keep 13-41%.
DETAIL_RANGE = (0.1, 0.8)

# Sensitivities are smooth: the field is computed on this many points a side and interpolated by cubic splines.
_FIELD_POINTS = 28
_TINY = float(np.finfo(np.float32).tiny)
_COUPLING = 0.15  # typical |K| between neighbours on the ring
_BODY = 0.75  # radius of the conductor that makes noise, in half fields of view
_WIRE = 0.15  # thickness of the conductor in half fields of view: bounds the field beside it


@dataclass(frozen=True, eq=False)
class SimulatedSlice:
    """One simulated acquisition and its truth; units are those of the magnitude image.

    kspace: complex64 (coils, readout, phase), noisy, fully sampled, with the readout oversampled if asked for. noise:
    the noise in it, of the same shape.
    image: complex64 (rows, columns), the noise-free truth. sensitivities: complex64 (coils, rows, columns),
    sum |S_i|^2 = 1. sigma: float32 (coils,), sigma_i^2 = E|n_i|^2 of one k-space sample.
    """

    kspace: Tensor
    noise: Tensor
    image: Tensor
    sensitivities: Tensor
    sigma: Tensor


def coupling(coils: int, rng: Generator) -> NDArray[np.complex64]:
    """I + K, complex (coils, coils): K is what a coil receives through the others, and falls with their distance."""
    index = np.arange(coils)
    steps = np.abs(index[:, None] - index)
    steps = np.minimum(steps, coils - steps)
    noise = rng.standard_normal((2, coils, coils))
    mutual = (noise[0] + 1j * noise[1]) / np.sqrt(2)
    mutual = (mutual + mutual.T) / np.sqrt(2)  # reciprocity
    mutual *= _COUPLING * np.exp(-(steps - 1) / 1.5) * (steps > 0)
    return (np.eye(coils) + mutual).astype(np.complex64)


@dataclass(frozen=True, eq=False)
class CoilArray:
    """Receive loops on an elliptic cylinder around the head, in half fields of view, and their electronics.

    centres, normals: (coils, 3). radii: (coils,). gains: complex (coils,). mixing: complex (coils, coils), the
    coupling of signals. covariance: complex (coils, coils), of the noise; the mean of its diagonal is 1.
    """

    centres: NDArray[np.float64]
    normals: NDArray[np.float64]
    radii: NDArray[np.float64]
    gains: NDArray[np.complex128]
    mixing: NDArray[np.complex64]
    covariance: NDArray[np.complex64]

    @classmethod
    def random(cls, coils: int, rng: Generator) -> "CoilArray":
        """An array of loops with random positions, sizes and gains, on one ring for up to 8 coils, else on several."""
        rings = int(np.ceil(coils / 8))
        semi_axes = rng.uniform(1.0, 1.4) * rng.uniform(0.9, 1.1, 2)
        spacing = 2 * np.pi * semi_axes.mean() / np.ceil(coils / rings)
        index = np.arange(coils)
        angle = rng.uniform(0, 2 * np.pi) + 2 * np.pi * (index + rng.uniform(-0.2, 0.2, coils)) / coils
        level = rng.uniform(-0.3, 0.3) + 0.6 * (index % rings - (rings - 1) / 2) + rng.normal(0, 0.1, coils)
        centres = np.stack([semi_axes[0] * np.cos(angle), semi_axes[1] * np.sin(angle), level], axis=-1)
        inward = -centres / np.linalg.norm(centres, axis=-1, keepdims=True)
        return cls(
            centres=centres,
            normals=inward + rng.normal(0, 0.15, (coils, 3)),
            radii=np.clip(spacing * rng.uniform(0.45, 0.7, coils), 0.3, 0.8),
            gains=rng.uniform(0.7, 1.3, coils) * np.exp(2j * np.pi * rng.uniform(size=coils)),
            mixing=coupling(coils, rng),
            covariance=noise_covariance(coils, 1.0, rng),
        )

    def with_body_noise(self, share: float) -> "CoilArray":
        """The same array, with this share of the noise's power from currents in the body, a sphere of radius 0.75.

        Neighbours receive it together, through the electronics of the signal; the rest is the coils' own. With 0.5 the
        coefficients of correlation of 16 coils have a root mean square of 0.2.
        """
        received = resistance(self.centres, self.normals, self.radii, sphere=_BODY, wire=_WIRE)
        electronics = self.mixing * self.gains
        body = electronics @ received @ electronics.conj().T
        own = self.covariance / np.trace(self.covariance).real
        covariance = len(body) * ((1 - share) * own + share * body / np.trace(body).real)
        return replace(self, covariance=covariance.astype(np.complex64))

    def sensitivities(self, shape: tuple[int, int], *, height: float = 0.0) -> NDArray[np.complex64]:
        """S = mixing gain (B_x - i B_y) in an axial slice, (coils, rows, columns); the mean of sqrt(sum |S_i|^2) is 1.

        height: the slice's, above the array's middle. The field of view spans [-1, 1] along its longer side.
        Source: Roemer et al., The NMR phased array, 1990, doi:10.1002/mrm.1910160203 (receive field by reciprocity).
        """
        half = max(shape) / 2
        coarse = [np.linspace(-n / 2 / half, n / 2 / half, _FIELD_POINTS) for n in shape]
        plane = np.stack(np.broadcast_arrays(coarse[0][:, None], coarse[1], height), axis=-1)
        fields = [
            loop_field(plane, centre, normal, radius, wire=_WIRE)
            for centre, normal, radius in zip(self.centres, self.normals, self.radii, strict=True)
        ]
        received = [gain * (field[..., 0] - 1j * field[..., 1]) for gain, field in zip(self.gains, fields, strict=True)]
        mixed = np.tensordot(self.mixing, np.stack(received), axes=1).astype(np.complex64)
        fine = [_spline_matrix(grid, (np.arange(n) - n // 2) / half) for grid, n in zip(coarse, shape, strict=True)]
        maps = (fine[0] @ mixed @ fine[1].T).astype(np.complex64)
        return maps / np.sqrt((np.abs(maps) ** 2).sum(0)).mean()


def _spline_matrix(grid: NDArray[np.floating], at: NDArray[np.floating]) -> NDArray[np.float32]:
    """The matrix from values on `grid` to the values of their cubic spline at `at`."""
    return CubicSpline(grid, np.eye(len(grid)))(at).astype(np.float32)


def smooth_field(shape: tuple[int, int], rng: Generator, scale: float) -> NDArray[np.float32]:
    """A random field of standard deviation 1 whose features are `scale` pixels wide: float32 (rows, columns)."""
    factor = max(scale / 4, 1.0)  # a coarser grid loses nothing, and training draws thousands of fields
    coarse = [int(np.ceil(n / factor)) + 1 for n in shape]
    width = scale / factor
    field = gaussian_filter(rng.standard_normal(coarse, dtype=np.float32), width, mode="wrap")
    if factor > 1:
        field = zoom(field, [n / c for n, c in zip(shape, coarse, strict=True)], order=3, mode="nearest")
    field = field[: shape[0], : shape[1]]
    return (field - field.mean()) / field.std()


def phase(
    shape: tuple[int, int],
    rng: Generator,
    magnitude: NDArray[np.floating] | None = None,
    *,
    detail: float | None = None,
) -> NDArray[np.float32]:
    """Smooth + detail = phi, radians (rows, columns), where exp(i phi) is the image's phase.

    smooth: what a low-resolution phase estimate removes (field inhomogeneity, 1-3 rad).
    detail: what remains, a random mixture of susceptibility (steep where tissue meets air), fat (off resonance),
    magnitude-dependent (tissue frequency, flow), local (vessels, iron) and rough parts, whose magnitude-weighted
    root mean square is `detail` radians: about the fraction of imaginary part that is left in real scans. None
    draws it from DETAIL_RANGE; 0 leaves it out.
    """
    size = max(shape)
    field = rng.uniform(0.3, 1.0) * smooth_field(shape, rng, size / rng.uniform(3, 6))
    slope = rng.normal(0, 1.0, 2)
    row, column = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    field = field + slope[0] * row[:, None] + slope[1] * column + rng.uniform(-np.pi, np.pi)
    if detail is None:
        detail = rng.uniform(*DETAIL_RANGE)
    if detail == 0:
        return field.astype(np.float32)

    weight = np.ones(shape, np.float32) if magnitude is None else np.asarray(magnitude, np.float32)
    relative = gaussian_filter(weight / max(float(weight.max()), _TINY), 0.7)
    local = smooth_field(shape, rng, size / rng.uniform(40, 100))
    local = np.sign(local) * np.maximum(np.abs(local) - 1.5, 0)
    tissue = relative > 0.1
    parts = [
        _susceptibility(tissue, rng),
        _fat(binary_fill_holes(tissue), rng),
        relative - relative.mean(),
        local,
        smooth_field(shape, rng, rng.uniform(1.0, 3.0)),
    ]
    shares = rng.dirichlet([2.0, 1.2, 1.2, 0.5, 0.4])
    mixture = np.zeros(shape, np.float32)
    for share, part in zip(shares, parts, strict=True):
        mixture += np.float32(share / max(float(part.std()), 1e-6)) * part
    remaining = mixture - gaussian_filter(mixture, size / 24)
    power = (weight**2 * remaining**2).sum() / max(float((weight**2).sum()), _TINY)
    return (field + mixture * (detail / max(float(np.sqrt(power)), 1e-6))).astype(np.float32)


def susceptibility_field(tissue: NDArray[np.bool_], direction: tuple[float, float]) -> NDArray[np.float32]:
    """B = F^-1 (1/3 - (k b)^2 / k^2) F tissue: the field of a body that continues unchanged across the slice.

    tissue: (rows, columns). direction: the main field's b along rows and columns, |b| <= 1; the rest is across.
    Source: Salomir et al. 2003, doi:10.1002/cmr.b.10083.
    """
    row, column = np.meshgrid(*(np.fft.fftfreq(n).astype(np.float32) for n in tissue.shape), indexing="ij")
    along = direction[0] * row + direction[1] * column
    kernel = 1 / 3 - along**2 / np.maximum(row**2 + column**2, _TINY)
    field: NDArray[np.float32] = ifft2(kernel * fft2(gaussian_filter(tissue.astype(np.float32), 0.7))).real
    return field


def _susceptibility(tissue: NDArray[np.bool_], rng: Generator) -> NDArray[np.float32]:
    """The field of the tissue itself, and of a few bodies of air at its border, beside the slice (sinuses, ear canals).

    Each of these bodies is a dipole at a distance z from the plane: B = (3 cos^2 - 1) / (1 + r^2 / z^2)^(3/2).
    """
    angle, length = rng.uniform(0, np.pi), rng.uniform()
    field = susceptibility_field(tissue, (length * np.cos(angle), length * np.sin(angle)))
    field = field / max(float(field.std()), 1e-6)

    border = np.argwhere(tissue & ~binary_erosion(tissue))
    for _ in range(rng.integers(1, 5) if len(border) else 0):
        place = border[rng.integers(len(border))]
        distance = rng.uniform(0.02, 0.15) * max(tissue.shape)
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        down, right = ((np.arange(n) - at)[:, None] for n, at in zip(tissue.shape, place, strict=True))
        square = down**2 + right.T**2 + distance**2
        cosine = (direction[0] * down + direction[1] * right.T + direction[2] * distance) ** 2 / square
        field = field + rng.normal(0, 6) * (3 * cosine - 1) * (distance**2 / square) ** 1.5
    return field.astype(np.float32)


def _fat(body: NDArray[np.bool_], rng: Generator) -> NDArray[np.float32]:
    """+1 or -1 in a layer under the skin (1-4% of the field of view), else 0: fat's phase differs from water's."""
    layer = body & (distance_transform_edt(body) < rng.uniform(0.01, 0.04) * max(body.shape))
    return layer.astype(np.float32) * np.float32(rng.choice((-1, 1)))


def noise_covariance(coils: int, sigma: float, rng: Generator) -> NDArray[np.complex64]:
    """Psi = E[n n^H] between coils, Hermitian (coils, coils); the mean of its diagonal is sigma^2 = E|n|^2.

    The noise of coils differs by about a third, and their coupling correlates it.
    """
    mixing = coupling(coils, rng) * rng.uniform(0.8, 1.25, (coils, 1))
    covariance = mixing @ mixing.conj().T
    return (covariance * (sigma**2 / np.trace(covariance).real * coils)).astype(np.complex64)


def noise(shape: tuple[int, int], covariance: NDArray[np.complexfloating], rng: Generator) -> NDArray[np.complex64]:
    """Complex Gaussian noise, E[n n^H] = covariance at every sample: complex64 (coils, readout, phase)."""
    coils = len(covariance)
    white = rng.standard_normal((coils, *shape, 2), dtype=np.float32).view(np.complex64)[..., 0] * np.float32(0.5**0.5)
    if not covariance.any():  # no noise, which is not positive definite
        return np.zeros_like(white)
    colour = np.linalg.cholesky(covariance.astype(np.complex128)).astype(np.complex64)
    return (colour @ white.reshape(coils, -1)).reshape(white.shape)


def simulate_slice(
    magnitude: NDArray[np.floating],
    rng: Generator,
    *,
    coils: int | CoilArray = 8,
    height: float = 0.0,
    noise_level: float | None = None,
    scale: float | None = None,
    detail: float | None = None,
    shading: float | None = None,
    oversampling: int = 1,
    matrix: tuple[int, int] | None = None,
) -> SimulatedSlice:
    """k_i = F(S_i x) + n_i with x = magnitude * shading * exp(i phase).

    magnitude: (rows, columns), not negative. coils: an array, or the number of coils of a random one; height: the
    slice's above the array's middle, in half fields of view. noise_level: sigma relative to `scale` (by default the
    truth's 99.5th percentile); None draws it log-uniformly from NOISE_RANGE. detail: that of the phase (see `phase`).
    shading: exponent of the coils' own intensity; 0 is a perfectly normalised scan, 1 one that is not normalised; None
    renders it. oversampling: that of the readout (rows). matrix: acquire fewer samples than the image has pixels (a
    whole divisor of its shape), as a scanner does; the truth is then low-passed, with physical Gibbs ringing and
    partial volumes.
    """
    shape = (magnitude.shape[0], magnitude.shape[1])
    rows, columns = matrix = matrix or shape
    factors = (shape[0] // rows, shape[1] // columns)
    if (rows * factors[0], columns * factors[1]) != shape or 0 in factors:
        raise InputError(
            f"the matrix is {dimensions(matrix)}; a whole divisor of the image's {dimensions(shape)} is expected."
        )

    array = CoilArray.random(coils, rng) if isinstance(coils, int) else coils
    maps = array.sensitivities(shape, height=height)
    total = np.sqrt((np.abs(maps) ** 2).sum(0))
    maps /= total
    shading = float(rng.uniform(0, 0.7)) if shading is None else shading
    shaded = np.asarray(magnitude, np.float32) * total**shading
    image = torch.from_numpy(shaded * np.exp(1j * phase(shape, rng, shaded, detail=detail)).astype(np.complex64))
    truth = fourier.ifft(_acquired(image[None], matrix))[0]
    if scale is None:
        scale = float(np.quantile(truth.abs().numpy(), 0.995))
    if noise_level is None:
        noise_level = float(np.exp(rng.uniform(*np.log(NOISE_RANGE))))

    readout = rows * oversampling
    wide = shape[0] * oversampling
    start = [n // 2 - (m // 2) * f for n, m, f in zip(shape, matrix, factors, strict=True)]
    # The image is placed where the centre crop to `rows` finds it again, also for odd sizes.
    before = wide // 2 - (readout // 2 - (readout - rows) // 2) * factors[0] - start[0]
    widened = torch.nn.functional.pad(torch.from_numpy(maps) * image, (0, 0, before, wide - shape[0] - before))
    covariance = array.covariance * (noise_level * scale) ** 2
    noisy = torch.from_numpy(noise((readout, columns), covariance, rng))
    return SimulatedSlice(
        kspace=_acquired(widened, (readout, columns)) + noisy,
        noise=noisy,
        image=truth,
        sensitivities=torch.from_numpy(maps[:, start[0] :: factors[0], start[1] :: factors[1]].copy()),
        sigma=torch.from_numpy(np.sqrt(np.diag(covariance).real)),
    )


def _acquired(image: Tensor, matrix: tuple[int, int]) -> Tensor:
    """The central `matrix` of the k-space of an image, scaled so that its inverse transform keeps intensities."""
    kspace = image
    for axis, (n, m) in enumerate(zip(image.shape[-2:], matrix, strict=True), start=-2):
        kspace = fourier.fft(kspace, (axis,)).narrow(axis, n // 2 - m // 2, m)
    return kspace * (matrix[0] * matrix[1] / (image.shape[-2] * image.shape[-1])) ** 0.5
