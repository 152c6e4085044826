"""The list of finished perturbations: a click shows one again."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QWidget,
)

from ...controls.filled_rows import FilledRows
from ...controls.lettered_table import LetteredTable, cell
from ...controls.parts import button, column, heading, words
from ...ground.numbers import written
from ...workbench.history import Attack
from ..session import Session
from .exporting import CSV, ask_place

if TYPE_CHECKING:
    from ...cases.gallery.pair import Pair

_COLUMNS = ("", "Attack", "SSIM")
_ROW, _LEAST, _MOST = 50, 2, 4  # three lines each
_EMPTY = "No attack has finished yet: press Run under Perturb, or fill the queue below."


class HistoryPanel(QWidget):
    """A thin view on `history` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.history = session, session.bench.history
        self._shown: list[Attack] = []
        self.empty = words(_EMPTY, faint=True)
        self.table = LetteredTable(_ROW, columns=len(_COLUMNS))
        self._set_up()
        self.compare = button("Compare", "Two of them side by side: choose both (Ctrl and a click)", self._compare)
        self.save = button("Save cases…", "Those that are chosen, each as a case of its own", self._save)
        self.export = button("CSV…", "The chosen ones, or all where one or none is chosen, as a table", self._export)
        buttons = FilledRows(self.compare, self.save, self.export)
        column(heading("History"), self.empty, self.table, buttons, into=self)
        self.show_entries()

    def _set_up(self) -> None:
        table, header = self.table, self.table.horizontalHeader()
        table.setAccessibleName("History of attacks")
        table.setToolTip("A click shows an attack again, with its region, its method and its knobs")
        table.setHorizontalHeaderLabels(_COLUMNS)
        table.verticalHeader().hide()
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)  # each line is cut off by itself, and none pushes another out
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        table.cellClicked.connect(self._on_clicked)
        table.cellActivated.connect(lambda row, _: self._show(row))
        table.itemSelectionChanged.connect(self._show_buttons)

    @property
    def chosen(self) -> list[Attack]:
        """The entries whose rows are selected."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return [self._shown[row] for row in rows]

    def show_entries(self) -> None:
        """List all attacks, the newest at the end."""
        entries = self.history.entries
        same = [one.number for one in entries] == [one.number for one in self._shown]
        grown = len(entries) > len(self._shown)
        self._shown = list(entries)
        if not same:
            self.table.clearSelection()
            self.table.setRowCount(len(entries))
        for number, entry in enumerate(entries):
            self._fill(number, entry)
        self.empty.setVisible(not entries)
        self.table.setVisible(bool(entries))
        self.table.show_rows(min(max(len(entries), _LEAST), _MOST))
        if grown:
            self.table.scrollToBottom()
        self.show_current()
        self._show_buttons()

    def _fill(self, number: int, entry: Attack) -> None:
        before, after = (written(entry.metrics[name].ssim, ".2f") for name in ("clean", "perturbed"))
        budget = "" if entry.budget is None else f"{100 * entry.budget:.3g}% · "  # in front, where it is not cut off
        texts = (
            str(entry.number),
            f"{entry.method}\n{budget}{entry.perturbation}\n{entry.place}",
            f"{before}\n→ {after}",
        )
        gone = "" if entry.has_images else "\nIts images made room for newer ones."
        tip = f"{entry.title}\n{entry.place}\nSSIM {before} → {after}{gone}"
        for place, text in enumerate(texts):
            item = cell(self.table, number, place)
            item.setText(text)
            item.setToolTip(tip)

    def show_current(self) -> None:
        """Write the attack that is shown in bold."""
        current = self._current
        for number, entry in enumerate(self._shown):
            item, bold = self.table.item(number, 1), entry.number == current
            if item.font().bold() != bold:
                for place in range(len(_COLUMNS)):
                    one = self.table.item(number, place)
                    font = one.font()
                    font.setBold(bold)
                    one.setFont(font)

    @property
    def _current(self) -> int | None:
        """The number of what is shown: its entry is another one once its result is kept, which nothing tells."""
        current = self.history.current
        return None if current is None else current.number

    def _show_buttons(self) -> None:
        chosen = self.chosen
        there = bool(chosen) and all(one.has_images for one in chosen)
        self.compare.setEnabled(there and len(chosen) == 2)
        self.save.setEnabled(there)
        self.export.setEnabled(bool(self._shown))

    # ---------------------------------------------------------------- doing

    def _on_clicked(self, row: int, _: int) -> None:
        if len(self.chosen) == 1:
            self._show(row)

    def _show(self, row: int) -> None:
        entry = self._shown[row]
        if entry.number != self._current:
            self.session.editing.show_attack(entry)

    def _compare(self) -> None:
        self.session.attempt(lambda: self.history.compare(self.chosen, self._show_pair))

    def _show_pair(self, pair: "Pair") -> None:
        from .case_pair import PairWindow

        PairWindow(pair, self.session.panels.viewer.theme, self).show()

    def _save(self) -> None:
        several = "a folder of cases" if len(self.chosen) > 1 else "a case"
        path, _ = ask_place(self.session, f"Save {several}: name of a new folder", "attacks")
        if path is not None:
            self.session.attempt(lambda: self.history.save(self.chosen, path))

    def _export(self) -> None:
        path, _ = ask_place(self.session, "History of attacks", "attacks.csv", CSV)
        if path is not None:
            chosen = self.chosen if len(self.chosen) > 1 else []
            self.session.attempt(lambda: self.history.export(path, chosen))
