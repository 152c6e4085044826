"""The queue: which methods, regions and budgets are attacked, and how far it is."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QWidget,
)

from ...controls.filled_rows import FilledRows
from ...controls.lettered_table import LetteredTable, cell
from ...controls.parts import button, column, heading, row, show_text, warning, words
from ...controls.progress_bar import Bar
from ...ground.errors import ReconRobustError
from ...workbench.queueing import Order
from ..session import Session
from .budgets import parsed
from .checks import MethodChecks, RegionChecks

_ROW, _MOST = 20, 8
_STATES = {"waiting": "waits", "running": "runs", "done": "done", "failed": "failed", "cancelled": "cancelled"}


class QueuePanel(QWidget):
    """A thin view on `queue` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench, self.queue = session, session.bench, session.bench.queue
        self._shown: list[Order] = []
        self.methods, self.regions = MethodChecks(session), RegionChecks(session)
        self.methods.setToolTip("The method that is chosen runs with its knobs, the others at their defaults")
        self.regions.setToolTip("Regions on any slice of the scan")
        self.budgets = QLineEdit("0.5, 1, 2")
        self.budgets.setToolTip("Percentages with commas between them")
        self.budgets.setAccessibleName("Budgets of the queue, %")
        self.kind = words(faint=True)
        self.add = button("Add to the queue", "Run them one after another; nothing else waits for them", self._add)
        self.state = words()
        self.failure = warning()  # below the buttons, which a long sentence would move away
        self.bar = Bar()
        self.table = LetteredTable(_ROW, columns=2)
        self._set_up()
        self.cancel = button("Cancel", "Cancel the chosen ones, or the one that runs", self._cancel)
        self.cancel_all = button(
            "Cancel all", "Cancel everything that has not ended", lambda: session.queueing.cancel()
        )
        self.tidy = button("Tidy up", "Take what has ended out of the list", lambda: self.queue.tidy())
        column(
            heading("Queue"),
            self.methods,
            self.regions,
            row(words("Budgets, %"), self.budgets, stretch=1),
            self.kind,
            self.add,
            self.state,
            self.bar,
            self.table,
            FilledRows(self.cancel, self.cancel_all, self.tidy),
            self.failure,
            into=self,
        )
        self.methods.itemChanged.connect(self.show_asked)
        self.regions.itemChanged.connect(self.show_asked)
        self.budgets.textChanged.connect(self.show_asked)
        self.show_asked()
        self.show_orders()

    def _set_up(self) -> None:
        table, header = self.table, self.table.horizontalHeader()
        table.setAccessibleName("Queue of attacks")
        table.setHorizontalHeaderLabels(["Attack", ""])
        table.verticalHeader().hide()
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.hide()

    # ---------------------------------------------------------------- showing

    def list_all(self) -> None:
        """List methods and regions anew."""
        if self.bench.acquisition.is_open:
            self.methods.list_methods()
        self.list_regions()

    def list_regions(self) -> None:
        """List the regions anew."""
        self.regions.list_regions()
        self.show_asked()

    def show_asked(self) -> None:
        """Say what would be put into the queue."""
        kind = self.bench.perturbing.kind
        if kind is None:
            show_text(self.kind, "")
            self.add.setEnabled(False)
            return
        try:
            budgets = len(parsed(self.budgets.text())) if kind.needs_budget else 1
        except ReconRobustError:
            budgets = 0
        count = len(self.methods.ticked()) * len(self.regions.ticked()) * budgets
        self.budgets.setEnabled(kind.needs_budget)
        show_text(self.kind, f"{kind.label}, with its options as they are under Perturb: {count} in all")
        self.add.setEnabled(True)

    def show_orders(self) -> None:
        """List the orders, and how far the queue is."""
        orders = self.queue.orders
        if orders != self._shown:
            self._shown = list(orders)
            self.table.clearSelection()
            self.table.setRowCount(len(orders))
        for number, order in enumerate(orders):
            state = f"{100 * order.fraction:.0f}%" if order.state == "running" else _STATES[order.state]
            self._write(number, 0, order.line, order.sentence)
            self._write(number, 1, state, order.sentence)
        for part in (self.table, self.bar, self.cancel, self.cancel_all, self.tidy):
            part.setVisible(bool(orders))
        self.table.show_rows(min(len(orders), _MOST))
        waiting = any(order.open for order in orders)
        self.cancel.setEnabled(waiting)
        self.cancel_all.setEnabled(waiting)
        self.tidy.setEnabled(any(not order.open for order in orders))
        self.bar.set_fraction(sum(1.0 if not one.open else one.fraction for one in orders) / max(len(orders), 1))
        failed = next((one for one in reversed(orders) if one.sentence), None)
        show_text(self.failure, "" if failed is None else f"{failed.title}: {failed.sentence}")
        show_text(self.state, self.queue.words)

    def _write(self, number: int, place: int, text: str, sentence: str) -> None:
        item = cell(self.table, number, place)
        if item.text() != text:
            item.setText(text)
        item.setToolTip(f"{self._shown[number].title}\n{sentence}".strip())

    # ---------------------------------------------------------------- doing

    def _add(self) -> None:
        with self.session.jobs.saying():
            kind = self.bench.perturbing.chosen
            budgets = parsed(self.budgets.text()) if kind.needs_budget else ()
            self.queue.add(self.methods.ticked(), self.regions.ticked(), budgets)
            self.session.jobs.recovered.emit("queue")  # an error before was of what is right now

    def _cancel(self) -> None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        running = self.queue.running
        chosen = [self._shown[number] for number in sorted(rows)] if rows else [running] if running else []
        self.session.queueing.cancel(chosen)
