"""Two cases beside each other: the pictures of both, and in what they differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..record import read_description
from .entry import METRICS, Entry
from .thumbnails import Crops, crops


@dataclass(frozen=True)
class Row:
    """A line of the table: what it is, and that of both cases in words."""

    name: str
    first: str
    second: str

    @property
    def same(self) -> bool:
        """Whether both cases have the same."""
        return self.first == self.second


class Named(Protocol):
    """What a pair is of: a saved case, or a perturbation that was not saved. voxel: (row, column, slice) in mm."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def title(self) -> str:
        """What was done, in a few words."""
        ...

    @property
    def voxel(self) -> tuple[float, float, float] | None:
        """The size of its voxels, None where it is not known."""
        ...


@dataclass(frozen=True, eq=False)
class Pair:
    """rows: what they were made with and their metrics; a knob is among them where it differs."""

    entries: tuple[Named, Named]
    crops: tuple[Crops, Crops]
    rows: tuple[Row, ...]


def read_pair(first: Entry, second: Entry) -> Pair:
    """Both cases; FileFormatError if one is damaged."""
    return Pair((first, second), (crops(first), crops(second)), tuple(_rows(first, second)))


def _rows(first: Entry, second: Entry) -> Iterator[Row]:
    for name in ("method", "perturbation", "label", "slice"):
        one, other = (getattr(entry, name) for entry in (first, second))
        yield Row(name.capitalize(), "—" if one in (None, "") else str(one), "—" if other in (None, "") else str(other))
    recipes = [read_description(entry.path)["recipe"] for entry in (first, second)]
    for of in ("method", "perturbation"):
        yield from knob_rows(of, *(recipe[f"{of}_knobs"] for recipe in recipes))
    for name, metric in METRICS.items():
        if name in first.metrics or name in second.metrics:
            yield Row(metric.label, first.show(name), second.show(name))
    yield Row("Verdict", first.judgement.words, second.judgement.words)


def knob_rows(of: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Row]:
    """The knobs that differ. of: whose knobs they are."""
    for name in dict.fromkeys((*first, *second)):
        if first.get(name) != second.get(name):
            yield Row(f"{name} ({of})", *(str(knobs.get(name, "—")) for knobs in (first, second)))
