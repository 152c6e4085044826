"""How much the masks of a plan leave out of a scan, by their lines alone."""

from functools import lru_cache

from ..data.scan import Scan
from ..ground.errors import InputError
from ..physics.sampling import POINTS, Sampling
from .mistakes import Unfit
from .plan import Plan


def notes_of_masks(plan: Plan, scan: Scan) -> list[str]:
    """Which masks are another than they say on a scan: those whose centre more than halves the acceleration.

    Raises Unfit for one that leaves no line out. Patterns of points take long to draw, and keep their acceleration.
    """
    found, phase = list[str](), scan.header.phase
    for number, part in enumerate(plan.masks):
        for sampling in part.model_copy(update={"seeds": (0,)}).samplings(scan.name):
            if sampling is None or sampling.pattern in POINTS:
                continue
            wanted = sampling.acceleration
            try:
                reached = _acceleration(sampling, phase)
            except InputError as error:
                found.append(f"The trials of a mask will fail: {error}")
                continue
            if reached == 1 < wanted:
                raise Unfit(
                    ("masks", number),
                    f"the mask leaves none of the {phase} lines of {scan.name} out, and the acceleration is to be "
                    f"{wanted:g}; choose a smaller centre, or an acceleration of 1.",
                )
            if reached < wanted / 2:
                centre = max(sampling.centre_fraction, sampling.minimum_centre_lines / phase)
                found.append(f"The centre of {centre:.0%} makes the acceleration {reached:.2g}, not {wanted:g}.")
    return found


@lru_cache(maxsize=1024)
def _acceleration(sampling: Sampling, phase: int) -> float:
    """The effective acceleration of a mask of lines; of one without a line, infinite."""
    lines = int(sampling.mask(1, phase).sum())
    return phase / lines if lines else float("inf")
