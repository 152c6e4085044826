"""The statistics of the regions as a small table, and the file that it is exported to."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHeaderView, QTableWidgetItem, QWidget

from ...controls.filled_rows import FilledRows
from ...controls.lettered_table import LetteredTable, make_read_only
from ...controls.parts import button, column, show_text, words
from ...ground.numbers import written
from ..session import Session
from .exporting import CSV, ask_place

_COLUMNS = ("Image", "Mean ± SD", "SNR", "CNR")
_ROW, _MOST = 19, 12
_FORMULAS = (
    "SNR = mean / σ;  CNR = (mean in − mean around) / √((σ² in + σ² around) / 2). σ² is the mean variance of the "
    "magnitude under the scan's thermal noise, from reconstructions of samples with more of it, since noise after "
    "parallel imaging is not white. Around: 3 to 6 pixels beyond the region. Values are fractions of the maximum."
)


class StatisticsBox(QWidget):
    """A thin view on `measuring` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.measure = button("Measure", "The chosen regions of this slice in all images", self._measure)
        self.export = button("CSV…", "All figures: size, extremes and metrics too", self._export)
        self.method = words()
        self.table = LetteredTable(_ROW, columns=len(_COLUMNS))
        self.formulas = words(_FORMULAS, faint=True)
        table = self.table
        table.setHorizontalHeaderLabels(_COLUMNS)
        table.setAccessibleName("Statistics of the regions")
        make_read_only(table)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        table.setShowGrid(False)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column(FilledRows(self.measure, self.export), self.method, self.table, self.formulas, into=self)
        self.show_found()

    def show_found(self) -> None:
        """Show the table, if there is one of what is set now."""
        found = self.bench.measuring.found or []
        self.measure.setEnabled(self.bench.acquisition.is_open)
        self.export.setEnabled(bool(found))
        methods = {one.method: None for one in found if one.method}
        show_text(self.method, f"Images of {', '.join(methods)}" if methods else "")
        self.table.setVisible(bool(found))
        self.formulas.setVisible(bool(found))
        self.table.clearSpans()
        self.table.setRowCount(0)
        region = ""
        for one in found:
            if one.region != region:
                region = one.region
                area = "" if one.area_mm2 is None else f" = {written(one.area_mm2)} mm²"
                self._add(one.region)
                self._head()
                self._add(f"{one.pixels} px{area}")
            mean = f"{written(one.mean, '.3f')} ± {written(one.deviation, '.3f')}"
            ratios = ["—" if ratio is None else written(ratio, ".1f") for ratio in (one.snr, one.cnr)]
            self._add(one.image, mean, *ratios)
        self.table.show_rows(min(self.table.rowCount(), _MOST))

    def _add(self, *texts: str) -> None:
        """Add a row; a single text goes across all columns."""
        number = self.table.rowCount()
        self.table.insertRow(number)
        for place, text in enumerate(texts):
            item = QTableWidgetItem(text)
            if place:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(number, place, item)
        if len(texts) == 1:
            self.table.setSpan(number, 0, 1, self.table.columnCount())

    def _head(self) -> None:
        """Make the last row the head of those that follow; a long name is cut off at its end."""
        item = self.table.item(self.table.rowCount() - 1, 0)
        font = item.font()
        font.setBold(True)
        item.setFont(font)
        item.setToolTip(item.text())

    def _measure(self) -> None:
        self.session.attempt(self.bench.measuring.run)

    def _export(self) -> None:
        path, _ = ask_place(self.session, "Statistics of the regions", "regions.csv", CSV)
        if path is not None:
            self.session.attempt(lambda: self.bench.measuring.save(path))
