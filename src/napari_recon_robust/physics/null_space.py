"""Thermal noise where signal lies everywhere: what the ACS has in the null space of its calibration matrix.

Patches of multi-coil k-space (kernel x kernel points of all coils) lie near a subspace, since coil sensitivities are
smooth: Shin et al., MRM 2014, https://doi.org/10.1002/mrm.24997; Uecker et al., MRM 2014,
https://doi.org/10.1002/mrm.24751. Estimating the noise in its complement is our own.
"""

import torch
from torch import Tensor

KERNELS = (4, 3, 2)  # points along each axis; the largest that leaves `SURPLUS` patches
# Tried before them where coils are few, and differ too little to leave a null space: that of a large kernel has the air
# beside the object. On 288 simulations (48 to 200 px, noise of 0.0015 to 0.1) sigma was 0.24 to 1.09 times what the
# smaller kernels give, and 0.98 times the truth or more.
LARGE = {1: (8, 6), 2: (6,)}  # by the number of coils
SURPLUS = 2  # half the ACS has at least so many patches for each of their dimensions: fewer feign a null space
PATCHES = 4  # about so many for each dimension: more cost time and gain little
NULL = 0.3  # of all directions, those with the least signal
# Powers of null vectors differ by 1.2 to 2.4 times where they hold noise of equal coils alone (60 simulations, 3 to 32
# coils); with signal in some, as where coils or lines are few, 4.4 to 70 times, and sigma is up to 900 times too large.
UNEQUAL = 4.0
FEWEST = 4  # null vectors: fewer are alike by chance
DIFFERENT = 1.25  # times the least of the coils' levels: from there on they are brought closer to each other
LEAST = 0.3  # of their root mean square: what is taken for less is uncertain
TESTED = (0.4, 0.9)  # where the power is measured, from the readout's centre (signal) to its ends (receiver's filter)
# They draw the covariance to white noise where the null space does not show it. Null vectors avoid loud coils and find
# what correlated coils cancel, and show little of either, which the first hides. The second counts, where it is larger,
# if it makes a coil's sigma larger by `HIDDEN`. On 32 simulations of usual coils it did so by 1.2 at most, on 32 with a
# third of the coils at a fifth of the gain by 2.2 to 5.6, and with noise correlated by 0.5 by 1.1 to 1.5.
RIDGES = (0.02, 1e-5)
HIDDEN = 1.25


def estimate(acs: Tensor, levels: Tensor | None = None) -> tuple[Tensor, Tensor] | None:
    """Sigma_i, float32 (..., coils), from E|v^H a|^2 = v^H (Psi x I) v for patches a and null vectors v; doubts, (...).

    v: the directions in which the patches of one half of the readout, each of norm 1, have the least power (so that
    the weak signal far from the centre counts as much as the centre). Power is measured in the other half, so that
    choosing v does not bias it; then the halves change roles. Psi follows by linear least squares.
    Null vectors lie in quiet coils and avoid loud ones, so all are relative to `levels`; where the coils then differ
    in what is found, they are relative to that, once more.

    acs: complex64 (..., coils, readout, lines), fully sampled, the readout's centre in its middle. levels: about the
    noise of each coil, real (..., coils), positive; by default 1. The result is None if the ACS is too small for the
    number of coils, and sigma is NaN for an item of the batch where a coil would have no noise, which are both signs of
    too few directions. Noise is assumed white along k-space. Signal that remains makes sigma too large; the doubts,
    bool, say whether it does, since null vectors differ far more in power than noise explains.
    """
    coils, readout, lines = acs.shape[-3:]
    half = readout // 2
    for kernel in (*LARGE.get(coils, ()), *KERNELS):
        size, count = coils * kernel**2, _count(half, lines, kernel)
        if min(half, lines) >= kernel and count >= SURPLUS * size and round(NULL * size) >= FEWEST:
            break
    else:
        return None
    unit = acs.real.new_ones(acs.shape[:-2]) if levels is None else levels
    found, signal = _relative(acs / unit[..., None, None], kernel)
    sigma = unit * found
    if bool((found.amax(-1) > DIFFERENT * found.amin(-1)).any()):
        unit = unit * _at_least(found, LEAST)
        found, still = _relative(acs / unit[..., None, None], kernel)
        sigma, signal = torch.where(still[..., None], sigma, unit * found), signal & still
    silent = (sigma == 0).any(-1) & (sigma > 0).any(-1)
    return torch.where(silent[..., None], torch.nan, sigma), signal


def _relative(acs: Tensor, kernel: int) -> tuple[Tensor, Tensor]:
    """Sigma_i for kernels of this size (..., coils), and whether signal is in the null vectors, bool (...)."""
    coils, readout, lines = acs.shape[-3:]
    half = readout // 2
    near, far = (round(part * (half - kernel + 1)) for part in TESTED)
    left, right = (_patches(side, kernel) for side in (acs[..., :half, :].flip(-2), acs[..., readout - half :, :]))
    left = left.unflatten(-1, (coils, kernel, kernel)).flip(-2).flatten(-3)  # kernels the right way round again
    step = max(1, _count(half, lines, kernel) // (PATCHES * left.shape[-1]))
    normal, power = acs.new_zeros(()), acs.new_zeros(())
    signal = torch.zeros(acs.shape[:-3], dtype=torch.bool, device=acs.device)
    for training, test in ((left, right), (right, left)):
        vectors = _null_vectors(training[..., ::step, :, :].flatten(-3, -2))
        responses = test[..., near : max(far, near + 1) : step, :, :].flatten(-3, -2) @ vectors.conj()
        powers = responses.abs().square().mean(-2)
        signal = signal | (powers.amax(-1) > UNEQUAL * powers.amin(-1))
        measured = vectors @ (responses.mT @ responses.conj() / responses.shape[-2]) @ vectors.mH
        projection = _blocks(vectors @ vectors.mH, coils)
        power = power + _blocks(measured, coils).diagonal(dim1=-2, dim2=-1).sum(-1).flatten(-2)
        rows = projection.flatten(-2).flatten(-3, -2)
        normal = normal + _blocks(rows @ rows.mH, coils).flatten(-4, -3).flatten(-2)
    return _solve(normal, power, coils).sqrt(), signal


def _at_least(levels: Tensor, share: float) -> Tensor:
    """Levels (..., coils) of at least so much of their root mean square; 1 where all are zero or unknown."""
    usual = levels.square().mean(-1, keepdim=True).sqrt()
    return torch.where(usual > 0, torch.maximum(levels, share * usual), 1.0)


def _count(half: int, lines: int, kernel: int) -> int:
    return (half - kernel + 1) * (lines - kernel + 1)


def _patches(kspace: Tensor, kernel: int) -> Tensor:
    """(..., rows, lines, coils x kernel x kernel)."""
    return kspace.unfold(-2, kernel, 1).unfold(-2, kernel, 1).movedim(-5, -3).flatten(-3)


def _null_vectors(patches: Tensor) -> Tensor:
    """Complex (..., dimensions, null vectors) of patches (..., n, dimensions)."""
    norm = patches.norm(dim=-1, keepdim=True)
    patches = patches / torch.where(norm > 0, norm, 1.0)
    vectors: Tensor = torch.linalg.eigh(patches.mT @ patches.conj()).eigenvectors
    return vectors[..., : round(NULL * vectors.shape[-1])]


def _blocks(matrix: Tensor, coils: int) -> Tensor:
    """A matrix (..., coils x n, coils x n) as (..., coils, coils, n, n)."""
    size = matrix.shape[-1] // coils
    return matrix.unflatten(-1, (coils, size)).unflatten(-3, (coils, size)).transpose(-3, -2)


def _solve(normal: Tensor, power: Tensor, coils: int) -> Tensor:
    """The diagonal of Psi, real (..., coils) and not negative, from G vec(Psi) = b."""
    white = torch.eye(coils, dtype=normal.dtype, device=normal.device).flatten()
    expected = normal @ white
    level = (power @ white).real / (expected @ white).real
    size = normal.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    identity = torch.eye(coils**2, dtype=normal.dtype, device=normal.device)
    rest = (power - level[..., None] * expected)[..., None]
    usual, weak = (
        (level[..., None] * white + _definite(normal + ridge * size * identity, rest)[..., 0])
        .unflatten(-1, (coils, coils))
        .diagonal(dim1=-2, dim2=-1)
        .real.clamp_min(0)
        for ridge in RIDGES
    )
    return torch.where((weak > HIDDEN**2 * usual).any(-1, keepdim=True), torch.maximum(weak, usual), usual)


def _definite(matrix: Tensor, right: Tensor) -> Tensor:
    """The solutions (..., n, 1) for Hermitian positive matrices (..., n, n); NaN where rounding made one indefinite."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    return torch.where((failed == 0)[..., None, None], torch.cholesky_solve(right, factor), torch.nan)
