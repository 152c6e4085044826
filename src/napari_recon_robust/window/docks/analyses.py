"""Beyond one method and one mask: a transfer matrix between methods, and quality over the number of samples."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...controls.lettered_table import LetteredTable
from ...controls.parts import button, show_text, words
from ...controls.plot import Axes, Line, Plot
from ...controls.wrapped import Wrapped
from ...ground.numbers import written
from ..session import Session
from .checks import MethodChecks

if TYPE_CHECKING:
    from ...analyses.samples import Level
    from ...analyses.transfer import Transfer

_ROW, _COLUMN, _NAME = 24, 78, 84  # three columns fit a dock of 360 pixels


class AnalysesPanel(QWidget):
    """A thin view on `analysing` of the workbench."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.methods = MethodChecks(session)
        self.methods.setToolTip("Methods between which the perturbation is transferred; they run at their defaults")
        self.transfer = button(
            "Transfer between ticked methods",
            "Search on each for the perturbation that is set above, and reconstruct what was found with all",
            lambda: session.attempt(lambda: self.bench.analysing.transfer(self.methods.ticked())),
        )
        self.table = _Matrix(_ROW)
        self.table.setAccessibleName("Transfer between methods")
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.table.horizontalHeader().setMinimumSectionSize(_COLUMN)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.table.verticalHeader().setFixedWidth(_NAME)
        self.meaning = words(faint=True)
        self.samples = button(
            "Quality over the number of samples",
            "The method and its knobs as they are, on this slice at 2, 3, 4, 6 and 8 times, up to three masks of each",
            lambda: session.attempt(self.bench.analysing.quality),
        )
        for one in (self.transfer, self.samples):
            Wrapped(one)
        self.plot = Plot()
        self.plot.setAccessibleName("Quality over the number of samples")
        self.finding = words()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for part in (self.methods, self.transfer, self.table, self.meaning, self.samples, self.plot, self.finding):
            column.addWidget(part)
        self.show_found()

    def list_methods(self) -> None:
        """List all methods, own models included."""
        self.methods.list_methods()

    def ticked(self) -> list[str]:
        """The ids of the ticked methods."""
        return self.methods.ticked()

    def show_running(self) -> None:
        """Grey the buttons while a job runs."""
        free = self.session.jobs.free() and self.bench.acquisition.slice is not None
        self.samples.setEnabled(free)
        self.transfer.setEnabled(free)

    def show_found(self) -> None:
        """Show the matrix and the curve, as far as there are any."""
        matrix, curve = self.bench.analysing.matrix, self.bench.analysing.curve
        self.table.setVisible(matrix is not None)
        show_text(self.meaning, "" if matrix is None else "\n".join((meaning(matrix), *matrix.remarks)))
        if matrix is not None:
            self._fill(matrix)
        show_curve(self.plot, [] if curve is None else curve.levels)
        show_text(self.finding, "" if curve is None or len(curve.levels) < 2 else curve.sentence)

    def _fill(self, matrix: "Transfer") -> None:
        table, rows = self.table, list(matrix.found)
        table.setRowCount(len(rows))
        table.setColumnCount(len(matrix.columns))
        for names, set_header in ((rows, table.setVerticalHeaderItem), (matrix.columns, table.setHorizontalHeaderItem)):
            for number, name in enumerate(names):
                head = QTableWidgetItem(name)
                head.setToolTip(self.bench.reconstruction.find(name).label)
                set_header(number, head)
        for number, name in enumerate(rows):
            for column, (text, outcome) in enumerate(zip(cells(matrix, name), matrix.outcomes[name], strict=True)):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                item.setToolTip(f"Found on {name}, seen by {matrix.columns[column]}: {outcome.comparison.sentence}")
                table.setItem(number, column, item)
        table.show_rows(len(rows))


class _Matrix(LetteredTable):
    """The table of the transfer."""

    @property
    def room(self) -> int:
        """The height in pixels of its head, its frame, and the bar that many columns need."""
        return self.horizontalHeader().sizeHint().height() + self.horizontalScrollBar().sizeHint().height() + 4


def cells(matrix: "Transfer", row: str) -> list[str]:
    """The cells of a row: how much of features is kept, or how far the region moves, also by noise."""
    if matrix.features is not None:
        return ["—" if kept is None else written(kept) for kept in matrix.recovery(row)]
    changes, beside = matrix.change(row), matrix.random(row)
    noise = [""] * len(changes) if beside is None else [f" ({written(100 * one, '.2g')})" for one in beside]
    return [written(100 * one) + other for one, other in zip(changes, noise, strict=True)]


def meaning(matrix: "Transfer") -> str:
    """Say what the numbers are."""
    where = "Rows: the method it was found on; columns: the one that sees it."
    if matrix.features is not None:
        return f"{where} Share of the feature's contrast that is kept: 1 all, below 0.5 lost."
    return f"{where} Change of the region in % of its norm; in brackets that of random noise of the same size."


def show_curve(plot: Plot, levels: "Sequence[Level]") -> None:
    """Plot SSIM and NMSE of the foreground over the share of samples, with the spread over the masks."""
    rising = sorted(levels, key=lambda level: -level.effective)

    def line(name: str) -> Line:
        values = [getattr(level.mean, name) for level in rising]
        spread = [None if level.spread is None else getattr(level.spread, name) for level in rising]
        return Line("Foreground, mean ± spread of the masks", values, spread)

    plot.show_lines(
        [100 / level.effective for level in rising],
        "Sampled, % of the k-space",
        [Axes("SSIM", [line("ssim")]), Axes("NMSE", [line("nmse")])],
        "Against the fully sampled image. A network may get worse when it is given more samples.",
    )
