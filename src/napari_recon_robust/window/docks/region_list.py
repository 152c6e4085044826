"""The regions of the slice: to choose, to draw and to delete."""

from weakref import WeakKeyDictionary

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QInputDialog,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from ...controls.filled_rows import FilledRows
from ...controls.hinted_list import HintedList
from ...controls.letters import letters
from ...controls.number_boxes import DecimalSpinBox
from ...controls.parts import button, heading, row
from ...workbench.brushing import LEAST, MOST
from ...workbench.marks import extent_words
from ...workbench.regions import Region
from .. import keys
from ..session import Session
from .annotations import AnnotationsBox
from .undo_buttons import UndoButtons

TOOLS = {"Box": "rectangle", "Polygon": "polygon", "Ellipse": "ellipse"}
_DRAG = "hold the left button and drag"
_HOW = {"polygon": "click each corner, and double-click the last"}


class RegionList(QWidget):
    """A thin view on `regions` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self._words: WeakKeyDictionary[Region, str] = WeakKeyDictionary()  # to render a mask takes its time
        self.list = HintedList("No region on this slice: draw one by the tools below, or open annotations.")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setFixedHeight(round(84 * letters()))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # the size stands at the end
        self.list.setToolTip("Annotations and drawn regions; several may be chosen together")
        self.list.setAccessibleName("Regions")
        self.every = QCheckBox("All slices")
        self.every.setToolTip(
            "List the regions of the whole scan; a click goes to the slice of one  (shift+n, shift+p)"
        )
        self.every.toggled.connect(self.show_all)
        self.list.itemSelectionChanged.connect(self._choose)
        self.list.itemDoubleClicked.connect(lambda _: self._rename())
        self.tools = {
            tool: button(name, f"Draw a region: {_HOW.get(tool, _DRAG)}", lambda _=False, tool=tool: self._draw(tool))
            for name, tool in TOOLS.items()
        }
        self.brush = button("Brush", f"{keys.words_of('brush')}  (Shift+B)", self._paint)
        for one in (*self.tools.values(), self.brush):
            one.setCheckable(True)
        self.radius = _radius_box()
        self.radius.valueChanged.connect(lambda radius: setattr(session.painting, "radius", radius))
        self.rename = button("Rename", "Give the chosen region another name  (or a double click)", self._rename)
        self.copy = button(
            "To next", f"{keys.words_of('copy_regions')}  (Shift+C)", lambda: session.editing.copy_regions()
        )
        self.delete = button("Delete", "Delete the chosen regions", self._delete)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.undo = UndoButtons(session)
        column.addLayout(row(heading("Region"), self.every, self.undo, stretch=0))
        column.addWidget(self.list)
        column.addLayout(FilledRows(*self.tools.values(), self.brush))
        column.addLayout(FilledRows(self.rename, self.copy, self.delete, self.radius))
        self.show_brush()
        self.annotations = AnnotationsBox(session)
        column.addWidget(self.annotations)

    def show_all(self) -> None:
        """List the regions of the present slice, or of all."""
        regions, every = self.bench.regions, self.every.isChecked()
        with signals_blocked(self.list):
            self.list.clear()
            for region in regions.in_order if every else regions.on(self.bench.acquisition.index):
                where = f"Slice {self.bench.acquisition.counted(region.slice)}: " if every else ""
                item = QListWidgetItem(f"{where}{self._described(region)}")
                item.setData(Qt.ItemDataRole.UserRole, region)
                item.setToolTip(item.text())
                self.list.addItem(item)
        self.annotations.show_regions()
        self.show_chosen()

    def _described(self, region: Region) -> str:
        """A region as the list shows it, in the same words for as long as it is there."""
        if region not in self._words:
            self._words[region] = describe(region, self.bench.acquisition.shape[1:], self.bench.acquisition.voxel)
        return self._words[region]

    def show_chosen(self) -> None:
        """Select the regions that are chosen, and scroll to the first of them."""
        with signals_blocked(self.list):
            for number in range(self.list.count()):
                item = self.list.item(number)
                item.setSelected(item.data(Qt.ItemDataRole.UserRole) in self.bench.regions.chosen)
        for item in self.list.selectedItems()[:1]:
            self.list.scrollToItem(item)
        selected = len(self.list.selectedItems())
        self.delete.setEnabled(selected > 0)
        self.copy.setEnabled(selected > 0)
        self.rename.setEnabled(selected == 1)

    def show_brush(self) -> None:
        """Show whether the brush is on, and its radius while it is."""
        painting = self.session.painting
        with signals_blocked(self.radius):
            self.radius.setValue(painting.radius)
        self.brush.setChecked(painting.active)
        self.radius.setVisible(painting.active)

    def show_tool(self) -> None:
        """Show which tool is in hand, whether it was taken here or in napari's own controls."""
        for tool, one in self.tools.items():
            one.setChecked(tool == self.session.panels.drawing.tool)

    def _selected(self) -> list[Region]:
        return [item.data(Qt.ItemDataRole.UserRole) for item in self.list.selectedItems()]

    def _choose(self) -> None:
        chosen, navigation = self._selected(), self.session.panels.navigation
        self.bench.regions.choose(chosen)
        if chosen and navigation.slice not in [region.slice for region in chosen]:
            navigation.go_to(chosen[0].slice)

    def _rename(self) -> None:
        for region in self._selected()[:1]:
            name, given = QInputDialog.getText(self, "Rename the region", "Name", text=region.name)
            if given:
                self._rename_to(region, name)

    def _rename_to(self, region: Region, name: str) -> None:
        with self.session.jobs.saying():
            self.bench.regions.rename(region, name)

    def _paint(self) -> None:
        self.session.painting.toggle()
        self.show_brush()

    def _draw(self, tool: str) -> None:
        drawing = self.session.panels.drawing
        self.session.painting.stop()
        self.bench.ruling.take(None)
        if drawing.tool == tool:
            drawing.stop()
        else:
            drawing.begin(tool)
        self.show_tool()

    def _delete(self) -> None:
        self.bench.regions.remove(self._selected())


def _radius_box() -> DecimalSpinBox:
    made = DecimalSpinBox()
    made.setRange(LEAST, MOST)
    made.setSingleStep(0.5)
    made.setDecimals(1)
    made.setSuffix(" px")
    made.setToolTip("Radius of the brush  ([ and ])")
    made.setAccessibleName("Radius of the brush")
    return made


def describe(region: Region, shape: tuple[int, int], voxel: tuple[float, float, float] | None = None) -> str:
    """A region as the list shows it: its name and its size, in an image of (rows, columns).

    voxel: (row, column, slice) in mm; without it the size is in pixels alone.
    """
    from ...data.roi import Box, bounds

    first, *others = region.roi.shapes
    around = first if isinstance(first, Box) and not others else bounds(region.roi.mask(shape).numpy())
    pixel = None if voxel is None else voxel[:2]
    size = "" if around is None else extent_words(around.height, around.width, pixel)
    return ", ".join(filter(None, (region.name, size)))
