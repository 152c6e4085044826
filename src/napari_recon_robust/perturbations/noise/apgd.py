"""Auto-PGD: projected gradient ascent with momentum that chooses its own step size."""

from math import ceil

from torch import Tensor

from .ascent import Moves
from .balls import into_balls, unit

MOMENTUM = 0.75
FIRST_STEP = 2.0
# The share of the steps since the last checkpoint that must have raised the loss; where checkpoints lie.
RISING = 0.75
FIRST_CHECK, NEARER, NEAREST = 0.22, 0.03, 0.06


def apgd(radius: Tensor, steps: int, warm: bool, start: Tensor) -> Moves:
    """Solve max L(z) subject to ||z_i||_2 <= r_i in every coil i.

    With P the projection into the balls and n(.) = every coil divided by its norm: y = P(z + s r n(g)),
    z <- P(z + 0.75 (y - z) + 0.25 (z - z_before)), s = 2. At checkpoints s is halved, and the search goes on from the
    best point, if fewer than 75% of the steps raised the loss, or neither s nor the best has changed since the last
    one. Croce and Hein 2020, arXiv:2003.01690, algorithm 1, their L2 step taken in every coil.
    """
    r = radius[:, None, None]
    size, halved, rises, last_check = FIRST_STEP, False, 0, 0
    before, z = start, start
    loss, gradient = yield z
    best, checked = (loss, z, gradient), loss
    checks = checkpoints(steps)
    for step in range(1, steps + 1):
        ahead = into_balls(z + size * r * unit(gradient, radius), radius)
        share = MOMENTUM if step > 1 else 1.0
        before, z = z, into_balls(z + share * (ahead - z) + (1 - share) * (z - before), radius)
        reached = loss
        loss, gradient = yield z
        rises += loss > reached
        if loss > best[0]:
            best = loss, z, gradient
        if step in checks:
            halved = rises < RISING * (step - last_check) or (not halved and best[0] == checked)
            if halved:
                size, (loss, z, gradient) = size / 2, best
            rises, last_check, checked = 0, step, best[0]


def checkpoints(steps: int) -> set[int]:
    """w_j = ceil(p_j steps), p_1 = 0.22, p_(j+1) = p_j + max(p_j - p_(j-1) - 0.03, 0.06)."""
    before, share, found = 0.0, FIRST_CHECK, set()
    while share <= 1:
        found.add(ceil(round(share * steps, 9)))
        before, share = share, share + max(share - before - NEARER, NEAREST)
    return found
