"""The shelf below the images: one tool at a time, in both layouts, put there and taken away by its key."""

from collections.abc import Callable
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QMainWindow, QSizePolicy, QToolBar, QWidget

from ...controls.focus_ring import FocusRing
from ...controls.parts import row
from ..session import Session
from .arranging import small_button
from .film_row import FilmRow
from .kspace_row import KSpaceRow
from .profile_row import ProfileRow

HEIGHT = 180
_TOOLS: dict[str, Callable[[Session], QWidget]] = {"kspace": KSpaceRow, "profile": ProfileRow, "film": FilmRow}


class Shelf(QObject):
    """A tool bar at the foot of napari's window, below the line with the values. tool: what lies on it, by its name."""

    @classmethod
    def of(cls, session: Session) -> "Shelf":
        """The shelf of a session, which has one."""
        return session.findChild(cls) or cls(session)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.session = session
        self.tool: str | None = None
        self.widget: Any = None
        self._bar: QToolBar | None = None
        session.asked_tool.connect(self.toggle)
        session.left.connect(self.clear)

    def toggle(self, name: str) -> None:
        """Put a tool on the shelf in place of another one, or take it away."""
        if name == self.tool:
            self.clear()
        else:
            self.put(name)

    def put(self, name: str) -> None:
        """Put a tool on the shelf, unless it lies there."""
        window: QMainWindow | None = getattr(self.session.panels.viewer.window, "_qt_window", None)
        if name == self.tool or window is None:
            return
        self.clear()
        self.tool, self.widget = name, _TOOLS[name](self.session)
        bar = self._bar = QToolBar("Shelf", window)
        bar.setObjectName("recon-robust-shelf")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        line = QWidget()
        line.setFixedHeight(HEIGHT)
        line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        close = small_button("×", "Take this away", self.clear)
        layout = row(self.widget, close, stretch=0)
        layout.setAlignment(close, Qt.AlignmentFlag.AlignTop)
        layout.setContentsMargins(8, 4, 8, 2)
        line.setLayout(layout)
        FocusRing(line)
        bar.addWidget(line)
        window.addToolBarBreak(Qt.ToolBarArea.BottomToolBarArea)
        window.addToolBar(Qt.ToolBarArea.BottomToolBarArea, bar)

    def clear(self) -> None:
        """Take away what lies on it."""
        bar, self._bar, self.tool, self.widget = self._bar, None, None, None
        self.session.cine.stop()
        self.session.bench.film.choose(None)
        if self.session.panels.panels and self.session.scene.comparing.of_strip:
            self.session.scene.draw_again()
        if self.session.bench.ruling.kind == "profile":
            self.session.bench.ruling.take(None)
        if bar is not None and isalive(bar):
            window = bar.window()
            if isinstance(window, QMainWindow):
                window.removeToolBar(bar)
            bar.deleteLater()
