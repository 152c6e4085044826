"""The list of cases as pictures: model, delegate and view."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractListModel, QEvent, QItemSelectionModel, QModelIndex, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ...cases.gallery.entry import METRICS
from ...cases.gallery.verdicts import SCALE
from ...controls.hinted_list import paint_hint
from ...controls.parts import ACCENT, CAUTION
from ...workbench.browsing import Browsing
from .thumbnail_loader import GAP, ThumbnailLoader

if TYPE_CHECKING:
    from ...cases.gallery.entry import GalleryEntry

# A verdict is told by its number too, and not by the colour alone.
COLOURS = dict(zip(SCALE, (CAUTION, "#b98a5e", "#8c8c8c", "#7ea9bf", ACCENT), strict=True))
_NARROWEST, _PADDING = 140, 4  # pixels of a cell


class CaseModel(QAbstractListModel):
    """What `browsing` shows. The entry of a row is its UserRole."""

    def __init__(self, browsing: Browsing, loader: ThumbnailLoader) -> None:
        super().__init__(loader)
        self._browsing, self.loader = browsing, loader
        self._rows: dict[Any, int] = {}
        self._entries: Sequence[GalleryEntry] = ()
        loader.arrived.connect(self._on_arrived)

    def show_entries(self) -> None:
        """Take over what is shown now."""
        self.beginResetModel()
        self._entries = list(self._browsing.shown)
        self._rows = {entry.path: row for row, entry in enumerate(self._entries)}
        self.endResetModel()

    def show_entry(self, entry: "GalleryEntry") -> None:
        """Something was said of a case."""
        row = self._rows.get(entry.path)
        if row is not None:
            self._entries[row] = entry  # type: ignore[index]
            self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, entry: "GalleryEntry | None") -> int:
        """The row of a case, -1 if it is not among them."""
        return -1 if entry is None else self._rows.get(entry.path, -1)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """How many there are."""
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The entry, its picture, and in words what is drawn."""
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return entry
        if role == Qt.ItemDataRole.DecorationRole:
            return self.loader.picture(entry)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{entry.name}: {self.named(entry).title}, {self.number(entry)}, {entry.judgement.words}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(entry, self._browsing.replays.get(entry.path, ""))
        return None

    def named(self, entry: "GalleryEntry") -> "GalleryEntry":
        """The entry with what its method and its perturbation are called."""
        return entry.named(self._browsing.labels)

    def number(self, entry: "GalleryEntry") -> str:
        """What the cases are sorted by; SSIM where that is no metric."""
        name = self._browsing.order
        if name in METRICS and name != "ssim":
            return f"{METRICS[name].label} {entry.show(name)}"
        return f"SSIM {entry.show('clean-ssim')} → {entry.show('ssim')}"

    def _on_arrived(self, paths: object) -> None:
        for path in paths:  # type: ignore[attr-defined]
            row = self._rows.get(path)
            if row is not None:
                self.dataChanged.emit(self.index(row), self.index(row), [Qt.ItemDataRole.DecorationRole])


class CaseDelegate(QStyledItemDelegate):
    """Draws a case: clean beside perturbed, what was done on which method, and its number and verdict."""

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one cell; a frame marks what is chosen, a thicker one marks the current case."""
        assert painter is not None
        model: Any = index.model()
        entry: GalleryEntry = index.data(Qt.ItemDataRole.UserRole)
        named = model.named(entry)
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        cell = option.rect.adjusted(_PADDING, _PADDING, -_PADDING, -_PADDING)
        side = (cell.width() - GAP) // 2
        area = QRect(cell.left(), cell.top(), 2 * side + GAP, side)
        if isinstance(picture, QPixmap):
            painter.drawPixmap(area.topLeft(), picture)
        else:
            painter.fillRect(area, QColor("black"))
        if isinstance(picture, str):
            painter.setPen(QColor("#d0d0d0"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(area.adjusted(4, 2, -4, -2), flags, picture)
        self._frame(painter, option, area)
        metrics, text = option.fontMetrics, option.palette.text().color()
        line = QRect(area.left(), area.bottom() + 2, area.width(), metrics.height())
        painter.setPen(text)
        for title in (entry.name, "") if entry.damage else (named.attack, f"on {named.method}"):
            painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), _elided(metrics, title, line.width()))
            line.translate(0, metrics.height())
        if entry.judgement.verdict:
            line.setRight(self._badge(painter, line, metrics, entry.judgement.verdict) - 4)
        painter.setPen(text)
        below = "" if entry.damage else model.number(entry)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), _elided(metrics, below, line.width()))

    def _frame(self, painter: QPainter, option: QStyleOptionViewItem, area: QRect) -> None:
        current = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if current or option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(QColor(ACCENT), 3 if current else 2))
            painter.drawRect(area.adjusted(0, 0, -1, -1))

    def _badge(self, painter: QPainter, line: QRect, metrics: QFontMetrics, verdict: str) -> int:
        """Paint the verdict's number on its colour at the end of a line; return where it begins."""
        width = metrics.horizontalAdvance("0") + 10
        badge = QRect(line.right() - width + 1, line.top() + 1, width, line.height() - 2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(COLOURS[verdict]))
        painter.drawRoundedRect(badge, 4, 4)
        painter.setPen(QColor("black"))
        painter.drawText(badge, int(Qt.AlignmentFlag.AlignCenter), str(SCALE.index(verdict) + 1))
        painter.restore()
        return badge.left()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """The size of the view's cells."""
        view: Any = option.widget
        return QSize(view.gridSize())


class CaseView(QListView):
    """Cases in as many columns as there is room for. `current_changed(entry)`: another one, or None."""

    current_changed = Signal(object)

    def __init__(self, model: CaseModel) -> None:
        super().__init__()
        self.cases = model
        self.setModel(model)
        self.setItemDelegate(CaseDelegate(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # or columns would come and go
        self.setMinimumHeight(150)
        self.setAccessibleName("Saved cases")
        self.setAccessibleDescription(
            "The region of each with its surroundings, clean on the left, perturbed on the right"
        )
        self.hint = ""

    def say(self, hint: str) -> None:
        """Say something where no case is shown."""
        self.hint = hint
        self.viewport().update()

    @property
    def current(self) -> "GalleryEntry | None":
        """The current case."""
        return self.currentIndex().data(Qt.ItemDataRole.UserRole) if self.currentIndex().isValid() else None

    @property
    def chosen(self) -> "list[GalleryEntry]":
        """The chosen cases in their order."""
        rows = sorted(index.row() for index in self.selectedIndexes())
        return [self.cases.index(row).data(Qt.ItemDataRole.UserRole) for row in rows]

    def go_to(self, entry: "GalleryEntry | None") -> None:
        """Make a case the current one, or the first if it is not shown."""
        self._go_to_row(max(self.cases.row_of(entry), 0))

    def step(self, by: int) -> None:
        """Go to the next case, or to the previous one."""
        row = self.currentIndex().row() + by
        if 0 <= row < self.cases.rowCount():
            self._go_to_row(row)

    def _go_to_row(self, row: int) -> None:
        index = self.cases.index(row)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.scrollTo(index)

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Tell the page."""
        super().currentChanged(current, previous)
        self.current_changed.emit(self.current)

    def keyboardSearch(self, search: str | None) -> None:
        """Do nothing, since letters are keys of the page."""

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Lay out columns of equal width over the whole list."""
        self._lay_out()
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Lay out again for another font, whose lines have another height."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._lay_out()

    def _lay_out(self) -> None:
        room = self.viewport().width() - 1
        width = room // max(room // _NARROWEST, 1)
        side = (width - 2 * _PADDING - GAP) // 2
        size = QSize(width, side + 3 * self.fontMetrics().height() + 2 * _PADDING + 4)
        self.cases.loader.set_side(side, self.devicePixelRatioF())
        if size != self.gridSize():
            self.setGridSize(size)
            self.verticalScrollBar().setSingleStep(max(size.height() // 3, 1))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the cases, or a hint while there is none."""
        super().paintEvent(event)
        if self.hint and not self.cases.rowCount():
            paint_hint(self, self.hint)


def _elided(metrics: QFontMetrics, text: str, width: int) -> str:
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)


def _tip(entry: "GalleryEntry", replayed: str) -> str:
    """All that is known of a case, in lines."""
    said = entry.judgement
    where = [entry.label, "" if entry.slice is None else f"slice {entry.slice}"]
    lines = [
        f"{entry.name}: clean on the left, perturbed on the right",
        ", ".join(filter(None, where)),
        "" if entry.damage else f"To filter by: method:{entry.method} perturbation:{entry.perturbation}",
        entry.sentence,
        ", ".join(f"{metric.label} {entry.show(name)}" for name, metric in METRICS.items() if name in entry.metrics),
        f"Verdict: {said.words}" if said.verdict else "",
        f"Tags: {', '.join(said.tags)}" if said.tags else "",
        said.note,
        replayed,
    ]
    text = entry.damage or "\n".join(line for line in lines if line)
    return f'<p style="white-space: pre-wrap">{escape(text)}</p>'
