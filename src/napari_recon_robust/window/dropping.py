"""What is dropped on the canvas or opened by napari's menu: k-space and saved cases go to the review, others not."""

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

    napari's own reader of images lays claim to the same suffixes, stands first in that question, and fails. With Alt,
    or by its menu *Open with Plugin*, napari asks all the same. open: opens a file or a folder in the review.
    """

    def __init__(self, viewer: ViewerModel, open: Callable[[Path], object], parent: QObject) -> None:
        super().__init__(parent)
        self._viewer: Any = viewer
        self._open = open

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
        if choose_plugin or not self._open_all([Path(name) for name in names]):
            type(window)._qt_open(window, names, *args, choose_plugin=choose_plugin, **options)

    def _open_all(self, paths: list[Path]) -> bool:
        """Open files and folders if all of them are for the review, and return whether they are."""
        if not paths or not all(map(_takes, paths)):
            return False
        for path in paths:
            self._open(path)
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


def _takes(path: Path) -> bool:
    return path.suffix in _KSPACE or is_ours(path)
