"""A window with two cases beside each other: their pictures, and how they differ."""

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import (
    QDialog,
    QGridLayout,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...canvas.surface import NOTICE
from ...controls.lettered_table import LetteredTable, make_read_only
from ...controls.letters import letter_style
from ...controls.parts import faint_style, words
from ...data.orientation import aspect_of

if TYPE_CHECKING:
    from ...cases.gallery.pair import Named, Pair
    from ...cases.gallery.thumbnails import Crops

GAIN = 4
PICTURES = {
    "reference": "Reference",
    "clean": "Clean",
    "perturbed": "Perturbed",
    "difference": f"|Difference| × {GAIN}",
}
_SIDE, _SIZE = 110, QSize(900, 780)
_BESIDE = 60  # pixels of the screen that stay free


class PairWindow(QDialog):
    """The pictures of each case in the window of its own reference, and a table; lines that differ are bold."""

    def __init__(self, pair: "Pair", theme: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{pair.entries[0].name} and {pair.entries[1].name}")
        self.setStyleSheet(f"{faint_style(theme)} {letter_style()}")
        pictures = QGridLayout()
        pictures.setSpacing(4)
        for number, (entry, crops) in enumerate(zip(pair.entries, pair.crops, strict=True)):
            name = QLabel(f"{entry.name}: {entry.title}")
            name.setTextFormat(Qt.TextFormat.PlainText)
            name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            pictures.addWidget(name, 2 * number, 0, 1, len(PICTURES))
            for place, title in enumerate(PICTURES.values()):
                picture = Picture(_grey(crops, list(PICTURES)[place]), entry, title)
                pictures.addWidget(picture, 2 * number + 1, place)
            pictures.setRowStretch(2 * number + 1, 1)
        self.table = _table(pair, self.fontMetrics().height() + 5)
        layout = QVBoxLayout(self)
        layout.addLayout(pictures, 3)
        layout.addWidget(self.table, 2)
        layout.addWidget(words(NOTICE, faint=True))
        room = self.screen().availableSize()
        self.resize(_SIZE.boundedTo(QSize(room.width() - _BESIDE, room.height() - _BESIDE)))


class Picture(QWidget):
    """An image with its title, as large as there is room for, with pixels as tall and wide as the voxels."""

    def __init__(self, grey: "np.ndarray | None", entry: "Named", title: str) -> None:
        super().__init__()
        self.title = title
        self.image: QImage | None = None
        if grey is not None:
            rows, columns = grey.shape
            self.image = QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8).copy()
        self._aspect = aspect_of(entry.voxel)
        self.setMinimumSize(_SIDE, _SIDE)
        self.setAccessibleName(f"{title} of {entry.name}")

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the pixels as they are, without smoothing."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("black"))
        line = self.fontMetrics().height() + 2
        painter.setPen(QColor("#d0d0d0"))
        centred = int(Qt.AlignmentFlag.AlignCenter)
        painter.drawText(QRect(0, 0, self.width(), line), centred, self.title)
        room = self.rect().adjusted(2, line, -2, -2)
        if self.image is None:
            painter.drawText(room, centred, "not known")
        else:
            size = QSize(1000 * self.image.width(), round(1000 * self.image.height() * self._aspect))
            size.scale(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(0, 0, size.width(), size.height())
            place.moveCenter(room.center())
            painter.drawImage(place, self.image)
        painter.end()


def _grey(crops: "Crops", name: str) -> "np.ndarray | None":
    if name == "difference":
        apart = np.abs(crops.images["perturbed"] - crops.images["clean"])
        return (255 * np.clip(GAIN * apart / crops.white, 0, 1) + 0.5).astype(np.uint8)
    return crops.grey(name) if name in crops.images else None


def _table(pair: "Pair", row: int) -> LetteredTable:
    table = LetteredTable(row, len(pair.rows), 3)
    table.setHorizontalHeaderItem(0, QTableWidgetItem())
    for place, entry in enumerate(pair.entries, start=1):
        head = QTableWidgetItem(entry.name)
        head.setToolTip(entry.name)
        table.setHorizontalHeaderItem(place, head)
    table.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideMiddle)  # what tells names apart is at their ends
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    make_read_only(table)
    table.setAccessibleName("In what the cases differ")
    for number, line in enumerate(pair.rows):
        for place, text in enumerate((line.name, line.first, line.second)):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            font = item.font()
            font.setBold(not line.same)
            item.setFont(font)
            table.setItem(number, place, item)
    return table
