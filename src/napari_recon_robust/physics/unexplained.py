"""Thermal noise of points that signal covers: what of the samples no image explains, seen through the coils.

Several coils measure one image, so that samples of all coils are more than its pixels, and what is left of them when
an image has been fitted is noise. Far from the centre it is least disturbed by errors of the sensitivities, which are
relative to the signal.
"""

import torch
from torch import Tensor

from .model import ForwardModel

STEPS = 10
LEAST_EIGENVALUE = 0.05  # of A^H A, of those that the steps are made for


def residual(model: ForwardModel, data: Tensor) -> Tensor:
    """What is left, y - A x (..., coils, rows, columns), by `STEPS` of the Chebyshev iteration for A^H A x = A^H y.

    It begins at x = 0 and is linear in y: a polynomial of A A^H that no data change. So what it leaves of noise of a
    known level tells how much it leaves of all noise; conjugate gradients adapt to the data.
    Golub and Varga, Numer. Math. 1961, https://doi.org/10.1007/BF01386013, for eigenvalues of A^H A between
    `LEAST_EIGENVALUE` and 1, their bound where sum_i |S_i|^2 = 1.

    data: complex64 (..., coils, rows, columns), zero where not sampled.
    """
    middle, radius = (1 + LEAST_EIGENVALUE) / 2, (1 - LEAST_EIGENVALUE) / 2
    left = model.adjoint(data)
    weight = radius / middle
    step = left / middle
    image = step
    for _ in range(STEPS - 1):
        left = left - model.normal(step)
        following = 1 / (2 * middle / radius - weight)
        step = following * (weight * step + 2 / radius * left)
        image, weight = image + step, following
    return data - model.forward(image)


def of_data_and_noise(kspace: Tensor, mask: Tensor, sensitivities: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """The residuals of the samples, and of white noise with these levels of the coils: two like `kspace`.

    kspace: complex64 (..., coils, rows, columns), zero where not sampled. mask: bool (rows, columns). sensitivities:
    complex64 (..., coils, rows, columns), sum_i |S_i|^2 = 1 inside of the support. levels: real (..., coils).
    """
    model = ForwardModel(sensitivities, mask, (-2, -1))
    generator = torch.Generator().manual_seed(0)
    white = torch.randn(kspace.shape, generator=generator, dtype=kspace.dtype).to(kspace.device)
    return residual(model, kspace), residual(model, mask * levels[..., None, None] * white)
