"""The region of a perturbation on the command line: a box, an annotation, or the whole image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..data.roi import ROI, Annotation
from ..data.scan import Scan
from ..ground.errors import InputError
from ..io.annotations import read_annotations
from .contradictions import refuse, refuse_both
from .paths import EXISTING

OPTIONS: tuple[Callable[..., Any], ...] = (
    click.option("--roi", metavar="ROW,COLUMN,HEIGHT,WIDTH", help="A box in the stored image, row 0 first."),
    click.option("--annotations", type=EXISTING, help="A fastMRI+ CSV with the region, instead of --roi."),
    click.option("--annotation", metavar="INDEX|LABEL", help="Which annotation of the slice; the first if left out."),
)


@dataclass(frozen=True)
class Region:
    """What the command names."""

    roi: str | None
    annotations: Path | None
    annotation: str | None

    def __post_init__(self) -> None:
        """UsageError for options of which one would do nothing beside, or without, the other."""
        if self.roi is not None and self.annotations is not None:
            refuse_both("--roi", "--annotations")
        if self.annotation is not None and self.annotations is None:
            refuse("--annotation names one of a table; give the table too, by --annotations CSV.")

    def of(self, scan: Scan, index: int, matrix: tuple[int, int], *, needed: bool) -> ROI:
        """The ROI on a slice; the whole image where no region is named and none is needed, else InputError."""
        if self.roi is not None:
            return ROI.parse(self.roi)
        if self.annotations is not None:
            found = read_annotations(self.annotations, scan.name, matrix[0])
            if not found:
                raise InputError(f"{self.annotations.name} has no row for {scan.name}; give its own table, or --roi.")
            return _chosen([one for one in found if one.slice == index and one.box is not None], self.annotation, index)
        if not needed:
            return ROI.box(0, 0, *matrix, label="whole image")
        raise InputError("no region is given; name one by --roi ROW,COLUMN,HEIGHT,WIDTH or by --annotations CSV.")


def _chosen(boxes: Sequence[Annotation], wanted: str | None, index: int) -> ROI:
    if not boxes:
        raise InputError(f"slice {index} of this scan has no annotated box; choose another slice or give --roi.")
    names = "; ".join(f"{number}: {one.label}" for number, one in enumerate(boxes))
    if wanted is None:
        matches = [boxes[0]]
    elif wanted.isdecimal():
        matches = list(boxes[int(wanted) : int(wanted) + 1])
    else:
        matches = [one for one in boxes if one.label.lower() == wanted.lower()]
    if not matches or matches[0].box is None:
        raise InputError(f"slice {index} has no annotation {wanted!r}; it has {names}.")
    return matches[0].box
