"""Sampling masks: lines along the phase encoding, by fastMRI's exact rules or learned, and 2-D Poisson discs.

A mask is True where a k-space point is sampled. Lines are (1, phase), 2-D patterns (readout, phase).
"""

from collections.abc import Callable, Iterable
from itertools import product
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field
from torch import Tensor

from ..ground.arguments import as_whole
from ..ground.errors import InputError
from ..ground.knob import Knob
from ..ground.specification import Specification
from .acs import too_many_centre_lines
from .fourier import central_lines

PATTERNS = ("random", "equispaced", "equispaced-fraction", "magic", "magic-fraction", "poisson-disc", "loupe")
POINTS = ("poisson-disc",)  # the patterns that do not sample whole lines

Lines = NDArray[np.bool_]


def _pattern(name: Any) -> Any:
    """A known pattern's name, from fastMRI's spelling with an underscore too."""
    name = name.replace("_", "-") if isinstance(name, str) else name
    if name not in PATTERNS:
        raise InputError(f"the sampling pattern is {name!r}; choose one of {', '.join(PATTERNS)}.")
    return name


def _seed(seed: Any) -> Any:
    """A number given as text (on the command line) is a number; any other text is a file name, if it can be one."""
    if not isinstance(seed, str):
        return seed
    if seed.isdecimal():
        return int(seed)
    if not seed.strip() or _is_number(seed):
        raise InputError(f"the seed is {seed!r}; give a whole number from 0, or the name of a file.")
    return seed


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


Pattern = Annotated[str, BeforeValidator(_pattern)]


class Sampling(Specification):
    """How a slice is undersampled.

    pattern: one of `PATTERNS`, also in fastMRI's spelling (equispaced_fraction).
    acceleration: nominal R = all lines (or points) over the sampled ones; "equispaced", "magic" and fastMRI's
        centre lines make the effective R smaller. The magic patterns use the nearest whole number; "loupe" samples
        exactly round(phase / R) lines, and is for R from 2 to 8.
    centre_fraction: fully sampled share of the phase encoding in the centre; with "poisson-disc" of both axes.
    minimum_centre_lines: the centre has at least so many lines; 0 is fastMRI's rule.
    seed: a number, or a file name with its suffix, for which the mask is the one that fastMRI draws for that file, bit
        for bit (facebookresearch/fastMRI, `fastmri.data.subsample`, of one acceleration and one centre fraction).
    """

    pattern: Pattern = "equispaced"
    acceleration: float = Field(default=4.0, ge=1, le=100)
    centre_fraction: float = Field(default=0.08, ge=0, lt=1)
    minimum_centre_lines: int = Field(default=0, ge=0)
    seed: Annotated[Annotated[int, Field(ge=0, lt=2**32)] | str, BeforeValidator(_seed)] = 0

    def mask(self, readout: int, phase: int) -> Tensor:
        """Bool (1, phase) for lines, (readout, phase) for "poisson-disc"; the same for the same seed.

        InputError for an acceleration that the pattern cannot give, and for sizes that are no whole numbers above 0.
        """
        readout, phase = as_whole(readout, "the readout", 1), as_whole(phase, "the phase encoding", 1)
        if self.pattern == "poisson-disc":
            from .poisson import poisson_disc

            centre = [round(n * self._centre_fraction(n)) for n in (readout, phase)]
            points = poisson_disc((readout, phase), self.acceleration, (centre[0], centre[1]), _state(self.seed))
            return torch.from_numpy(points)
        state = np.random.RandomState(_state(self.seed))
        if self.pattern == "loupe":
            from .learned_lines import learned_lines

            learned = learned_lines(
                phase, round(phase * self._centre_fraction(phase)), self.acceleration, state.uniform()
            )
            return learned[None]
        lines = _line_mask(self.pattern, state, phase, self._centre_fraction(phase), self.acceleration)
        return torch.from_numpy(lines)[None]

    def _centre_fraction(self, length: int) -> float:
        return max(self.centre_fraction, min(self.minimum_centre_lines / length, 1.0))


def samplings(
    patterns: Iterable[str],
    accelerations: Iterable[float],
    seeds: Iterable[int | str],
    centre_fraction: float | None,
    minimum_centre_lines: int,
) -> list[Sampling]:
    """Every acceleration with every pattern and seed. A centre fraction of None is 8%, or 4% from R = 8 on."""
    return [
        Sampling(
            pattern=pattern,
            acceleration=acceleration,
            centre_fraction=(0.08 if acceleration < 8 else 0.04) if centre_fraction is None else centre_fraction,
            minimum_centre_lines=minimum_centre_lines,
            seed=seed,
        )
        for acceleration, pattern, seed in product(accelerations, patterns, seeds)
    ]


# A sampling as the window's sliders and the command line's options offer it; `Sampling` itself takes more.
_USUAL = Sampling()
PATTERN = Knob(
    name="pattern",
    label="Pattern",
    help="Which k-space lines are sampled: fastMRI's patterns, a 2-D Poisson disc, or learned lines.",
    kind="choice",
    choices=PATTERNS,
    default=_USUAL.pattern,
)
ACCELERATION = Knob(
    name="acceleration",
    label="Acceleration",
    help="Nominal R: all lines over the sampled ones; the effective R may be smaller.",
    minimum=1.0,
    maximum=12.0,
    default=_USUAL.acceleration,
)
CENTRE_FRACTION = Knob(
    name="centre_fraction",
    label="ACS width",
    help="Fully sampled lines in the centre (autocalibration signal), of all lines.",
    minimum=0.02,
    maximum=0.3,
    default=_USUAL.centre_fraction,
)
SEED = Knob(
    name="seed", label="Seed", help="Another number draws other lines.", kind="int", maximum=9999, default=_USUAL.seed
)
KNOBS = (PATTERN, ACCELERATION, CENTRE_FRACTION, SEED)


def _state(seed: int | str) -> Any:
    """What numpy's generators are seeded with."""
    return tuple(map(ord, seed)) if isinstance(seed, str) else seed


def _line_mask(
    kind: str, state: np.random.RandomState, width: int, centre_fraction: float, acceleration: float
) -> Lines:
    centre = round(width * centre_fraction)
    if kind == "magic-fraction":
        centre = max(1, min(centre, round(width / acceleration)))
    return _LINES[kind](state, width, centre, acceleration) | central_lines(width, centre).numpy()


def _random(state: np.random.RandomState, width: int, centre: int, acceleration: float) -> Lines:
    if centre >= width:
        return np.ones(width, bool)
    probability = (width / acceleration - centre) / (width - centre)
    return state.uniform(size=width) < probability


def _equispaced(state: np.random.RandomState, width: int, centre: int, acceleration: float) -> Lines:
    offset = state.randint(0, round(acceleration))
    return _at(np.arange(offset, width, acceleration), width)


def _equispaced_fraction(state: np.random.RandomState, width: int, centre: int, acceleration: float) -> Lines:
    """The distance of the lines is widened so that the centre's lines do not lower the acceleration."""
    if acceleration * centre >= width:
        raise too_many_centre_lines(centre, width, acceleration)
    distance = acceleration * (centre - width) / (centre * acceleration - width)
    offset = state.randint(0, round(distance))
    return _at(np.arange(offset, width - 1, distance), width)


def _at(positions: NDArray[np.floating], width: int) -> Lines:
    mask = np.zeros(width, bool)
    index = np.around(positions).astype(int)
    mask[index[index < width]] = True
    return mask


def _magic(state: np.random.RandomState, width: int, centre: int, acceleration: float) -> Lines:
    """Equispaced, with the negative frequencies offset so that conjugate symmetry fills the gaps."""
    step = round(acceleration)
    offset = state.randint(0, step)
    positive, negative = (offset + 1, offset + 2) if offset % 2 == 0 else (offset + 2, offset - 1)
    halves = np.zeros((width + 1) // 2, bool), np.zeros(width // 2, bool)
    halves[0][positive::step] = True
    halves[1][negative::step] = True
    return np.fft.fftshift(np.concatenate([halves[0], halves[1][::-1]]))


def _magic_fraction(state: np.random.RandomState, width: int, centre: int, acceleration: float) -> Lines:
    outside = round(width / acceleration) - centre
    if outside <= 0:
        return np.zeros(width, bool)
    return _magic(state, width, centre, round(width / outside))


_LINES: dict[str, Callable[[np.random.RandomState, int, int, float], Lines]] = {
    "random": _random,
    "equispaced": _equispaced,
    "equispaced-fraction": _equispaced_fraction,
    "magic": _magic,
    "magic-fraction": _magic_fraction,
}
