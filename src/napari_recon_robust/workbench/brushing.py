"""Regions that are painted pixel by pixel."""

import numpy as np
from numpy.typing import NDArray

from ..data.roi import ROI, Brush
from .acquisition import Acquisition
from .regions import Region, Regions

LEAST, MOST = 0.5, 20.0  # radii in pixels
RADIUS = 2.0


class Stroke:
    """Pixels that are painted, or erased, while the brush moves; mask: bool (rows, columns), those of the region.

    radius: in pixels; a brush of 0.5 paints single pixels.
    """

    def __init__(self, mask: NDArray[np.bool_], radius: float, *, erases: bool = False) -> None:
        self.mask, self.radius, self.erases = mask.copy(), radius, erases
        self._last: NDArray[np.float64] | None = None
        self._grid = np.mgrid[: mask.shape[0], : mask.shape[1]]

    def to(self, row: float, column: float) -> None:
        """Move the brush to a place, (row, column) in pixels, which may lie beyond the image."""
        here = np.array([row, column], float)
        last = here if self._last is None else self._last
        along = here - last
        length = float(along @ along)
        rows, columns = self._grid
        share = ((rows - last[0]) * along[0] + (columns - last[1]) * along[1]) / length if length else 0.0
        share = np.clip(share, 0.0, 1.0)
        away = np.hypot(rows - last[0] - share * along[0], columns - last[1] - share * along[1])
        under = away <= self.radius
        if self.radius < 1:  # else a place between pixels has none below it
            place = np.rint(here).astype(int)
            if (place >= 0).all() and (place < self.mask.shape).all():
                under[tuple(place)] = True
        self.mask[under] = not self.erases
        self._last = here


class Brushing:
    """Paints regions of the present slice: the painted region that is chosen goes on, else a new one begins.

    radius: of the brush, in pixels.
    """

    def __init__(self, acquisition: Acquisition, regions: Regions) -> None:
        self._acquisition, self._regions = acquisition, regions
        self.radius = RADIUS

    @property
    def _painted(self) -> Region | None:
        """The region that goes on."""
        here = [one for one in self._regions.chosen if one.slice == self._acquisition.index]
        if len(here) == 1 and any(isinstance(shape, Brush) for shape in here[0].roi.shapes):
            return here[0]
        return None

    def begin(self, *, erases: bool = False) -> Stroke:
        """Begin a stroke; InputError while no slice is measured."""
        _, rows, columns = self._acquisition.shape
        region = self._painted
        mask = np.zeros((rows, columns), bool) if region is None else region.roi.mask((rows, columns)).numpy()
        return Stroke(mask, self.radius, erases=erases)

    def end(self, stroke: Stroke) -> Region | None:
        """Make what was painted the region; one of which nothing is left goes, and None is returned."""
        region = self._painted
        if not stroke.mask.any():
            if region is not None:
                self._regions.remove([region])
            return None
        roi = ROI.brush(stroke.mask)
        if region is None:
            return self._regions.draw(roi, self._acquisition.index)
        return self._regions.reshape(region, roi)
