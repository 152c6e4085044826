"""How images are looked at: which panels, which part of them, which two of them are compared, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.orientation import AS_STORED, Turn
from ..evaluation.parts import Part

if TYPE_CHECKING:
    from .perturbing import Perturbing, Result

Image = NDArray[np.floating]
Pair = tuple[str, str]
Way = Literal["wipe", "lens", "fade"]
Swap = Literal["random", "truth"]
_MIDDLE = 0.5

PAIRS: tuple[Pair, ...] = (("clean", "perturbed"), ("reference", "perturbed"), ("reference", "clean"))
RATES = (1, 2, 3, 4)  # Hz: both images are shown that often in a second
THE_PAIR = ("first", "second")  # in a preset: the two images that are compared
PRESETS: Mapping[str, tuple[str, ...]] = {
    "1": ("second",),
    "2": THE_PAIR,
    "3": ("reference", "clean", "perturbed"),
    "4": ("reference", "clean", "perturbed", "difference"),
    "5": ("reference",),
}


class Spot(NamedTuple):
    """A circle on an image, in pixels."""

    row: float
    column: float
    radius: float


def lined_up(count: int) -> list[str]:
    """The panels of several methods: their clean images in one row, the perturbed ones below."""
    return [f"{row} {number}" for row in ("clean", "perturbed") for number in range(1, count + 1)]


def clean_of(key: str) -> str | None:
    """The panel of the clean image above a perturbed one of several methods; None for all other panels."""
    row, space, number = key.partition(" ")
    return f"clean {number}" if space and row == "perturbed" else None


@dataclass
class View:
    """How a result is looked at.

    factor: the fraction of its budget that is shown. random, truth: the random control for the perturbed image, and the
    truth of the perturbed samples for the reference. flicker: whether the first image of the pair is shown in place of
    the second. panels: those of a preset, or none while `layout`, a number, says which. wipe: where the wipe stands, a
    fraction of the columns, or None. lens: where the first image is seen in the second, or None. fade: the share of the
    second image in a mixture, or None. Of these three there is one at a time. part: which part of the complex images.
    signed: whether the difference has a sign. lineup: whether several methods stand beside each other.
    """

    factor: float = 1.0
    random: bool = False
    truth: bool = False
    flicker: bool = False
    layout: int = 0
    panels: tuple[str, ...] = ()
    pair: Pair = PAIRS[0]
    wipe: float | None = None
    lens: Spot | None = None
    fade: float | None = None
    part: Part = "magnitude"
    signed: bool = False
    lineup: bool = False

    @property
    def way(self) -> Way | None:
        """How two images are mixed in one panel; None while they are not."""
        if self.wipe is not None:
            return "wipe"
        return "lens" if self.lens is not None else "fade" if self.fade is not None else None

    def apart(self, result: "Result") -> str:
        """Say of which budget a result's figures are, where its image at a smaller one is shown; else empty."""
        nominal = result.outcome.perturbed.budget.nominal
        if nominal is None or self.random or self.lineup or self.factor == 1:
            return ""
        _, exact = result.at(self.factor)
        shown = f"{100 * self.factor * nominal:.3g}%{'' if exact else ', interpolated'}"
        return f"These figures are of {100 * nominal:.3g}%; shown is {shown}."

    def mix(self, way: Way | None) -> None:
        """Mix the two images in this way and in no other, from its middle on."""
        self.wipe = _MIDDLE if way == "wipe" else None
        self.fade = _MIDDLE if way == "fade" else None
        self.lens = Spot(0.0, 0.0, 0.0) if way == "lens" else None


def back_to(result: "Result") -> str:
    """Say what to do so that the images in the panels are those of a result again."""
    return f"set the method and knobs of the result, {result.setting.method.title},"


def lacking(name: Swap, perturbing: "Perturbing") -> str:
    """Say why there is no random control, or no truth of the perturbed samples, to show; empty where there is one."""
    result = perturbing.current
    if result is None:
        return "There is no result yet: run a perturbation."
    if name == "random" and not result.outcome.perturbed.additive:
        return "This kind of perturbation is no noise: it has no control."
    if name == "random" and perturbing.on_screen is None:
        return f"Other images are shown; {back_to(result)} to see the control."
    if name == "random":
        return ""
    known = result.outcome.comparison.perturbed_reference is not None
    return "" if known else "No fully sampled image of the perturbed k-space is known, so there is no truth to show."


def pair_of(chosen: Pair, available: Sequence[str]) -> Pair | None:
    """The chosen pair, or the last one that there are images for, or None."""
    there = [pair for pair in PAIRS if {*pair} <= {*available}]
    return chosen if chosen in there else there[-1] if there else None


def panels_of(preset: Sequence[str], available: Sequence[str], pair: Pair | None) -> list[str]:
    """The panels of a preset. Where one has no image yet, the same number of others that have."""
    first, second = pair or (available[-1], available[-1])
    keys = [{"first": first, "second": second}.get(key, key) for key in preset]
    wanted = [key for key in available if key in keys]
    return wanted if len(wanted) == len(preset) else list(available[-len(preset) :])


def wiped(left: Image, right: Image, fraction: float, turn: Turn = AS_STORED) -> Image:
    """One image of (rows, columns): the left one up to a fraction of the screen's width of it, then the right one.

    turn: how the images are laid on the screen.
    """
    axis, forwards = turn.across
    passed = np.arange(left.shape[axis]) < wipe_column(fraction, left.shape[axis])
    return np.where(np.expand_dims(passed if forwards else passed[::-1], 1 - axis), left, right)


def wipe_edge(fraction: float, shape: tuple[int, ...], turn: Turn = AS_STORED) -> NDArray[np.float32]:
    """The line between the two images of a wipe, (2, 2): rows and columns of pixel edges."""
    axis, forwards = turn.across
    place = wipe_column(fraction, shape[axis])
    ends = np.zeros((2, 2), np.float32)
    ends[1] = shape
    ends[:, axis] = place if forwards else shape[axis] - place
    return ends


def lensed(inside: Image, outside: Image, spot: Spot) -> Image:
    """One image of (rows, columns): the first within a circle, the second around it."""
    rows, columns = np.ogrid[: inside.shape[0], : inside.shape[1]]
    within = (rows - spot.row) ** 2 + (columns - spot.column) ** 2 <= spot.radius**2
    return np.where(within, inside, outside)


def faded(first: Image, second: Image, share: float, cycle: float | None = None) -> Image:
    """One image of (rows, columns) with a share, 0 to 1, of the second one.

    cycle: after which values begin again, as those of phases, which go the shorter way from one to the other and are
    zero where there is none.
    """
    if cycle is None:
        return (1 - share) * first + share * second
    way = (second - first + cycle / 2) % cycle - cycle / 2
    mixed = (first + share * way) % cycle
    return np.where((first == 0) | (second == 0), 0.0, np.where(mixed == 0, cycle, mixed)).astype(first.dtype)


def wipe_column(fraction: float, columns: int) -> int:
    """The first column that is right of the wipe."""
    return min(max(round(fraction * columns), 0), columns)
