"""How often the truth lies in the intervals of several draws of an image, pixel by pixel."""

import torch
from scipy import stats
from torch import Tensor

from ..ground.errors import InputError

LEVELS = (50, 80, 90, 95)  # percent, of the intervals


def coverage(draws: Tensor, reference: Tensor, inside: Tensor, noise: float = 0.0) -> dict[int, float]:
    """The share of pixels whose reference lies in the interval of each level in `LEVELS`, by the level.

    draws: magnitudes, float32 (draws, rows, columns), of equally plausible images. reference: (rows, columns).
    inside: bool (rows, columns), the pixels that count. noise: the standard deviation of the reference's own noise in
    each of its parts, since a measured reference is the truth with noise.

    The interval of a pixel is m +- t sqrt(d^2 (1 + 1/n) + noise^2) for the mean m and the standard deviation d of the n
    draws, t of Student's distribution with n - 1 degrees of freedom: it holds one draw more so often if draws are
    normal. InputError for fewer than two draws.
    """
    count = len(draws)
    if count < 2:
        raise InputError(f"{count} draw has no interval; draw at least two.")
    error = (draws.mean(0) - reference).abs()[inside]
    deviation = (draws.var(0)[inside] * (1 + 1 / count) + noise**2).sqrt()
    factors = {level: float(stats.t.ppf(0.5 + level / 200, count - 1)) for level in LEVELS}
    return {level: float((error <= factor * deviation).to(torch.float64).mean()) for level, factor in factors.items()}
