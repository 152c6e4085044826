"""The region view: all panels zoomed to a part of the image, and back."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray

from .panel import PanelSet
from .surface import cell_size

_AROUND = 0.75  # of the region's longer side: how much is seen around it
_LEAST = 12.0  # pixels that are seen around a small one


class Framing:
    """Zooms to a region with its surroundings, and keeps what was seen before to go back to it."""

    def __init__(self, viewer: ViewerModel, panels: PanelSet) -> None:
        self.viewer = viewer
        self._panels = panels
        self._before: tuple[tuple[float, ...], float] | None = None  # centre, zoom per pixel of a cell
        self._mask: NDArray[np.bool_] | None = None  # what was framed last

    @property
    def active(self) -> bool:
        """Whether a part of the image is framed."""
        return self._before is not None

    def frame(self, mask: NDArray[np.bool_]) -> None:
        """Zoom to the pixels of a mask, bool (rows, columns), with their surroundings."""
        panel = self._panels.front
        if panel is None:
            return
        self._mask = mask
        rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        margin = max(_AROUND * max(np.ptp(rows) + 1, np.ptp(columns) + 1), _LEAST)
        corners = [
            panel.image.data_to_world((0, row, column))[1:]
            for row in (rows[0] - margin, rows[-1] + margin)
            for column in (columns[0] - margin, columns[-1] + margin)
        ]
        low, high = np.min(corners, axis=0), np.max(corners, axis=0)
        camera = self.viewer.scene.camera
        if self._before is None:
            self._before = tuple(camera.center), camera.zoom / self._cell
        (rows_of, columns_of), (height, width) = self._grid_shape, self.viewer.canvas.size
        camera.center = (camera.center[0], *((low + high) / 2))
        camera.zoom = min(height / rows_of / (high - low)[0], width / columns_of / (high - low)[1])

    @property
    def magnification(self) -> float:
        """By how much more the images are magnified than where each is seen as a whole."""
        geometry = self._panels.geometry
        assert geometry is not None
        extent = float(np.multiply(geometry.shape[1:], geometry.transform["scale"][1:]).max())
        return float(self.viewer.scene.camera.zoom) * extent / self._cell

    def leave(self) -> None:
        """Go back to what was seen before."""
        if self._before is not None:
            self.viewer.scene.camera.center, zoom = self._before
            self.viewer.scene.camera.zoom = zoom * self._cell
            self._before = None

    @contextmanager
    def left(self) -> Iterator[None]:
        """See the whole while the picture is turned inside, and then the same pixels again, wherever they are."""
        mask, panel, camera = self._mask if self.active else None, self._panels.front, self.viewer.scene.camera
        middle = None if mask is not None or panel is None or self._whole else panel.image.world_to_data(camera.center)
        zoom = camera.zoom
        self.leave()
        yield
        if mask is not None:
            self.frame(mask)
        elif middle is not None and panel is not None:
            camera.center, camera.zoom = panel.image.data_to_world(middle), zoom

    @property
    def _whole(self) -> bool:
        """Whether the panels are large enough for the whole image at this zoom."""
        geometry = self._panels.geometry
        assert geometry is not None
        extent = np.abs(geometry.laid.matrix) @ np.multiply(geometry.shape[1:], geometry.transform["scale"][1:])
        room = np.divide(self.viewer.canvas.size, self._grid_shape) / self.viewer.scene.camera.zoom
        return bool((room >= extent).all())

    def forget(self) -> None:
        """Start anew with other images."""
        self._before = self._mask = None

    @property
    def _grid_shape(self) -> tuple[int, int]:
        grid = self.viewer.canvas.grid
        return grid.shape if grid.enabled else (1, 1)

    @property
    def _cell(self) -> float:
        return cell_size(self._grid_shape, *self.viewer.canvas.size)
