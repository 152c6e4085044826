"""The published attack AdvRec (Morshuis et al. 2022, arXiv:2208.03161), for replication and comparison."""

from torch import Tensor

from .ascent import Ascent, Search
from .balls import into_balls
from .objective import Objective

STEP = 0.5


def advrec(objective: Objective, radius: Tensor, steps: int, *, start: Tensor) -> Search:
    """z_i <- r_i (z / ||z|| + 0.5 g / ||g||)_i, then shrunk to ||z_i|| <= r_i; norms over all coils together.

    As the authors' code does it: noise on all of k-space that is masked afterwards, one normalisation for all
    coils, coils only ever shrunk, the last iterate returned. So it spends a part of the budget only, more with more
    steps and with few coils: with 2 coils 0.73 to 0.76 of it in 2 steps and 0.95 to 1 in 10, with 8 to 32 coils 0.33
    to 0.52 and 0.5 to 0.64 (CG-SENSE and unrolled-hqs on a brain, phantoms and the packaged sample, R = 3).

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
