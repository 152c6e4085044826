"""What is dropped on the canvas: k-space and saved cases go to the review, anything else to napari."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QDragLeaveEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QWidget

from .ours import is_ours

# No image has these, so that a damaged file is ours too: the review says what is wrong with it.
_KSPACE = (".h5", ".hdf5", ".mrd", ".cfl")


class Dropping(QObject):
    """While a review has docks, it opens what can be opened by it without napari's question for a reader.

    napari's own reader of images lays claim to the same suffixes, stands first in that question, and fails. With Alt
    napari asks all the same. open: opens a file or a folder in the review.
    """

    def __init__(self, viewer: ViewerModel, open: Callable[[Path], object], parent: QObject) -> None:
        super().__init__(parent)
        self._viewer: Any = viewer
        self._open = open

    @property
    def _targets(self) -> tuple[QWidget, QWidget]:
        """What napari accepts drops on, which it does not make public: its canvas, and the welcome page over it."""
        window = self._viewer.window._qt_viewer
        return window, window._welcome_widget

    def take(self) -> None:
        """Take over when the first dock is opened."""
        for target in self._targets:
            target.installEventFilter(self)

    def give_back(self) -> None:
        """Leave all drops to napari when the last dock is closed."""
        for target in self._targets:
            target.removeEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Open what was dropped if all of it is for the review."""
        if not isinstance(event, QDropEvent) or event.type() != QEvent.Type.Drop:
            return False
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        asks = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if asks or not paths or not all(map(_takes, paths)):
            return False
        event.acceptProposedAction()
        QApplication.sendEvent(watched, QDragLeaveEvent())  # napari's page stays lit otherwise
        for path in paths:
            self._open(path)
        return True


def _takes(path: Path) -> bool:
    return path.suffix in _KSPACE or is_ours(path)
