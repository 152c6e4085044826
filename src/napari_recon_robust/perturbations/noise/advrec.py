"""The published attack AdvRec (Morshuis et al. 2022, arXiv:2208.03161), for replication and comparison."""

from torch import Tensor

from .ascent import Ascent, Search
from .balls import into_balls
from .objective import Objective

STEP = 0.5


def advrec(objective: Objective, radius: Tensor, steps: int, *, start: Tensor) -> Search:
    """z_i <- r_i (z / ||z|| + 0.5 g / ||g||)_i, then shrunk to ||z_i|| <= r_i; norms over all coils together.

    As the authors' code does it: noise on all of k-space that is masked afterwards, one normalisation for all
    coils, coils only ever shrunk, the last iterate returned; it spends about 1.5 / sqrt(coils) of the budget.

    radius: r, float (coils,), or (1,) for a single ball over all coils. start: noise (coils, readout, phase) with
    ||z_i|| = r_i. Yields after each gradient.
    """
    r = radius[:, None, None]
    z = start
    losses: tuple[float, ...] = ()
    for _ in range(steps):
        loss, gradient, image = objective.gradient(z)
        losses = (*losses, loss)
        yield Ascent(z, image, losses)
        size = gradient.norm()
        if not size > 0:
            return Ascent(z, image, losses, flat=True)
        z = into_balls(r * (z / z.norm() + STEP * gradient / size), radius)
    loss, image = objective.value(z)
    return Ascent(z, image, (*losses, loss))
