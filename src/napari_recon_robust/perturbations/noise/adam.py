"""Projected Adam: Adam's steps, each followed by the projection into the balls."""

import torch
from torch import Tensor

from .ascent import Moves
from .balls import into_balls, norms_of

FIRST_MOMENT, SECOND_MOMENT = 0.9, 0.999
FIRST_STEP, LAST_STEP = 2.0, 0.2


def adam(radius: Tensor, steps: int, warm: bool, start: Tensor) -> Moves:
    """Solve max L(z) subject to ||z_i||_2 <= r_i in every coil i, by projected Adam.

    With m, v the running means (0.9, 0.999, bias corrected) of g and of ||g_i||^2: z <- P(z + s r m / sqrt(v)), s
    falling geometrically from 2 to 0.2. Genzel, Macdonald and März 2020, arXiv:2011.04268, but with one v for each
    ball: with one for each number, as in plain Adam, the search comes to rest where z is along sign(g) instead of g,
    which is no maximum on a ball.
    """
    z, mean, square = start, torch.zeros_like(start), torch.zeros_like(radius)[:, None, None]
    _, gradient = yield z
    sizes = torch.logspace(0, 1, steps, base=LAST_STEP / FIRST_STEP, dtype=torch.float32).tolist()
    for step, size in enumerate(sizes, start=1):
        mean = FIRST_MOMENT * mean + (1 - FIRST_MOMENT) * gradient
        square = SECOND_MOMENT * square + (1 - SECOND_MOMENT) * norms_of(gradient, radius).square()
        deviation = (square / (1 - SECOND_MOMENT**step)).sqrt()
        direction = mean / (1 - FIRST_MOMENT**step) * torch.where(deviation > 0, 1 / deviation, 0.0)
        z = into_balls(z + FIRST_STEP * size * radius[:, None, None] * direction, radius)
        _, gradient = yield z
