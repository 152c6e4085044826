"""What is dropped on the canvas or opened by napari's menu: k-space and saved cases go to the review, others not."""

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from napari.errors import NoAvailableReaderError, ReaderPluginError
from napari.plugins.utils import get_preferred_reader
from npe2 import PluginManager
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QDragLeaveEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QWidget

from ..io import annotations
from .recognised_files import is_recognised

# No image has these, so that a damaged file is ours too: the review says what is wrong with it.
_KSPACE = (".h5", ".hdf5", ".mrd", ".cfl")
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".zarr", ".zarray", ".zgroup", "zarr.json")
_LOOKED_AT = 100  # names in a folder
_BUILT_IN = "napari"  # the name of napari's own readers


class Dropping(QObject):
    """While a review has docks, it opens what can be opened by it without napari's question for a reader.

    napari's own reader of images lays claim to the same suffixes, stands first in that question, and fails. With Alt,
    or by its menu *Open with Plugin*, napari asks all the same. What is left to napari and no reader of it can open,
    such as a NIfTI image, goes to the review too, which says what it is. plugin: the name of this one among napari's
    readers; open: opens a file or a folder in the review; say: says a sentence at the foot.
    """

    def __init__(
        self,
        plugin: str,
        viewer: ViewerModel,
        open: Callable[[Path], object],
        say: Callable[[str], object],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._readers = {_BUILT_IN, plugin}
        self._viewer: Any = viewer
        self._open, self._say = open, say

    @property
    def _targets(self) -> tuple[Any, QWidget]:
        """What napari accepts drops on, which it does not make public: its canvas, and the welcome page over it."""
        window = self._viewer.window._qt_viewer
        return window, window._welcome_widget

    def take(self) -> None:
        """Take over when the first dock is opened."""
        for target in self._targets:
            target.installEventFilter(self)
        self._targets[0]._qt_open = self._open_chosen  # which napari's menu calls

    def give_back(self) -> None:
        """Leave all drops to napari when the last dock is closed."""
        for target in self._targets:
            target.removeEventFilter(self)
        vars(self._targets[0]).pop("_qt_open", None)

    def _open_chosen(self, names: list[str], *args: Any, choose_plugin: bool = False, **options: Any) -> None:
        window = self._targets[0]
        if not choose_plugin and self._open_all([Path(name) for name in names]):
            return
        try:
            type(window)._qt_open(window, names, *args, choose_plugin=choose_plugin, **options)
        except (NoAvailableReaderError, ReaderPluginError) as error:
            if choose_plugin or getattr(error, "reader_plugin", _BUILT_IN) != _BUILT_IN:
                raise
            self._open(Path(error.paths[0]))

    def _open_all(self, paths: list[Path]) -> bool:
        """Open the first of files and folders if all are for the review, and return whether they are.

        Tables of annotations come last: they belong to a scan that is open.
        """
        if not paths or not all(map(self._takes, paths)):
            return False
        first = min(paths, key=lambda path: path.suffix == annotations.SUFFIX)
        self._open(first)
        if len(paths) > 1:
            self._say(f"Only {first.name} is opened; drop scans, cases and tables one at a time.")
        return True

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Open what was dropped if all of it is for the review."""
        if not isinstance(event, QDropEvent) or event.type() != QEvent.Type.Drop:
            return False
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        asks = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if asks or not self._open_all(paths):
            return False
        event.acceptProposedAction()
        QApplication.sendEvent(watched, QDragLeaveEvent())  # napari's page stays lit otherwise
        return True

    def _takes(self, path: Path) -> bool:
        if path.suffix in _KSPACE or is_recognised(path):
            return True
        return os.path.isdir(path) and not (self._is_of_others(str(path)) or _holds_pictures(path))

    def _is_of_others(self, folder: str) -> bool:
        """Whether the user has chosen a reader for a folder, or has one that may read it."""
        readers = PluginManager.instance().iter_compatible_readers([folder])
        return get_preferred_reader(folder) is not None or any(one.plugin_name not in self._readers for one in readers)


def _holds_pictures(folder: Path) -> bool:
    """Whether napari itself can read a folder: pictures as a stack, or a Zarr archive."""
    with suppress(OSError), os.scandir(folder) as inside:
        return any(one.name.lower().endswith(_PICTURES) for one in islice(inside, _LOOKED_AT))
    return False
