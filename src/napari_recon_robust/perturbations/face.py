"""What a perturbation shows of itself beside its images, so that a view need not know which kind it is of."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..ground.numbers import factor

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Series:
    """Values of a curve, each at its place on the horizontal axis.

    role: how a figure draws the series. "found" joins what the perturbation did and "control" what it is compared with;
    "aside" marks single points that belong to neither, "ringed" the one that matters most.
    """

    name: str
    at: tuple[float, ...]
    values: tuple[float, ...]
    role: Literal["found", "control", "aside", "ringed"] = "found"


@dataclass(frozen=True)
class Panel:
    """One panel of a plot: a measure of a curve, by the label of its axis, with the unit, and its series."""

    label: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Curve:
    """Measures over a quantity that the perturbation varied, such as an angle.

    over: the quantity and its unit. The window draws the first series of the first panel, with `title` at its left,
    `note` at its right and `tip` as its tooltip; a file of the command line holds everything.
    """

    over: str
    panels: tuple[Panel, ...]
    title: str
    note: str
    tip: str = ""

    @property
    def values(self) -> tuple[float, ...]:
        """The values that the window draws."""
        return self.panels[0].series[0].values


@dataclass(frozen=True, eq=False)
class Still:
    """An image at one value of what the perturbation varied, real float32 (rows, columns) in the clean scan's frame.

    caption: the value with its unit. words: what was done there, in a few words.
    """

    caption: str
    image: "Tensor"
    words: str


@dataclass(frozen=True)
class Trace:
    """What the `loss` of a search is, in words: its title, what came of it, and a tooltip."""

    title: str
    note: str
    tip: str

    @classmethod
    def of(cls, loss: Sequence[float]) -> "Trace":
        """The trace of a search that makes a loss large; the first of `loss` is that of the clean image."""
        return cls(
            "Loss on the region",
            f"{factor(max(loss) / loss[0])} × clean" if loss and loss[0] > 0 else "",
            "What the search makes large on the region, after each step; higher is worse for the reconstruction",
        )


@dataclass(frozen=True)
class Insert:
    """A feature to insert. size: pixels. contrast: relative to the local tissue, negative for a darker feature."""

    shape: str
    size: float
    contrast: float


@dataclass(frozen=True)
class Placed(Insert):
    """A feature that was inserted at a position (row, column).

    detectability: its signal-to-noise ratio in the samples, None without noise. information_preserved: whether the
    samples carry it.
    """

    position: tuple[float, float]
    detectability: float | None
    information_preserved: bool

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "position": list(self.position)}
