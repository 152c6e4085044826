"""Which residual a plausible image leaves: a two-sided band, calibrated on the measurement itself."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import inf, log, sqrt
from typing import TypeVar

import torch
from torch import Tensor

from ..data.measurement import Measurement, as_single
from ..ground.progress import Job, Progress, relayed
from ..physics import fourier
from ..physics.acs import acs_region
from ..physics.model import ForwardModel
from ..reconstructors.classical import tv
from ..reconstructors.classical.conjugate_gradients import iterates

ITERATIONS = 50  # of conjugate gradients: beyond, directions follow that hardly any sample sees
SPENT = 0.9  # of the degrees of freedom, at most, that a plausible image spends on the noise
STEEPER = 3.0  # misfit over signal outside of the ACS, relative to inside: mostly 2 to 5 in simulations
SPREAD = 0.15  # relative standard deviation of what the truth's residual has above the unregularised fit's
TRUNCATION_SPREAD = 1.0  # relative standard deviation of what the reference has by truncation, likewise
DEVIATIONS = 2  # k
# k-space points at each side of the ACS that the coils carry into it, about half of ESPIRiT's kernel, by the number of
# axes of the ACS: more of them around few points would leave too few degrees of freedom to show a misfit
MARGIN = {1: 3, 2: 1}
LARGEST = {1: 32, 2: 16}  # k-space points along each axis of the ACS that are fitted, by the number of axes
ROWS = 32  # that are fitted at once
TV_STEPS = 40  # at most, where each takes long: more change the truncation by far less than its spread
INDEPENDENT = 1e-8  # eigenvalues below this fraction of the largest count as zero

T = TypeVar("T")


@dataclass(frozen=True)
class Band:
    """The residuals ||A x - y|| / ||y|| of plausible images x.

    low, high: the band. expected: of the true image. unregularised: of the least-squares image by conjugate gradients.
    noise: s, the root of a sample's mean noise power over the coils, in the scan's units. pixel_noise: s sqrt(a R / 2),
    what it makes of a pixel's magnitude, but for the coils' geometry; a is the share of k-space that a full scan
    measures. misfit: what the maps miss of a sample, as a fraction of the noise power, on average over the samples.
    samples, freedom: complex numbers that were measured, and degrees of freedom that the least-squares image spends on
    their noise.
    """

    low: float
    high: float
    expected: float
    unregularised: float
    noise: float
    pixel_noise: float
    misfit: float
    samples: int
    freedom: float

    def holds(self, consistency: float) -> bool:
        """Whether an image with this residual is plausible."""
        return self.low <= consistency <= self.high

    def outside(self, consistency: float) -> float:
        """The logarithm of a residual over the edge that it is beyond: negative below the band, 0 inside."""
        if self.holds(consistency):
            return 0.0
        edge = self.low if consistency < self.low else self.high
        return log(consistency / edge) if consistency > 0 < edge else -inf


@torch.no_grad()
def plausible_band(measurement: Measurement) -> Job[Band]:
    """The band of one slice.

    Samples y = A x + e + n, n noise of E|n_i|^2 = sigma_i^2, e what the maps miss. With P the projection onto the range
    of A and d = tr P the degrees of freedom of an unregularised fit, whose residual r_0 = ||(I - P) y||^2 is measured,

        ||A x - y||^2 = r_0 + ||P (e + n)||^2    for the truth,   E = r_0 + d rho,
        ||A x' - y||^2 = r_0 + d rho - f d s^2   for an image that spends f d of the degrees of freedom on noise,

    rho = s^2 + m the noise power and the misfit of a sample. (Without misfit r_0 is s^2 (N - d) for N samples, and
    these are s^2 N and s^2 (N - f d).) An image is plausible if its squared residual lies in

        r_0 + (1 - 0.9) d s^2   to   r_0 + d rho (1 + 2 sqrt(0.15^2 + 1 / d)).

    1 / d is the variance of a chi-square's mean, 0.15 the spread of s^2 and m as measured in simulations. P is 50
    iterations of conjugate gradients; d is counted by fitting one draw of white noise.

    s and m come from the ACS, where every line is sampled: one image, band-limited to the ACS and 3 points beyond (1
    where points are sampled, not lines), is fitted to it through the same maps by least squares. Its residual over its
    degrees of freedom (C L equations less L + 6 unknowns in a row, for C coils and L lines) is a = s^2 + m_a. s^2 is
    the noise estimate of the calibration, or a if that is less; m_a = a - s^2. Outside of the ACS the misfit is 3 times
    as large relative to the signal's energy.
    One coil determines nothing: m is then 0.

    Padding and what partial Fourier leaves out are samples of zero. The truth is the coil-combined image of truncated
    k-space then, from which the coils carry signal into those samples: t = ||P (A x - y)||^2 of its noise-free x and y
    comes on top. It is t of the k-space that a TV image of the samples beside them has (0 where there are none), and

        r_0 + d rho (1 + 2 sqrt(0.15^2 + 1 / d)) + 3 t

    is the upper limit: 1 is the spread of t, as a TV image knows little of lines that are not sampled near the end.

    The residual of draws from the posterior is distributed as the truth's. Estimates with the least error lie below,
    since they take up noise too: in simulations f was 0.19 to 0.92. The band held 57 of 57 simulated truths under lines
    and 53 of 57 under points, but with partial Fourier and lines at an effective R above 3 only 26 of 34, and under
    lines none of 3 where tissue is at both ends of the phase encoding: the maps miss far more there than the ACS shows.

    Works on one slice, k-space (coils, readout, phase). Raises InputError for a batch, and where there is no ACS.
    """
    as_single(measurement)
    yield Progress(0.0, "Calibrating what is plausible")
    model, data, sigma = _of_heard_coils(measurement)
    weights = _weights(sigma)
    left, free, block = _acs_fit(model, data, weights, measurement.sampled)
    least, freedom = yield from _steps(
        0.1, 0.4, _unregularised(model, data, weights, measurement.sampled), "Calibrating what is plausible"
    )
    truncation = yield from _steps(
        0.4, 1.0, _truncation(measurement, model, data), "Calibrating what is plausible, beside the end of k-space"
    )
    sampled = measurement.sampled.expand(data.shape[-2:])
    samples = len(data) * int(sampled.sum())
    power = float(sigma.double().square().mean())
    level = power if free <= 0 else left / free
    power = min(power, level)
    inside = len(data) * int(sampled[block].sum())
    signal = _energy(data) - power * samples
    beside = max(signal / max(_energy(data[:, *block]) - power * inside, 1e-30) - 1, 0.0)
    misfit = (level - power) * inside * (1 + STEEPER * beside) / samples
    expected = freedom * (power + misfit)
    spread = DEVIATIONS * sqrt(SPREAD**2 + 1 / max(freedom, 1.0))
    total = _energy(data) or 1.0

    def relative(above: float) -> float:
        return sqrt((least + above) / total)

    return Band(
        low=relative((1 - SPENT) * freedom * power),
        high=relative(expected * (1 + spread) + truncation * (1 + DEVIATIONS * TRUNCATION_SPREAD)),
        expected=relative(expected + truncation),
        unregularised=relative(0.0),
        noise=sqrt(power),
        pixel_noise=measurement.acceleration * sqrt(power * samples / data.numel() / 2),
        misfit=misfit / power if power else 0.0,
        samples=samples,
        freedom=freedom,
    )


def _energy(data: Tensor) -> float:
    return float(data.abs().double().square().sum())


def _weights(noise: Tensor) -> Tensor:
    """sigma_i^2 over their mean, float64 (coils,); ones where no noise is known."""
    power = noise.double().square().cpu()
    return power / power.mean() if bool(power.mean() > 0) else torch.ones_like(power)


def _of_heard_coils(measurement: Measurement) -> tuple[ForwardModel, Tensor, Tensor]:
    """A, the data and sigma of the coils that measured anything; those that did not have no part in the noise."""
    data, model = measurement.data.detach(), _on_the_output(measurement)
    heard = (data != 0).any(-1).any(-1)
    if bool(heard.all()) or not bool(heard.any()):
        return model, data, measurement.data_noise
    return replace(model, sensitivities=model.sensitivities[heard]), data[heard], measurement.data_noise[heard]


def _on_the_output(measurement: Measurement) -> ForwardModel:
    """A for images that are zero outside of the output matrix, as reconstructions are."""
    model = measurement.model
    inside = torch.zeros(model.shape, dtype=torch.bool, device=model.sensitivities.device)
    fourier.centre_crop_image(inside, measurement.matrix)[:] = True
    return replace(model, sensitivities=model.sensitivities * inside)


def _steps(start: float, stop: float, parts: Generator[float, None, T], message: str) -> Job[T]:
    """A part of the calibration, which tells how far it is from 0 to 1."""
    return relayed(parts, lambda fraction: Progress(start + fraction * (stop - start), message))


def _unregularised(
    model: ForwardModel, data: Tensor, weights: Tensor, sampled: Tensor
) -> Generator[float, None, tuple[float, float]]:
    """||(I - P) y||^2 by conjugate gradients, and tr P by what they take of white noise."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(data.shape, dtype=data.dtype, generator=generator).to(data.device)
    scale = weights.sqrt().to(data.device, data.real.dtype)[:, None, None]
    both = torch.stack((data, sampled * noise * scale))
    fit = yield from _least_squares(model, model.adjoint(both))
    left = model.forward(fit) - both
    return _energy(left[0]), _energy(both[1]) - _energy(left[1])


def _least_squares(model: ForwardModel, b: Tensor) -> Generator[float, None, Tensor]:
    """The x of A^H A x = b by conjugate gradients, both (..., rows, columns)."""
    images = (image for image, _ in iterates(model.normal, b, ITERATIONS))
    return (yield from _last(images, ITERATIONS + 1))


def _last(found: Iterable[T], most: int) -> Generator[float, None, T]:
    """The last of at most so many; tells which share of them has come."""
    for number, one in enumerate(islice(found, most), 1):
        last = one
        yield number / most
    return last


def _truncation(measurement: Measurement, model: ForwardModel, data: Tensor) -> Generator[float, None, float]:
    """||P (A x - y)||^2 for the coil-combined image x of truncated k-space and its samples y.

    The k-space is that of a TV image to which the points that are known to be zero are unknown, so that it has signal
    on both sides of where the k-space ends.
    """
    sampled = measurement.sampled
    measured = sampled | ~model.mask
    if bool(measured.all()):
        return 0.0
    beside, whole = replace(model, mask=sampled), replace(model, mask=torch.ones_like(sampled))
    scale = measurement.scale
    b, weight = beside.adjoint(data) / scale, tv.rule(float(measurement.noise_level))
    solver = tv.TotalVariation().solver(beside, b)
    steps = _last(solver.iterates(b, weight, solver.start(b)), TV_STEPS)
    state = yield from relayed(steps, lambda fraction: 0.7 * fraction)
    kspace = measured * whole.forward(scale * solver.image(state))
    fit = yield from relayed(_least_squares(model, beside.adjoint(kspace)), lambda fraction: 0.7 + 0.3 * fraction)
    return _energy(model.forward(whole.adjoint(kspace) - fit))


def _acs_fit(
    model: ForwardModel, data: Tensor, weights: Tensor, sampled: Tensor
) -> tuple[float, float, tuple[slice, slice]]:
    """Residual energy of the fit to the ACS, its degrees of freedom, and the block of the data that was fitted.

    E(energy) = s^2 x (degrees of freedom) for noise of the powers s^2 x weights.
    """
    axes = len(model.dims)
    block = _block(sampled, axes)
    left, free = 0.0, 0.0
    for operator, samples in _systems(model, data[:, *block].cpu(), block):
        values, vectors = torch.linalg.eigh(operator.mH @ operator)
        keep = values > INDEPENDENT * values[..., -1:].clamp_min(torch.finfo(values.dtype).tiny)
        inverse = torch.where(keep, values, torch.inf).rsqrt()
        basis = operator @ vectors * inverse[..., None, :]  # orthonormal, of the operator's range
        rest = samples - (basis @ (basis.mH @ samples[..., None]))[..., 0]
        leverage = basis.abs().square().sum(-1).unflatten(-1, (len(weights), -1))
        left += float(rest.abs().square().sum())
        free += float(((1 - leverage) * weights[:, None]).sum())
    return left, free, block


def _block(mask: Tensor, axes: int) -> tuple[slice, slice]:
    """The middle of the ACS, along the axes that are transformed."""
    rows, columns = (
        range(*part.indices(length)) for part, length in zip(acs_region(mask.cpu()), mask.shape, strict=True)
    )
    return (slice(None) if axes == 1 else _middle(rows, mask.shape[0], axes)), _middle(columns, mask.shape[1], axes)


def _middle(points: range, length: int, axes: int) -> slice:
    half = LARGEST[axes] // 2
    return slice(max(points.start, length // 2 - half), min(points.stop, length // 2 + half))


def _systems(model: ForwardModel, samples: Tensor, block: tuple[slice, slice]) -> Iterator[tuple[Tensor, Tensor]]:
    """The maps as convolutions in k-space, and what they are fitted to: complex128 (batch, coils x points, unknowns)
    and (batch, coils x points). Image rows decouple where lines are sampled.
    """
    spectra = fourier.fft(model.sensitivities, model.dims).cpu().to(torch.complex128)
    spectra = spectra / spectra[0].numel() ** 0.5 if len(model.dims) == 2 else spectra / spectra.shape[-1] ** 0.5
    margin = MARGIN[len(model.dims)]
    places = [_lags(part, length, margin) for part, length in zip(block, model.shape, strict=True)]
    right = samples.to(torch.complex128)
    if len(model.dims) == 2:
        rows, columns = places
        operator = spectra[:, rows[:, None, :, None], columns[None, :, None, :]]
        yield operator.flatten(3).flatten(0, 2)[None], right.flatten()[None]
        return
    for spectrum, part in zip(spectra.split(ROWS, 1), right.split(ROWS, 1), strict=True):
        yield spectrum[..., places[1]].transpose(0, 1).flatten(1, 2), part.transpose(0, 1).flatten(1)


def _lags(part: slice, length: int, margin: int) -> Tensor:
    """Where the spectrum has the distance from each unknown to each sample, long (samples, unknowns)."""
    if part.start is None:
        return torch.empty(0)
    samples = torch.arange(part.start, part.stop)
    unknowns = torch.arange(max(part.start - margin, 0), min(part.stop + margin, length))
    return (samples[:, None] - unknowns + length // 2) % length
