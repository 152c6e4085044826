"""Lists of methods and of regions with check boxes."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from qtpy.QtCore import Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem
from superqt.utils import signals_blocked

from ...controls.letters import letters
from ...workbench.regions import Region
from ..session import Session

_HEIGHT = 96


class _Checks(QListWidget):
    """A list of a few lines, each with a check box; what is behind an item is its UserRole."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(round(_HEIGHT * letters()))
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._chosen = False  # whether the user has set or taken back a tick
        self.itemChanged.connect(self._on_ticked)

    def _on_ticked(self) -> None:
        self._chosen = True

    def _add(self, text: str, value: object, tip: str, *, ticked: bool) -> None:
        item = QListWidgetItem(text)
        item.setData(Qt.ItemDataRole.UserRole, value)
        item.setToolTip(tip)
        item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        self.addItem(item)

    def _ticked(self) -> list[object]:
        return [item.data(Qt.ItemDataRole.UserRole) for item in self._ticked_items()]

    def _ticked_items(self) -> list[QListWidgetItem]:
        items = [self.item(number) for number in range(self.count())]
        return [item for item in items if item.checkState() == Qt.CheckState.Checked]

    @contextmanager
    def _listing(self) -> Iterator[None]:
        """List anew; where the ticks are the same afterwards, what is in sight stays in sight."""
        before, place = self._ticked(), self.verticalScrollBar().value()
        with signals_blocked(self):
            self.clear()
            yield
        self.executeDelayedItemsLayout()  # without it the bar ends where the list ended before
        if self._ticked() == before:
            self.verticalScrollBar().setValue(place)
        else:
            self._show_first_tick()

    def _show_first_tick(self) -> None:
        for item in self._ticked_items()[:1]:
            self.scrollToItem(item)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Begin with the first tick, so that none is set out of sight; a list that is hidden cannot be scrolled."""
        super().showEvent(event)
        self._show_first_tick()


class MethodChecks(_Checks):
    """All methods under their groups, own models included."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.bench = session.bench
        self.setAccessibleName("Methods")

    def list_methods(self) -> None:
        """List them. Ticks stay; until the user changes one, the present method is ticked."""
        from ...reconstructors import registry

        reconstruction, before = self.bench.reconstruction, set(self.ticked())
        if not self._chosen and reconstruction.method is not None:
            before = {reconstruction.method.id}
        groups = registry.grouped()
        if reconstruction.own_models:
            groups[registry.OTHERS] = [*groups.get(registry.OTHERS, []), *reconstruction.own_models]
        with self._listing():
            for heading, ids in groups.items():
                self._head(heading)
                for id in ids:
                    method = reconstruction.find(id)
                    tip = f"{method.label}\n{method.summary}"
                    self._add(method.label, method.id, tip, ticked=method.id in before)

    def _head(self, heading: str) -> None:
        """List a heading, which cannot be ticked."""
        head = QListWidgetItem(heading)
        font = head.font()
        font.setBold(True)
        head.setFont(font)
        head.setFlags(Qt.ItemFlag.ItemIsEnabled)  # which can be read in every theme, as what is disabled cannot
        self.addItem(head)

    def tick(self, ids: Collection[str]) -> None:
        """Tick these methods and no others, without a signal."""
        if not self.count():
            self.list_methods()
        self._chosen = True
        with signals_blocked(self):
            for item in (self.item(number) for number in range(self.count())):
                if item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
                    ticked = item.data(Qt.ItemDataRole.UserRole) in ids
                    item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        self._show_first_tick()

    def ticked(self) -> list[str]:
        """The ids of the ticked methods."""
        return [str(id) for id in self._ticked()]


class RegionChecks(_Checks):
    """All regions of the scan, with their slices."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.bench = session.bench
        self._listed: list[Region] = []
        self.setAccessibleName("Regions")

    def list_regions(self) -> None:
        """List them. Ticks stay; until the user changes one, the chosen ones of the slice that is shown are ticked.

        So they are when all ticked regions, or all regions, are gone.
        """
        regions, index, before = self.bench.regions, self.bench.acquisition.index, set(self.ticked())
        if not regions.all or (before and before.isdisjoint(regions.all)):
            self._chosen = False
        if not self._chosen:
            before = {one for one in regions.chosen if one.slice == index}
        if regions.in_order == self._listed and before == set(self.ticked()):
            return  # as on the way from slice to slice
        self._listed = regions.in_order
        with self._listing():
            for region in self._listed:
                words = region.words(self.bench.acquisition.counted(region.slice))
                self._add(words, region, words, ticked=region in before)

    def ticked(self) -> list[Region]:
        """The ticked regions."""
        return [one for one in self._ticked() if isinstance(one, Region)]
