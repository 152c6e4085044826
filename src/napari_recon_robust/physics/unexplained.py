"""The part of the samples that no image explains, seen through the coils: noise, and errors of the sensitivities.

Several coils measure one image, so that there are more samples than pixels, and what is left of them when an image has
been fitted is noise. Errors of the sensitivities are relative to the signal, and disturb it least far from the centre.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .model import ForwardModel, data_norm

SHORT, LONG = (10, 0.05), (40, 0.005)  # steps, and the least eigenvalue of A^H A that they are made for
ASKED_ROWS = 128  # at least, of hybrid data
CLEARLY = 0.99  # of what others leave: sensitivities that leave more than that are no better in the image


def residual(model: ForwardModel, data: Tensor, solve: tuple[int, float] = SHORT) -> Tensor:
    """What is left, y - A x (..., coils, rows, columns), by steps of the Chebyshev iteration for A^H A x = A^H y.

    It begins at x = 0 and is linear in y: a polynomial of A A^H that does not depend on the data. So it leaves the same
    share of any white noise, which noise of a known level shows; conjugate gradients adapt to the data.
    Golub and Varga, Numer. Math. 1961, https://doi.org/10.1007/BF01386013, for eigenvalues of A^H A between the least
    and 1, their bound where sum_i |S_i|^2 = 1.

    data: complex64 (..., coils, rows, columns), zero where not sampled. solve: `SHORT`, or `LONG` where the signal that
    short ones leave would cover the noise.
    """
    steps, least = solve
    middle, radius = (1 + least) / 2, (1 - least) / 2
    left = model.adjoint(data)
    weight = radius / middle
    step = left / middle
    image = step
    for _ in range(steps - 1):
        left = left - model.normal(step)
        following = 1 / (2 * middle / radius - weight)
        step = following * (weight * step + 2 / radius * left)
        image, weight = image + step, following
    return data - model.forward(image)


def of_data_and_noise(
    kspace: Tensor, mask: Tensor, sensitivities: Tensor, levels: Tensor, solve: tuple[int, float] = SHORT
) -> tuple[Tensor, Tensor]:
    """The residuals of the samples, and of white noise with these levels of the coils: two like `kspace`.

    kspace: complex64 (..., coils, rows, columns), zero where not sampled. mask: bool (rows, columns). sensitivities:
    complex64 (..., coils, rows, columns), sum_i |S_i|^2 = 1 inside of the support. levels: real (..., coils).
    solve: that of `residual`.
    """
    model = ForwardModel(sensitivities, mask, (-2, -1))
    generator = torch.Generator().manual_seed(0)
    white = torch.randn(kspace.shape, generator=generator, dtype=kspace.dtype).to(kspace.device)
    return residual(model, kspace, solve), residual(model, mask * levels[..., None, None] * white, solve)


def explaining_most(candidates: Sequence[Tensor], data: Tensor, mask: Tensor, dims: tuple[int, ...]) -> Tensor:
    """For each item of a batch, the sensitivities with which a fitted image leaves least of the samples.

    Earlier candidates stay unless a later one leaves less than `CLEARLY` of what they leave. Rows of hybrid data are
    independent of each other, so that some of many are enough.

    candidates: complex64 (..., coils, rows, columns), one after the other. data, mask, dims: those of `ForwardModel`.
    """
    best = candidates[0]
    if len(candidates) == 1:
        return best
    some = slice(None, None, max(1, data.shape[-2] // ASKED_ROWS) if dims == (-1,) else 1)
    data, mask = data[..., some, :], mask[..., some, :] if mask.shape[-2] > 1 else mask
    least = _left(best[..., some, :], data, mask, dims)
    for one in candidates[1:]:
        left = _left(one[..., some, :], data, mask, dims)
        better = left < CLEARLY * least
        best = torch.where(better[..., None, None, None], one, best)
        least = torch.where(better, left, least)
    return best


def _left(sensitivities: Tensor, data: Tensor, mask: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The norm of what is left of the samples, real (...)."""
    return data_norm(residual(ForwardModel(sensitivities, mask, dims), data))
