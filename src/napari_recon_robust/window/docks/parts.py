"""Small parts that the docks share: page, foot, section heads, the sampling picture, the loss curve."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.utils.theme import get_theme
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer
from qtpy.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QHideEvent,
    QImage,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QShowEvent,
)
from qtpy.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..progress import Progress
from .jobs import Jobs
from .keys import Shortcuts
from .session import Session
from .surface import NOTICE
from .warm import COMPILING, compiler

WIDTH = 360
ACCENT = "#3fa7d6"  # stands on a dark and on a light theme
CAUTION = "#d9822b"
_BETWEEN = 1000  # ms; kernels are compiled one after the other


class Bar(QWidget):
    """How far a job is. QProgressBar paints itself within every setValue, and napari's whole canvas with it."""

    def __init__(self) -> None:
        super().__init__()
        self.fraction = 0.0
        self.setFixedHeight(6)

    def set_fraction(self, fraction: float) -> None:
        """Show a fraction between 0 and 1."""
        self.fraction = fraction
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """The part that is done, on a faint ground."""
        painter = QPainter(self)
        ground = self.palette().text().color()
        ground.setAlpha(50)
        done = self.rect()
        painter.fillRect(done, ground)
        done.setWidth(round(self.fraction * done.width()))
        painter.fillRect(done, QColor(ACCENT))
        painter.end()


class Foot(QWidget):
    """Status, progress and Cancel of the running job, the same at the foot of every dock."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = Bar()
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop now; of a search the best so far is kept")
        self.cancel.clicked.connect(lambda: jobs.cancel_shown())
        self.compiling = QLabel(COMPILING)
        self.compiling.setWordWrap(True)
        self._compiled = QTimer(self)
        self._compiled.setSingleShot(True)
        self._compiled.setInterval(_BETWEEN)
        self._compiled.timeout.connect(self.compiling.hide)
        notice = QLabel(NOTICE)
        set_faint(notice, True)
        notice.setAlignment(Qt.AlignmentFlag.AlignRight)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 2, 8, 4)
        column.setSpacing(2)
        column.addWidget(rule())
        column.addLayout(row)
        column.addWidget(self.message)
        column.addWidget(self.compiling)
        column.addWidget(notice)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.say("")
        self._show_running(jobs.busy())
        jobs.started.connect(self._on_started)
        jobs.progressed.connect(self._on_progressed)
        jobs.ended.connect(self._on_ended)
        jobs.failed.connect(self.say)
        compiler().changed.connect(self._show_compiling)
        self.compiling.setVisible(compiler().busy)

    def _show_compiling(self, busy: bool) -> None:
        if busy:
            self._compiled.stop()
            self.compiling.show()
        else:
            self._compiled.start()

    def say(self, message: str) -> None:
        """A sentence at the foot."""
        self.message.setText(message)
        self.message.setVisible(bool(message))

    def _on_started(self, label: str) -> None:
        self._show_running(True)
        self.bar.set_fraction(0.0)
        self.say(f"{label}…")

    def _on_progressed(self, progress: Progress) -> None:
        self.bar.set_fraction(progress.fraction)
        if progress.message:
            self.say(progress.message)

    def _on_ended(self, message: str) -> None:
        self._show_running(False)
        self.say(message)

    def _show_running(self, running: bool) -> None:
        self.bar.setVisible(running)
        self.cancel.setVisible(running)


class Page(QWidget):
    """A dock: a scrolling column that never asks for more than a laptop has, and the foot below it.

    title: what its tab says. needs_keys: whether the review's keys work while this page is in front.
    """

    title: str
    needs_keys = False

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.foot = Foot(session.jobs)
        self.setAcceptDrops(True)
        body = QWidget()
        self.column = QVBoxLayout(body)
        self.column.setContentsMargins(6, 6, 6, 6)
        self.column.setSpacing(6)
        self.scroll = QScrollArea()
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(body)
        self.body_widget = body
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.scroll, 1)
        outer.addWidget(self.foot)
        self.setMinimumWidth(320)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._listening: list[tuple[Any, Callable[..., object]]] = []
        self._show_faint()
        self.destroyed.connect(partial(_disconnect, self._listening))

    def _show_faint(self) -> None:
        style = faint_style(self.session.panels.viewer.theme)
        if style != self.styleSheet():
            self.setStyleSheet(style)

    def listen(self, signal: Any, slot: Callable[..., object]) -> None:
        """Follow a signal of the workbench for as long as this page exists."""
        signal.connect(slot)
        self._listening.append((signal, slot))

    def event(self, event: QEvent | None) -> bool:
        """A dock is closed by napari taking its page out, without closing or deleting the page.

        Another theme comes as another style. napari's title with the plugin's name has no room in a tab.
        """
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            _disconnect(self._listening)
            self.session.leave(self)
            self.deleteLater()
        elif event is not None and event.type() == QEvent.Type.ParentChange and isinstance(self.parent(), QDockWidget):
            self.parent().setWindowTitle(self.title)
        elif event is not None and event.type() == QEvent.Type.StyleChange:
            self._show_faint()
        return super().event(event)

    def showEvent(self, event: QShowEvent | None) -> None:
        """In front."""
        super().showEvent(event)
        if self.needs_keys:
            Shortcuts.of(self.session).need(self, True)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Behind another tab, or closed."""
        super().hideEvent(event)
        if self.needs_keys and isalive(self.session):  # at the end of a script Qt's objects go in any order
            Shortcuts.of(self.session).need(self, False)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Files may be dropped on every dock."""
        if event is not None and event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        for url in () if event is None else event.mimeData().urls():
            self.session.open(url.toLocalFile())

    def sizeHint(self) -> QSize:
        """As wide as the storyboard says, and no taller than a laptop has."""
        return QSize(WIDTH, 420)


def _disconnect(listening: list[tuple[Any, Callable[..., object]]]) -> None:
    for signal, slot in listening:
        signal.disconnect(slot, missing_ok=True)
    listening.clear()


def rule() -> QFrame:
    """A thin line."""
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFixedHeight(1)
    line.setEnabled(False)
    return line


def heading(text: str) -> QLabel:
    """The head of a section."""
    label = QLabel(f"<b>{text}</b>")
    label.setContentsMargins(0, 4, 0, 0)
    return label


def words(text: str = "", *, faint: bool = False) -> QLabel:
    """A paragraph that wraps and can be copied."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    set_faint(label, faint)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label


def set_faint(label: QLabel, faint: bool) -> None:
    """Text that stands back, or comes forward again; its page has the colour."""
    label.setProperty("faint", faint)
    label.style().polish(label)


def faint_style(theme: str) -> str:
    """The style of faint text in one of napari's themes: 3/4 of its text colour, a contrast above 6:1."""
    red, green, blue = get_theme(theme).text.as_rgb_tuple()
    return f'QLabel[faint="true"] {{ color: rgba({red}, {green}, {blue}, 75%); }}'


def warning() -> QLabel:
    """A paragraph with a mark of warning at its side, hidden while it is empty."""
    label = words()
    label.setStyleSheet(f"border-left: 3px solid {CAUTION}; padding-left: 6px;")
    label.hide()
    return label


def show_text(label: QLabel, text: str) -> None:
    """Set a paragraph, hidden while it is empty."""
    label.setText(text)
    label.setVisible(bool(text))


def button(text: str, tip: str, action: Callable[..., object], *, checkable: bool = False) -> QPushButton:
    """A push button with its tooltip."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setCheckable(checkable)
    made.setMinimumWidth(40)  # rather than the style's own minimum: a row of four fits a narrow dock
    (made.toggled if checkable else made.clicked).connect(action)
    return made


def row(*parts: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Parts beside each other; `stretch` is the index of the one that takes the room."""
    layout = QHBoxLayout()
    layout.setSpacing(6)
    for index, part in enumerate(parts):
        layout.addWidget(part, 1 if index == stretch else 0)
    return layout


class Fold(QWidget):
    """Options that most people leave alone, behind a small arrow."""

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__()
        self.arrow = QToolButton()
        self.arrow.setText(title)
        self.arrow.setCheckable(True)
        self.arrow.setAutoRaise(True)
        self.arrow.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.content = content
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.arrow)
        column.addWidget(content)
        self.arrow.toggled.connect(self._unfold)
        self._unfold(False)

    def _unfold(self, open_: bool) -> None:
        self.arrow.setArrowType(Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow)
        self.content.setVisible(open_)


class SamplingPicture(QWidget):
    """The sampled points, k-space's centre in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self.setFixedSize(56, 56)
        self.setToolTip("Sampled points of k-space: phase encoding across, readout down")

    def set_mask(self, mask: np.ndarray | None) -> None:
        """The mask, bool (1 or readout, phase)."""
        self._image = None
        if mask is not None:
            shares = mask.astype(np.float32)
            for axis, size in enumerate((self.height(), self.width())):  # a pixel shows its share of sampled points
                bins = np.array_split(shares, min(size, mask.shape[axis]), axis)
                shares = np.stack([one.mean(axis) for one in bins], axis)
            grey = np.ascontiguousarray((235 * shares).astype(np.uint8))
            height, width = grey.shape
            self._image = QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """White is sampled; the frame is seen where the page is white too."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor("black"))
        if self._image is not None:
            painter.drawImage(self.rect(), self._image)
        painter.setPen(self.palette().mid().color())
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()


class Curve(QWidget):
    """A small curve with a line of text above it: the loss of a search after each step, SSIM over an angle."""

    def __init__(self) -> None:
        super().__init__()
        self._values: tuple[float, ...] = ()
        self._left = self._right = ""
        self.setFixedHeight(72)

    def set_values(self, values: Sequence[float], left: str = "", right: str = "", tip: str = "") -> None:
        """Show these values, with words above them at the left and the right; hidden below two of them."""
        self._values = tuple(float(value) for value in values)
        self._left, self._right = left, right
        self.setToolTip(tip)
        self.setVisible(len(self._values) > 1)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """A line with its points."""
        values = np.array(self._values)
        if len(values) < 2 or not np.isfinite(values).all():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().text().color()
        area = QRectF(self.rect()).adjusted(8, 16, -8, -8)
        low, high = values.min(), values.max()
        span = high - low if high > low else 1.0
        points = [
            QPointF(
                area.left() + area.width() * i / (len(values) - 1), area.bottom() - area.height() * (v - low) / span
            )
            for i, v in enumerate(values)
        ]
        faint = QColor(text)
        faint.setAlpha(70)
        painter.setPen(QPen(faint, 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(QPen(QColor(ACCENT), 2))
        painter.drawPolyline(QPolygonF(points))
        painter.setBrush(QColor(ACCENT))
        for point in points:
            painter.drawEllipse(point, 2.5, 2.5)
        painter.setPen(text)
        head = QRectF(self.rect()).adjusted(8, 0, -8, 0)
        painter.drawText(head, Qt.AlignmentFlag.AlignTop, self._left)
        painter.drawText(head, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight, self._right)
        painter.end()
