"""The regions of a scan: annotations that came with it, what is drawn, and where a method is fragile."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from psygnal import Signal

from ..ground.errors import InputError

if TYPE_CHECKING:
    from ..data.roi import ROI, Annotation

_NEAR = 4  # pixels from an outline to a click that means it


@dataclass(frozen=True, eq=False)
class Region:
    """One region on one slice. name: what the list shows."""

    roi: "ROI"
    slice: int
    name: str
    source: Literal["annotation", "drawn", "fragile"] = "drawn"

    def words(self, number: int) -> str:
        """Which region it is, among those of all slices. number: that of its slice in the scan."""
        from ..data.roi import which

        return which(number, self.roi.size, self.name)


def named(regions: Sequence[Region]) -> str:
    """Which regions are meant: one by its name, several by their number."""
    return regions[0].name if len(regions) == 1 else f"{len(regions)} regions"


class Regions:
    """All regions of the scan and which of them are chosen.

    refused: which annotations were not taken, in one sentence; empty if all were. Signals: `changed()`,
    `chosen_changed()`.
    """

    changed = Signal()
    chosen_changed = Signal()

    def __init__(self) -> None:
        self.all: list[Region] = []
        self.chosen: tuple[Region, ...] = ()
        self.refused = ""
        self._drawn = 0

    def annotate(self, annotations: "Iterable[Annotation]", slices: int) -> None:
        """Add a reader's annotations, as far as they have a box on one of the scan's slices and are not there yet.

        InputError, and nothing is added, if all of them are there.
        """
        boxes = [Region(one.box, one.slice, one.label, "annotation") for one in annotations if one.box is not None]
        known = [(each.slice, each.roi) for each in self.all if each.source == "annotation"]
        new = [box for box in boxes if (box.slice, box.roi) not in known]
        if boxes and not new:
            raise InputError("all boxes of this table are there already; nothing was added.")
        there = [box for box in new if 0 <= box.slice < slices]
        self.refused = _refused(sorted(box.slice for box in new if box not in there), slices)
        self.all = [*self.all, *there]
        self.changed.emit()

    def reset(self) -> None:
        """Forget all regions, as for a newly opened scan."""
        self.all, self.chosen, self.refused, self._drawn = [], (), "", 0
        self.changed.emit()
        self.chosen_changed.emit()

    def put(self, regions: Sequence[Region], chosen: Sequence[int]) -> None:
        """Have these regions instead, those of these numbers chosen."""
        self.all = list(regions)
        self._drawn = max(self._drawn, sum(region.source == "drawn" for region in regions))
        self.changed.emit()
        self.choose([self.all[number] for number in chosen])

    def on(self, index: int) -> list[Region]:
        """The regions of one slice."""
        return [region for region in self.all if region.slice == index]

    def beside(self, index: int, row: float, column: float, matrix: tuple[int, int]) -> Region | None:
        """The smallest region of a slice whose outline is near a place; None where there is none.

        row, column: image pixels; matrix: rows and columns of the image.
        """
        rows, columns = (slice(max(round(at) - _NEAR, 0), max(round(at) + _NEAR + 1, 0)) for at in (row, column))
        found = []
        for region in self.on(index):
            mask = region.roi.mask(matrix)
            if len(mask[rows, columns].unique()) > 1:  # inside and outside
                found.append((int(mask.sum()), region))
        return min(found, key=lambda one: one[0], default=(0, None))[1]

    @property
    def in_order(self) -> list[Region]:
        """The regions of all slices, by slice."""
        return sorted(self.all, key=lambda region: region.slice)

    def step(self, by: int, index: int) -> Region | None:
        """Choose the next (1) or the previous (-1) region of the scan, after the last one round to the first.

        index: the slice from which to go on if no region is chosen. Returns the region, None if there is none.
        """
        found = self.in_order
        if not found:
            return None
        if self.chosen:
            place = found.index(self.chosen[-1 if by > 0 else 0]) + by
        else:
            before = sum(region.slice < index for region in found)
            place = before if by > 0 else before - 1
        region = found[place % len(found)]
        self.choose([region])
        return region

    def draw(self, roi: "ROI", index: int) -> Region:
        """Add a region drawn by hand, which is numbered if it has no name, and choose it."""
        self._drawn += not roi.label
        region = Region(roi, index, roi.label or f"drawn {self._drawn}")
        self.all = [*self.all, region]
        self.changed.emit()
        self.choose([region])
        return region

    def suggest(self, found: "Iterable[tuple[ROI, str]]", index: int) -> None:
        """Add the fragile places of a slice with their names, in place of those that were found there before."""
        before = [region for region in self.on(index) if region.source == "fragile"]
        kept = [region for region in self.all if region not in before]
        self.all = [*kept, *(Region(roi, index, name, "fragile") for roi, name in found)]
        self.changed.emit()
        self.choose([region for region in self.chosen if region not in before])

    def reshape(self, region: Region, roi: "ROI") -> Region:
        """Give a region another outline, under the label that it has; nothing changes if it is the same outline.

        An annotation that is moved by hand becomes a drawn region.
        """
        if roi.shapes == region.roi.shapes:
            return region
        return self._exchange(region, replace(region, roi=roi.labelled(region.roi.label), source="drawn"))

    def rename(self, region: Region, name: str) -> Region:
        """Give a region another name, which saved cases have too; InputError for one without letters."""
        name = " ".join(name.split())
        if not name:
            raise InputError(f"the region {region.name} needs a name; type one.")
        if name == region.name == region.roi.label:
            return region
        return self._exchange(region, replace(region, name=name, roi=region.roi.labelled(name)))

    def _exchange(self, region: Region, changed: Region) -> Region:
        self.all = [changed if each is region else each for each in self.all]
        self.chosen = tuple(changed if each is region else each for each in self.chosen)
        self.changed.emit()
        self.chosen_changed.emit()
        return changed

    def copy(self, regions: Sequence[Region], index: int) -> list[Region]:
        """Add the same regions on another slice, and choose those."""
        copies = [replace(region, slice=index, source="drawn") for region in regions]
        self.all = [*self.all, *copies]
        self.changed.emit()
        self.choose(copies)
        return copies

    def remove(self, regions: Sequence[Region]) -> None:
        """Forget regions."""
        self.all = [each for each in self.all if each not in regions]
        self.changed.emit()
        self.choose([each for each in self.chosen if each not in regions])

    def choose(self, regions: Sequence[Region]) -> None:
        """Choose the regions that are meant; several are taken together."""
        self.chosen = tuple(region for region in regions if region in self.all)
        self.chosen_changed.emit()

    def making(self, roi: "ROI", index: int) -> list[Region]:
        """The regions of a slice that make up this ROI, in its order; none if one of them is not there.

        Of equal ones those that are chosen come first.
        """
        here = sorted(self.on(index), key=lambda one: one not in self.chosen)
        found: list[Region] = []
        left = roi.shapes
        while left:
            free = (one for one in here if one not in found)
            region = next((one for one in free if left[: len(one.roi.shapes)] == one.roi.shapes), None)
            if region is None:
                return []
            found.append(region)
            left = left[len(region.roi.shapes) :]
        return found

    def choose_roi(self, roi: "ROI | None", index: int) -> None:
        """Choose the regions of a slice that make up this ROI, or draw it again; None chooses none."""
        if roi is None:
            self.choose([])
        elif found := self.making(roi, index):
            self.choose(found)
        else:
            self.draw(roi, index)

    def chosen_on(self, index: int) -> "ROI | None":
        """The chosen regions of a slice as one ROI, or None if none is chosen there."""
        here = [region for region in self.chosen if region.slice == index]
        if len(here) < 2:
            return here[0].roi if here else None
        from ..data.roi import ROI

        return ROI(shapes=tuple(shape for region in here for shape in region.roi.shapes))

    def roi(self, index: int, number: int | None = None) -> "ROI":
        """The same ROI; raise InputError if none is chosen there. number: that of the slice in its scan."""
        roi = self.chosen_on(index)
        if roi is None:
            raise InputError(
                f"no region is chosen on slice {index if number is None else number}; click one in the list or "
                "its outline in the picture, or draw one by Box, Polygon, Ellipse or Brush."
            )
        return roi


def _refused(missing: Sequence[int], slices: int) -> str:
    """Say that boxes are on slices which the scan does not have."""
    if not missing:
        return ""
    boxes = "A box is" if len(missing) == 1 else f"{len(missing)} boxes are"
    places = ", ".join(map(str, dict.fromkeys(missing)))
    return (
        f"{boxes} on slice {places} and left out, since this scan has slices 0 to {slices - 1}; "
        "check whether the table belongs to it."
    )
