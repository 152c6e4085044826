"""Two cases beside each other: the pictures of both, and in what they differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ...data.roi import which
from ..record import read_description
from .entry import METRICS, GalleryEntry
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
    """What a pair is of: a saved case, or a perturbation that was not saved. voxel: as it is seen, in mm."""

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
        """The size of its voxels as it is seen, None where it is not known."""
        ...


@dataclass(frozen=True, eq=False)
class Pair:
    """rows: what they were made with and their metrics; a knob is among them where it differs."""

    entries: tuple[Named, Named]
    crops: tuple[Crops, Crops]
    rows: tuple[Row, ...]


def read_pair(first: GalleryEntry, second: GalleryEntry) -> Pair:
    """Both cases; FileFormatError if one is damaged."""
    both = crops(first), crops(second)
    return Pair((first, second), both, tuple(_rows(first, second, both)))


def _rows(first: GalleryEntry, second: GalleryEntry, both: tuple[Crops, Crops]) -> Iterator[Row]:
    for name in ("method", "perturbation"):
        yield Row(name.capitalize(), *(getattr(entry, name) or "—" for entry in (first, second)))
    yield region_row((first.slice, second.slice), (first.label, second.label), both)
    recipes = [read_description(entry.path)["recipe"] for entry in (first, second)]
    for of in ("method", "perturbation"):
        yield from knob_rows(of, *(recipe[f"{of}_knobs"] for recipe in recipes))
    for name, metric in METRICS.items():
        if name in first.metrics or name in second.metrics:
            yield Row(metric.label, first.show(name), second.show(name))
    yield Row("Verdict", first.judgement.words, second.judgement.words)


def region_row(slices: tuple[int | None, int | None], names: tuple[str, str], both: tuple[Crops, Crops]) -> Row:
    """Which region each is judged on; with its place where nothing else tells two of them apart."""
    places = [one.bounds for one in both]
    words = [which(slice, place.size, name) for slice, place, name in zip(slices, places, names, strict=True)]
    if words[0] == words[1] and places[0] != places[1]:
        corners = [f"from row {place.row}, column {place.column}" for place in places]
        words = [f"{text} · {corner}" for text, corner in zip(words, corners, strict=True)]
    return Row("Region", *words)


def knob_rows(of: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Row]:
    """The knobs that differ. of: whose knobs they are."""
    for name in dict.fromkeys((*first, *second)):
        if first.get(name) != second.get(name):
            yield Row(f"{name} ({of})", *(str(knobs.get(name, "—")) for knobs in (first, second)))
