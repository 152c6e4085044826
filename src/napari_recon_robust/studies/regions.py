"""The regions of one slice as a plan names them: known at once, or found by a worker from the samples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.roi import ROI
from .inventory import ScanFacts
from .plan import Annotations, Drawn, Fragile, Lesions, Plan, Tiles


@dataclass(frozen=True, slots=True)
class Region:
    """One region of a slice.

    id: unique in the slice. roi: None for one that a worker finds, by `found`. found: what determines it, as JSON
    values. pixels: how many it has, None where that is not known yet.
    """

    id: str
    kind: str
    label: str
    roi: ROI | None
    found: Mapping[str, Any]
    pixels: int | None

    def determining(self) -> dict[str, Any]:
        """All that determines the region, as JSON values; not its id, which tells where it stands in the plan."""
        return {"kind": self.kind, "label": self.label, **self.place()}

    def place(self) -> dict[str, Any]:
        """All that determines which pixels it has, and what is in them, whatever it is called; as JSON values."""
        shapes = None if self.roi is None else self.roi.model_dump(mode="json")["shapes"]
        return {"shapes": shapes, **self.found}


def regions_of(plan: Plan, scan: ScanFacts, slice: int) -> tuple[Region, ...]:
    """The regions of one slice, in the plan's order; it may have none. One that several parts name is the first's."""
    found = dict[str, Region]()
    for number in range(len(plan.regions)):
        for region in _of_part(plan, number, scan, slice):
            found.setdefault(repr(region.determining()), region)
    return tuple(found.values())


def annotated_slices(scan: ScanFacts) -> list[int]:
    """The slices that have an annotation, or a region that was drawn on them."""
    annotated = {one.slice for annotations in scan.annotations.values() for one in annotations}
    drawn = {one.slice for regions in scan.drawn.values() for one in regions}
    return sorted(number for number in annotated | drawn if number is not None)


def _of_part(plan: Plan, number: int, scan: ScanFacts, slice: int) -> Iterator[Region]:
    part = plan.regions[number]
    prefix = part.kind if sum(one.kind == part.kind for one in plan.regions) == 1 else f"{part.kind}{number + 1}"
    if isinstance(part, Annotations):
        yield from _annotated(part, prefix, scan, scan.annotations.get(number, ()), slice)
    elif isinstance(part, Drawn):
        drawn = [one.roi for one in scan.drawn.get(number, ()) if one.slice in (None, slice)]
        for place, roi in enumerate([*map(ROI.parse, part.boxes), *drawn], start=1):
            yield _known(f"{prefix}-{place}", part.kind, roi, scan)
    elif isinstance(part, Tiles):
        rows, columns = (range(part.margin, side - part.margin - part.side + 1, part.side) for side in scan.matrix)
        for row in rows:
            for column in columns:
                box = ROI.box(row, column, part.side, part.side)
                yield _known(f"{prefix}-{row}-{column}", part.kind, box, scan)
    elif isinstance(part, Fragile):
        found = {"side": part.side, "method": part.method, "budget": part.budget}
        for rank in range(1, part.count + 1):
            yield Region(f"{prefix}-{rank}", part.kind, f"fragile {rank}", None, {**found, "rank": rank}, part.side**2)
    elif isinstance(part, Lesions):
        for place in range(0 if scan.whole is False else part.count):
            for diameter in part.diameters:
                for contrast in part.contrasts:
                    label = f"{diameter:g} px, {contrast:+g}"
                    found = {
                        "place": place,
                        "diameter": diameter,
                        "largest": max(part.diameters),
                        "contrast": contrast,
                        "seed": part.seed,
                        "tissue": "of all that was measured",  # once it was that of each mask, with other places
                    }
                    id = f"{prefix}-{place + 1}-{diameter:g}-{contrast:g}"
                    yield Region(id, part.kind, label, None, found, None)
    else:
        yield _known(prefix, part.kind, ROI.box(0, 0, *scan.matrix), scan)


def _annotated(
    part: Annotations, prefix: str, scan: ScanFacts, annotations: Sequence[Any], slice: int
) -> Iterator[Region]:
    for place, one in enumerate(annotations, start=1):
        if one.slice != slice or one.box is None or not part.names(one.label):
            continue
        region = _known(f"{prefix}-{place}", part.kind, one.box.model_copy(update={"label": one.label}), scan)
        if _fits(part, region.pixels or 0, scan.pixel):
            yield region


def _fits(part: Annotations, pixels: int, pixel: float | None) -> bool:
    if not part.min_pixels <= pixels <= (part.max_pixels or pixels):
        return False
    if pixel is None:  # a size in mm² that nobody knows is not met
        return not part.min_mm2 and part.max_mm2 is None
    return part.min_mm2 <= pixels * pixel <= (part.max_mm2 or np.inf)


def _known(id: str, kind: str, roi: ROI, scan: ScanFacts) -> Region:
    rows, columns = scan.matrix
    boxes = [shape for shape in roi.shapes if shape.kind == "box"]
    if len(roi.shapes) == len(boxes) == 1:
        pixels = boxes[0].height * boxes[0].width
    else:
        pixels = int(np.logical_or.reduce([one.rasterise(rows, columns) for one in roi.shapes]).sum())
    return Region(id, kind, roi.label, roi, {}, pixels)
