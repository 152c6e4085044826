"""Thermal noise of k-space: its level per coil, prewhitening, adding it.

sigma_i^2 = E|n_i|^2 of the complex noise of one k-space sample of coil i, in the scan's units; with orthonormal
transforms it is the same in image space. Noise is white along k-space and may be correlated between coils.
"""

import torch
from torch import Tensor

from ..errors import InputError
from . import fourier

BLOCK = (8, 4)  # rows x sampled lines whose energies are averaged before they are compared
GROUP = 32  # points of a 2-D pattern, likewise
ROLL_OFF = 0.05  # of the rows at either edge, where the receiver's filter attenuates


def estimate(kspace: Tensor, mask: Tensor) -> Tensor:
    """sigma_i, float32 (..., coils), from the largest set of lowest energies that is as even as white noise.

    Energies |.|^2 are averaged over blocks of p independent samples and sorted; noise alone has variance
    mean^2 / p between blocks, signal adds to it (Hildebrand and Sekhon, J. Appl. Meteorol. 1974,
    https://doi.org/10.1175/1520-0450(1974)013<0808:ODOTNL>2.0.CO;2).
    Sampled lines are first transformed along the readout under a Hann window, so that air and the rows of the
    oversampled readout count as well as high frequencies do, and filtered or zero-padded ends of the readout hardly
    weigh. For 2-D patterns the blocks are sampled points of similar distance from the centre.
    Where no part of the data is free of signal the estimate is too large, never systematically too small.

    kspace: complex64 (..., coils, readout, phase), zero where not sampled.
    mask: bool (readout, phase), or (1, phase) for whole lines. Lines or points without any energy don't count.
    """
    mask = mask & (kspace.abs().flatten(0, -3).amax(0) > 0)
    if not bool(mask.any()):
        return kspace.new_zeros(kspace.shape[:-2], dtype=kspace.real.dtype)
    columns = mask.any(0)
    if bool((mask == (mask.any(1, keepdim=True) & columns)).all()):
        energies, samples = _line_blocks(kspace[..., columns], mask.any(1))
    else:
        energies, samples = _point_groups(kspace, mask)
    return _floor(energies, samples).sqrt()


def _line_blocks(lines: Tensor, measured: Tensor) -> tuple[Tensor, float]:
    """Mean energies (..., coils, blocks) of whole lines (..., coils, readout, lines), and samples in each."""
    window = torch.zeros(len(measured), device=lines.device, dtype=lines.real.dtype)
    extent = measured.nonzero()[:, 0]
    first, last = int(extent.min()), int(extent.max())
    window[first : last + 1] = torch.hann_window(last - first + 3, periodic=False, device=lines.device)[1:-1]
    power = (window * measured).square().mean()
    hybrid = fourier.ifft(lines * (window * measured)[:, None], (-2,)) / power.sqrt()
    edge = round(ROLL_OFF * len(measured))
    energy = _energy(hybrid[..., edge : len(measured) - edge, :])
    block = tuple(min(size, length) for size, length in zip(BLOCK, energy.shape[-2:], strict=True))
    means = torch.nn.functional.avg_pool2d(energy.flatten(0, -3), block)
    # The window makes neighbouring rows alike: fewer of them are independent.
    independent = float(power.square() / (window * measured).pow(4).mean())
    return means.reshape(*energy.shape[:-2], -1), block[0] * block[1] * independent


def _point_groups(kspace: Tensor, mask: Tensor) -> tuple[Tensor, float]:
    """Mean energies (..., coils, groups) of sampled points at like distance from the centre, samples in each."""
    rows, columns = ((torch.arange(n, device=mask.device) - n // 2) / n for n in mask.shape)
    distance = (rows[:, None].square() + columns.square())[mask]
    energy = _energy(kspace[..., mask])[..., torch.argsort(distance, stable=True)]
    size = min(GROUP, energy.shape[-1])
    groups = energy[..., energy.shape[-1] % size :].unflatten(-1, (-1, size))
    return groups.mean(-1), float(size)


def _energy(samples: Tensor) -> Tensor:
    return samples.real.square() + samples.imag.square()


def _floor(energies: Tensor, samples: float) -> Tensor:
    """Hildebrand and Sekhon's noise floor: (..., blocks) to (...)."""
    scale = energies.mean(-1, keepdim=True)
    ordered = (energies / torch.where(scale > 0, scale, 1.0)).sort(-1).values
    count = torch.arange(1, ordered.shape[-1] + 1, device=ordered.device)
    mean = ordered.cumsum(-1) / count
    variance = ordered.square().cumsum(-1) / count - mean.square()
    even = variance * samples <= mean.square()
    last = (even * count).amax(-1, keepdim=True) - 1
    return (mean.gather(-1, last) * scale)[..., 0]


def covariance(noise_samples: Tensor) -> Tensor:
    """Psi = E[n n^H], complex (coils, coils), from samples of noise alone, complex (coils, ...)."""
    samples = noise_samples.flatten(1)
    if samples.shape[1] < samples.shape[0]:
        raise InputError(
            f"{samples.shape[1]} noise samples were given for {samples.shape[0]} coils: "
            "a noise covariance needs at least as many samples as coils, better a hundred times as many."
        )
    return samples @ samples.mH / samples.shape[1]


def prewhiten(kspace: Tensor, covariance: Tensor) -> Tensor:
    """L^-1 y with Psi = L L^H: coils whose noise is uncorrelated with E|n_i|^2 = 1.

    kspace: complex64 (..., coils, readout, phase); covariance: Psi, complex (coils, coils), positive definite.
    Pruessmann et al., MRM 2001, https://doi.org/10.1002/mrm.1241.
    """
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if covariance.shape != (kspace.shape[-3],) * 2 or bool(failed):
        raise InputError(
            f"the noise covariance of shape {tuple(covariance.shape)} does not whiten {kspace.shape[-3]} coils: "
            "a positive definite matrix (coils, coils) is expected; take more noise samples."
        )
    whitened = torch.linalg.solve_triangular(factor, kspace.flatten(-2), upper=False)
    return whitened.unflatten(-1, kspace.shape[-2:])


def add(kspace: Tensor, mask: Tensor, sigma: Tensor | float, seed: int) -> Tensor:
    """y + M n with circular complex Gaussian n, E|n_i|^2 = sigma_i^2, independent between coils and samples.

    kspace: complex64 (..., coils, readout, phase), not changed. mask: bool, broadcastable to (readout, phase).
    sigma: one value, or one per coil (coils,). seed: the same seed gives the same noise on every device.
    """
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randn(kspace.shape, generator=generator, dtype=kspace.dtype).to(kspace.device)
    level = torch.as_tensor(sigma, device=kspace.device, dtype=kspace.real.dtype)
    return kspace + mask * samples * (level[:, None, None] if level.ndim else level)
