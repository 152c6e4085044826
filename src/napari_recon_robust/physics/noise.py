"""Thermal noise of k-space: estimating its level in each coil, prewhitening, and adding noise.

sigma_i^2 = E|n_i|^2 of the complex noise of one k-space sample of coil i, in the scan's units; with orthonormal
transforms it is the same in image space. Noise is white along k-space and may be correlated between coils.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from ..ground.errors import InputError, dimensions
from . import fourier, null_space, unexplained
from .acs import acs_region

BAND = 8  # image rows whose energies are averaged and whose noise is taken to be equal
ROLL_OFF = 1 / 16  # of the rows at either end, where receivers and resampling attenuate
SELECTIVITY = 8  # power of the even fraction that weights a band
AIR = 2  # image columns of a band whose energies are averaged where no line is missing
# The fraction of these means, from which they are noise. In 14 simulations (33 to 256 px, 1 to 16 coils) air had 0.2 or
# more, and 0.1 at most where it was set to zero.
ENOUGH_AIR = 0.15
ROUNDING = 1e-5  # of the brightest pixel: air of less was set to zero
GROUP = 32  # points of a 2-D pattern whose energies are averaged
FREE = 0.9  # the fraction of even energies from which a band is taken to be free of signal
EVEN = 0.7  # the fraction of what no image explains from which no signal is taken to be in it
COVERED = 0.5  # the fraction of it below which sigma may be 1.5 times the truth and more
NEIGHBOURS = 9  # groups of points, over which the share of noise that no image explains is averaged
FILTERED = 0.25  # the fraction up to which, in the most even band, the noise is taken to differ between the lines
ACS_LINES = 32  # at most, for the null space: more only cost time
SAMPLES_PER_COIL = 16  # at least, for the correlation between coils: fewer feign one
DEPENDENT = 1e-9  # of the largest variance over the coils: rounding leaves 1e-14 to 1e-12, noise 1e-6 or more
MOST_DEPENDENT = 0.75  # of the null vectors
LEAST_VARIANCE = 1e-3  # of a coil's: combinations that the coils cancel to less are uncertain


def estimate(kspace: Tensor, mask: Tensor, sensitivities: Tensor | None = None) -> Tensor:
    """sigma_i, float32 (..., coils): the level of the largest set of low energies that is as even as white noise.

    Sampled lines are first transformed along the readout under a Hann window. Then air counts as much as high
    frequencies, and filtered or zero-padded ends of the readout hardly weigh. Each band of rows gives a level
    (see `_floor`). Sigma is their median, weighted by how many energies were even in all coils, so that bands without
    signal decide.
    For 2-D patterns the sampled points at similar distances from the centre are compared, in one band.
    If hardly any lines are even in any band, a filter along the phase encoding has attenuated some of them, and these
    would decide. Then the bands are compared in each line, and sigma is the median of the lines.
    If no band is free of signal, this estimate is too large, up to 24 times. Then, of lines without gaps, the level of
    the image's air is taken if it is smaller, and the estimate from the null space of the ACS's calibration matrix
    (see `null_space`) if that is smaller still, and of a 2-D pattern with a filter also if it is larger, unless signal
    is in it: filters hardly attenuate the ACS. In 2-D patterns what no image explains (see `unexplained`) is taken if
    that is smaller still, and even enough. It is held against noise that is drawn once, so that another order of the
    coils changes it by 1.2% (80 px) to 0.5% (192 px, standard deviations).
    Where many coils are combinations of others, as copies are, the first estimate remains.
    A factor in one coil, as of a broken one that measures next to nothing, is in its sigma, and in no other.
    On 72 simulations (96 to 320 px, 5 to 16 coils, noise of 0.15 to 1.5%) the root mean square over the coils was 0.93
    to 1.13 times the truth for sampled lines, with a median of 1.03 (0.99 with readout oversampling). On 29 of Poisson
    discs without oversampling (64 to 320 px, 2 to 32 coils and no fewer than R, R = 2 to 10, noise of 0.15 to 3%) it
    was 0.97 to 1.8 times, with a median of 1.02, and for noise of 0.02 to 0.15% 0.96 to 3 times in 26 of 29, with a
    median of 1.17. Without sensitivities it was 1.0 to 22 times on 117, with a median of 1.30; of one coil up to 27.
    Of one coil without gaps and oversampling it was 0.98 to 1.06 times on 10 (33 to 256 px, noise of 0.03 to 1.5%).
    Where noise is nearly the same in all coils (a correlation of 0.98 in each pair) the null space may give 0.4 times
    the truth: its vectors cancel what the coils share.

    kspace: complex64 (..., coils, readout, phase), zero where not sampled. The result is 0 if no sample has energy.
    mask: bool (readout, phase), or (1, phase) for whole lines. Rows, lines and coils without any energy don't count.
    sensitivities: complex64 (..., coils, readout, phase), for 2-D patterns alone; see `coils.espirit_by_length`.
    """
    return estimate_and_doubt(kspace, mask, sensitivities)[0]


def estimate_and_doubt(kspace: Tensor, mask: Tensor, sensitivities: Tensor | None = None) -> tuple[Tensor, bool | None]:
    """The `estimate`, and whether the noise is `covered`; None where the estimate did not need to know, or of a batch.

    kspace, mask, sensitivities: those of `estimate`.
    """
    if kspace.ndim > 3:  # the items of a batch may have other broken coils
        seen = [None] * len(kspace) if sensitivities is None else sensitivities
        return torch.stack([estimate(one, mask, maps) for one, maps in zip(kspace, seen, strict=True)]), None
    heard, sampled = _with_energy(kspace, mask)
    sigma = kspace.new_zeros(len(kspace), dtype=kspace.real.dtype)
    doubt = None
    if bool(heard.any()):
        maps = None if sensitivities is None else sensitivities[heard]
        sigma[heard], doubt = _estimate(kspace[heard], sampled, maps)
    return sigma, doubt


def _estimate(kspace: Tensor, sampled: Tensor, sensitivities: Tensor | None) -> tuple[Tensor, bool | None]:
    """`estimate_and_doubt` of coils and points with energy, of one slice."""
    energies, samples, lines = _energies(kspace, sampled)
    sigma, even = _quiet(energies, samples)
    most = float(even.mean(-2).amax())
    if lines and most < FILTERED:
        of_lines, _ = _floor(energies.mT, samples)
        sigma = of_lines.median(-1).values.sqrt()
    usual = torch.where(sigma > 0, sigma, 1.0)
    if most >= FREE:
        return sigma, None
    if lines and (air := _air(kspace, sampled)) is not None and _less(air, usual):
        sigma = usual = air
    if _dependent(kspace / usual[:, None, None], sampled):
        return sigma, None
    found = _null_space(kspace, sampled, usual)
    if found is not None:
        remaining, signal = found
        attenuated = not lines and most < FILTERED and not bool(signal)
        if bool(remaining.isfinite().all()) and (attenuated or _less(remaining, usual)):
            sigma = remaining
    if lines or sensitivities is None:
        return sigma, None
    remaining, most = _unexplained(kspace, sampled, sensitivities, usual)
    return remaining if most > FILTERED and _less(remaining, sigma) else sigma, most < COVERED


def _air(kspace: Tensor, sampled: Tensor) -> Tensor | None:
    """The level where the image of a slice has no signal (coils,); None of lines with gaps, and if there is no air.

    Air that was set to zero is none.
    """
    columns = sampled.any(0).nonzero()[:, 0]
    if len(columns) < AIR or bool((columns.diff() > 1).any()):
        return None
    bands, samples = _bands(kspace[..., columns], sampled.any(1))
    window, share = _window(torch.ones_like(columns, dtype=torch.bool), bands.real.dtype)
    energies = _energy(fourier.ifft(bands * window, (-1,)))
    means = energies.mean(-2)[..., : len(columns) // AIR * AIR].unflatten(-1, (-1, AIR)).mean(-1).flatten(-2)
    level, even = _floor(means, samples * AIR * share)
    air = (even >= ENOUGH_AIR) & (level > ROUNDING**2 * energies.amax((-3, -2, -1)))
    return level.sqrt() if bool(air.all()) else None


def _less(found: Tensor, usual: Tensor) -> bool:
    """Whether the levels of the coils are less than usual, as root mean square of their ratios."""
    return bool((found / torch.where(usual > 0, usual, 1.0)).square().mean() < 1)


def _unexplained(kspace: Tensor, sampled: Tensor, sensitivities: Tensor, levels: Tensor) -> tuple[Tensor, float]:
    """The level of what no image explains (coils,), and which fraction of it is even.

    Where signal is in that, more of it is explained by more steps. They leave little noise of fewer coils than the
    acceleration, and then it is less even.
    """
    found, most = _remaining(kspace, sampled, sensitivities, levels, unexplained.SHORT)
    if most < EVEN:
        longer, even = _remaining(kspace, sampled, sensitivities, levels, unexplained.LONG)
        if even > most:
            return longer, even
    return found, most


def _remaining(
    kspace: Tensor, sampled: Tensor, sensitivities: Tensor, levels: Tensor, solve: tuple[int, float]
) -> tuple[Tensor, float]:
    of_data, of_noise = unexplained.of_data_and_noise(kspace, sampled, sensitivities, levels, solve)
    energies, samples = _point_energies(of_data, sampled)
    left, _ = _point_energies(of_noise / levels[:, None, None], sampled)
    share = avg_pool1d(left, NEIGHBOURS, 1, NEIGHBOURS // 2, count_include_pad=False)
    found, even = _floor(energies / share.clamp_min(torch.finfo(share.dtype).tiny), samples)
    return found[:, 0].sqrt(), float(even.mean())


def covered(kspace: Tensor, mask: Tensor, sensitivities: Tensor) -> bool:
    """Whether signal, or a filter, hides the noise of a 2-D pattern, or of an item of a batch, from `estimate`.

    Then no energies are as even as white noise, nor those of what no image explains. It says nothing of lines.
    kspace, mask, sensitivities: those of `estimate`.
    """
    if kspace.ndim > 3:
        return any(
            covered(one, mask, maps) for one, maps in zip(kspace, sensitivities.expand(kspace.shape), strict=True)
        )
    heard, sampled = _with_energy(kspace, mask)
    if not bool(heard.any()) or _are_lines(sampled):
        return False
    levels, alone = _quiet(*_point_energies(kspace[heard], sampled))
    if float(alone.mean(-2).amax()) >= FREE:
        return False
    levels = torch.where(levels > 0, levels, 1.0)
    return _unexplained(kspace[heard], sampled, sensitivities[heard], levels)[1] < COVERED


def mean_level(sigma: Tensor) -> Tensor:
    """sqrt(mean_i sigma_i^2) over the coils that have noise, (..., coils) to (...): that of a coil; 0 if none has any.

    A coil without noise is broken, or was left out. It is no quiet one, and the other coils' image has all the noise.
    """
    return (sigma.square().sum(-1) / (sigma > 0).sum(-1).clamp_min(1)).sqrt()


def quietest(kspace: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The level of the lowest energies of each coil, float32 (..., coils), and whether noise alone has it, bool.

    Elsewhere signal covers the noise. The level grows with a coil's gain and its noise alike, and so tells loud coils
    from others. `estimate` does not where it takes the null space of the ACS, whose vectors avoid them.
    kspace, mask: those of `estimate`.
    """
    if kspace.ndim > 3:
        levels, alone = zip(*(quietest(one, mask) for one in kspace), strict=True)
        return torch.stack(levels), torch.stack(alone)
    heard, sampled = _with_energy(kspace, mask)
    level = kspace.new_zeros(len(kspace), dtype=kspace.real.dtype)
    of_noise = level > 0
    if bool(heard.any()):
        energies, samples, _ = _energies(kspace[heard], sampled)
        level[heard], even = _quiet(energies, samples)
        of_noise[heard] = even.amax(-1) >= FREE
    return level, of_noise


def correlation(kspace: Tensor, mask: Tensor, sigma: Tensor) -> Tensor:
    """E[n_i conj(n_j)] / (sigma_i sigma_j), complex (coils, coils), from where all coils have noise alone.

    That is in bands of rows without signal (see `estimate`), in lines whose energy over all coils is about that of
    sigma. The identity if these are few, without air in the image for instance, and for 2-D patterns.
    kspace: complex64 (coils, readout, phase), zero where not sampled. mask, sigma: those of `estimate`.
    """
    uncorrelated = torch.eye(len(kspace), dtype=kspace.dtype, device=kspace.device)
    _, sampled = _with_energy(kspace, mask)
    if not bool(sampled.any()) or not _are_lines(sampled):
        return uncorrelated
    bands, independent = _bands(kspace[..., sampled.any(0)], sampled.any(1))
    bands = bands / torch.where(sigma > 0, sigma, 1.0)[:, None, None, None]
    energies = _energy(bands).mean(-2)
    _, even = _floor(energies, independent)
    quiet = (energies.mean(0) - 1).abs() < 2 / independent**0.5
    quiet &= (even.mean(0) >= FREE)[:, None]
    samples = bands.movedim(-2, -1)[:, quiet].flatten(1)
    if samples.shape[1] < SAMPLES_PER_COIL * len(samples):
        return uncorrelated
    norms = samples.norm(dim=1, keepdim=True)
    samples = samples / torch.where(norms > 0, norms, 1.0)
    return torch.where(uncorrelated != 0, uncorrelated, samples @ samples.mH)


def colour(kspace: Tensor, mask: Tensor, sigma: Tensor) -> Tensor:
    """C, complex (coils, coils): C n is noise like that of a scan where n is white, of E|n_i|^2 = 1.

    It has the level sigma_i in coil i and the `correlation` between coils, whose Hermitian root is in C.
    kspace, mask, sigma: those of `correlation`.
    """
    values, vectors = torch.linalg.eigh(correlation(kspace, mask, sigma))
    return sigma[:, None] * (vectors * values.clamp_min(0).sqrt()) @ vectors.mH


def whitening(kspace: Tensor, mask: Tensor, sigma: Tensor) -> Tensor:
    """W, complex (coils, coils): W n is white noise of E|n_i|^2 = 1 in every coil, for noise n like that of a scan.

    It takes the level sigma_i and the `correlation` between coils away. A coil without noise is left out.
    kspace, mask, sigma: those of `correlation`.
    """
    values, vectors = torch.linalg.eigh(correlation(kspace, mask, sigma))
    root = (vectors * values.clamp_min(LEAST_VARIANCE).rsqrt()) @ vectors.mH
    return root * torch.where(sigma > 0, 1 / sigma, 0.0)


def _with_energy(kspace: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Which coils of a slice measured anything, (coils,), and which points of the mask have energy, (readout, phase).

    A coil of zeros is broken, or was left out: it would pass for a coil whose noise is everywhere even, and the null
    space of the ACS would be that coil alone.
    """
    return kspace.any((1, 2)), mask & kspace.any(0)


def _energies(kspace: Tensor, sampled: Tensor) -> tuple[Tensor, float, bool]:
    """Mean energies (..., coils, bands, n), how many independent samples each is the mean of, and whether of lines."""
    lines = _are_lines(sampled)
    if lines:
        return *_line_energies(kspace[..., sampled.any(0)], sampled.any(1)), lines
    return *_point_energies(kspace, sampled), lines


def _are_lines(sampled: Tensor) -> bool:
    """Whether points, bool (readout, phase), are lines that all have the same rows."""
    return bool((sampled == sampled.any(1, keepdim=True) & sampled.any(0)).all())


def _quiet(energies: Tensor, samples: float) -> tuple[Tensor, Tensor]:
    """The level of the bands that are free of signal (..., coils), and how many energies are even in each band."""
    levels, even = _floor(energies, samples)
    return _weighted_median(levels, even.mean(-2, keepdim=True).pow(SELECTIVITY)).sqrt(), even


def _weighted_median(values: Tensor, weights: Tensor) -> Tensor:
    """Along the last axis; weights broadcast to the values."""
    values, order = values.sort(-1)
    votes = weights.expand_as(values).gather(-1, order).cumsum(-1)
    middle = (votes < votes[..., -1:] / 2).sum(-1, keepdim=True)
    return values.gather(-1, middle)[..., 0]


def _dependent(kspace: Tensor, sampled: Tensor) -> bool:
    """Whether coils that are combinations of others, whose noise cancels theirs, fill the null space.

    Told by the quarter of the samples with the least energy, in which independent coils have noise of their own.
    """
    samples = kspace[:, sampled].cpu().to(torch.complex128)
    coils, points = samples.shape
    count = min(points, max(points // 4, 4 * coils))
    quiet = samples[:, _energy(samples).sum(0).topk(count, largest=False).indices]
    values = torch.linalg.eigvalsh(quiet @ quiet.mH)
    return float((values < DEPENDENT * values[-1]).double().mean()) > MOST_DEPENDENT * null_space.NULL


def _null_space(kspace: Tensor, sampled: Tensor, levels: Tensor) -> tuple[Tensor, Tensor] | None:
    """The estimate from the ACS, and whether signal is in it; None if the ACS is not large enough.

    levels: what another estimate says, (..., coils).
    """
    if not bool(sampled[len(sampled) // 2, sampled.shape[1] // 2]):
        return None
    rows, lines = acs_region(sampled)
    twice = 2 * (len(sampled) // 2)  # a partial echo reaches less far from the centre to one side
    start, stop, _ = rows.indices(len(sampled))  # of one row the region has no limits
    rows = slice(max(start, twice - stop), min(stop, twice + 1 - start))
    first, last, _ = lines.indices(sampled.shape[1])
    middle = (first + last) // 2
    half = ACS_LINES // 2
    return null_space.estimate(kspace[..., rows, max(first, middle - half) : min(last, middle + half)], levels)


def _line_energies(lines: Tensor, measured: Tensor) -> tuple[Tensor, float]:
    """Mean energies (..., coils, bands, lines), and of how many independent samples each is the mean.

    lines: complex (..., coils, readout, lines).
    """
    bands, samples = _bands(lines, measured)
    return _energy(bands).mean(-2), samples


def _bands(lines: Tensor, measured: Tensor) -> tuple[Tensor, float]:
    """Image rows (..., coils, bands, rows, lines), whose noise keeps its level, and how many of a band are independent.

    lines: complex (..., coils, readout, lines).
    """
    window, share = _window(measured, lines.real.dtype)
    hybrid = fourier.ifft(lines * window[:, None], (-2,))
    edge = round(ROLL_OFF * len(measured))
    hybrid = hybrid[..., edge : len(measured) - edge, :]
    band = min(BAND, hybrid.shape[-2])
    bands = hybrid[..., : hybrid.shape[-2] // band * band, :].unflatten(-2, (-1, band))
    return bands, band * share


def _window(measured: Tensor, dtype: torch.dtype) -> tuple[Tensor, float]:
    """A Hann window from the first to the last sample that was measured, real (n,), which keeps the level of noise.

    It makes neighbours in the image alike, of which it leaves this share independent.
    """
    inside = measured.nonzero()[:, 0]
    first, last = int(inside.min()), int(inside.max())
    window = torch.zeros(len(measured), device=measured.device, dtype=dtype)
    hann = torch.hann_window(last - first + 3, periodic=False, device=measured.device, dtype=dtype)
    window[first : last + 1] = hann[1:-1]
    window = window * measured
    power = window.square().mean()
    return window / power.sqrt(), float(power.square() / window.pow(4).mean())


def _point_energies(kspace: Tensor, sampled: Tensor) -> tuple[Tensor, float]:
    """Mean energies (..., coils, 1, groups) of points at similar distances from the centre, and the samples in each."""
    rows, columns = (
        (torch.arange(n, device=kspace.device, dtype=kspace.real.dtype) - n // 2) / n for n in sampled.shape
    )
    distance = (rows[:, None].square() + columns.square())[sampled]
    energies = _energy(kspace[..., sampled])[..., distance.argsort(descending=True, stable=True)]
    size = min(GROUP, energies.shape[-1])
    groups = energies[..., : energies.shape[-1] // size * size].unflatten(-1, (-1, size)).mean(-1)
    return groups[..., None, :], float(size)


def _energy(samples: Tensor) -> Tensor:
    return samples.real.square() + samples.imag.square()


def _floor(energies: Tensor, samples: float) -> tuple[Tensor, Tensor]:
    """The mean of the largest set of lowest energies with a variance of at most mean^2 / samples, and its fraction.

    That is the variance between means of `samples` complex Gaussian noise energies; signal adds to it.
    Hildebrand and Sekhon, J. Appl. Meteorol. 1974, https://doi.org/10.1175/1520-0450(1974)013<0808:ODOTNL>2.0.CO;2.
    energies: real (..., n). Returns two tensors (...).
    """
    scale = energies.mean(-1, keepdim=True)
    ordered = (energies / torch.where(scale > 0, scale, 1.0)).sort(-1).values
    count = torch.arange(1, ordered.shape[-1] + 1, device=ordered.device)
    mean = ordered.cumsum(-1) / count
    variance = ordered.square().cumsum(-1) / count - mean.square()
    number = (count * (variance * samples <= mean.square())).amax(-1, keepdim=True).clamp_min(1)
    return (mean.gather(-1, number - 1) * scale)[..., 0], number[..., 0].to(mean.dtype) / len(count)


def covariance(noise_samples: Tensor) -> Tensor:
    """Psi = E[n n^H], complex128 (coils, coils), from samples that hold only noise, complex (coils, ...).

    It is in double precision, which holds the squares of all numbers of single precision.
    Raises InputError for too few samples, or such that Psi is not positive definite, as where a coil has only zeros.
    """
    samples = noise_samples.flatten(1).to(torch.complex128)
    if samples.shape[1] < samples.shape[0]:
        raise InputError(
            f"{samples.shape[1]} noise samples were given for {samples.shape[0]} coils: "
            "a noise covariance needs at least as many samples as coils, better a hundred times as many."
        )
    psi = samples @ samples.mH / samples.shape[1]
    if _root(psi, noise_samples.dtype) is None:
        raise InputError(
            f"the noise samples of {len(psi)} coils depend on each other, or those of a coil are zero: independent "
            "noise in every coil is expected; measure it again."
        )
    return psi


def prewhiten(kspace: Tensor, psi: Tensor) -> Tensor:
    """Whitened samples L^-1 y with Psi = L L^H: coils whose noise is uncorrelated with E|n_i|^2 = 1.

    kspace: complex64 (..., coils, readout, phase). psi: (coils, coils), positive definite, as `covariance` gives it.
    InputError if it is not positive definite, in the k-space's precision, or of another shape.
    Pruessmann et al., MRM 2001, https://doi.org/10.1002/mrm.1241.
    """
    fits = psi.shape == (kspace.shape[-3],) * 2
    if not fits or (found := _root(psi, kspace.dtype)) is None:
        raise InputError(
            f"the noise covariance of shape {dimensions(psi.shape)} does not whiten {kspace.shape[-3]} coils: "
            "a positive definite matrix (coils, coils) is expected; take more noise samples."
        )
    sigma, root = found
    whitened = torch.linalg.solve_triangular(root, kspace.flatten(-2) / sigma[:, None], upper=False)
    return whitened.unflatten(-1, kspace.shape[-2:])


def _root(psi: Tensor, precision: torch.dtype) -> tuple[Tensor, Tensor] | None:
    """Sigma (coils,) and lower triangular C (coils, coils) of a complex precision with Psi = sigma C C^H sigma.

    C C^H holds correlations, so that no unit of the scan is too small or too large. None if that is not positive
    definite in this precision.
    """
    sigma = psi.diagonal().real.sqrt()
    root, failed = torch.linalg.cholesky_ex((psi / sigma[:, None] / sigma).to(precision))
    return None if bool(failed) else (sigma.to(root.real.dtype), root)


def add(kspace: Tensor, mask: Tensor, sigma: Tensor | float, seed: int) -> Tensor:
    """Noisy samples y + M n, n circular complex Gaussian, E|n_i|^2 = sigma_i^2.

    kspace: complex64 (..., coils, readout, phase), not changed. mask: bool, broadcastable to (readout, phase).
    sigma: one value or one per coil (coils,) for noise that is independent between coils, or what `colour` gives,
    (coils, coils). seed: the same seed gives the same noise on every device.
    """
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randn(kspace.shape, generator=generator, dtype=kspace.dtype).to(kspace.device)
    level = torch.as_tensor(sigma, device=kspace.device)
    if level.ndim == 2:
        return kspace + mask * torch.einsum("ij,...jrp->...irp", level.to(kspace.dtype), samples)
    level = level.to(kspace.real.dtype)
    return kspace + mask * samples * (level[:, None, None] if level.ndim else level)
