"""The run of a study: started, watched, stopped; and its results opened."""

import os
from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QInputDialog, QPlainTextEdit, QWidget

from ...controls.number_boxes import WholeSpinBox
from ...controls.parts import ACCENT, button, column, file_filter, flow, heading, row, show_text, words
from ...controls.progress_bar import Bar
from ...workbench.planning import SUFFIXES
from ..session import Session
from .study_plan import LANE

RUNS = "study run"  # the lane
_LINK = f'<a href="{{address}}" style="color: {ACCENT}">Dask\'s dashboard</a> ({{address}})'
_FOUND = 150  # pixels high


class RunPanel(QWidget):
    """A thin view on `conducting` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.conducting = session, session.bench.conducting
        self.workers = WholeSpinBox()
        self.workers.setRange(1, 4 * (os.cpu_count() or 1))
        self.workers.setValue(os.cpu_count() or 1)
        self.workers.setAccessibleName("Processes that run the trials")
        self.workers.setToolTip("Processes that run the trials; from two on Dask shares the work among them")
        self.start = button(
            "Run", "Run what is not finished, in processes of its own that go on when napari is closed", self._start
        )
        self.stop = button(
            "Stop", "End after the trials under way; what is finished is kept, and Run goes on", self._stop
        )
        self.state = words()
        self.bar = Bar()
        self.dashboard = words()
        self.dashboard.setOpenExternalLinks(True)
        self.report = button("Report", "Write figures, table and worst cases into one file, and open it", self._report)
        self.worst = button("Worst cases", "The worst trials that were kept, in the Gallery dock", self._show_worst)
        self.compare = button("Compare…", "Paired differences to another study: its plan", self._compare)
        self.methods = button("Methods…", "Paired differences of the methods to one of them", self._ask_methods)
        self.remarks = button(
            "Failures and cautions",
            "Why trials failed, the most frequent reasons first, and why images of the others are doubted",
            self._complain,
        )
        self.found = QPlainTextEdit()
        self.found.setReadOnly(True)
        self.found.setTabChangesFocus(True)
        self.found.setFixedHeight(_FOUND)
        self.found.setAccessibleName("What was found out about the results")
        column(
            heading("Run"),
            row(words("Processes"), self.workers, self.start, self.stop, stretch=2),
            self.bar,
            self.state,
            self.dashboard,
            heading("Results"),
            flow(self.report, self.worst, self.methods, self.compare, self.remarks),
            self.found,
            into=self,
            spacing=4,
        )

    def show_run(self) -> None:
        """Show how the run goes, and what can be done."""
        one, planning = self.conducting, self.session.bench.planning
        is_open, told = planning.path is not None, one.told
        checked = planning.checked
        self.setVisible(is_open)
        self.start.setText("Resume" if one.begun and not one.ended else "Run")
        idle = not (one.running or self.session.jobs.busy(RUNS))
        self.start.setEnabled(is_open and not planning.edited and idle and (checked is None or checked.good))
        self.workers.setEnabled(not one.running)
        self.stop.setEnabled(one.running and not one.seen.stopping)
        self.bar.setVisible(one.running or one.begun)
        self.bar.set_fraction(0.0 if told is None else told.fraction)
        show_text(self.state, one.words)
        address = one.seen.dashboard
        show_text(self.dashboard, _LINK.format(address=address) if address else "")
        for part in (self.report, self.worst, self.methods, self.compare, self.remarks):
            part.setEnabled(one.begun)
        text = "\n".join(one.found)
        if text != self.found.toPlainText():
            self.found.setPlainText(text)
        self.found.setVisible(bool(text))

    def open_report(self, path: Path) -> None:
        """Open a report in the browser."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.absolute())))

    def compare_methods(self, labels: Sequence[str]) -> None:
        """Ask for a baseline among the methods, and compare the others with it."""
        words = "Compare the other methods with"
        baseline, chosen = QInputDialog.getItem(self, "Methods of this study", words, labels, 0, False)
        if chosen:
            self.session.attempt(lambda: self.conducting.compare_methods(baseline), LANE)

    def _start(self) -> None:
        self.workers.interpretText()  # a click on a button need not take the focus, which would
        self.session.attempt(lambda: self.conducting.start(self.workers.value()), RUNS)
        self.show_run()

    def _stop(self) -> None:
        self.session.attempt(self.conducting.stop, RUNS)

    def _report(self) -> None:
        self.session.attempt(self.conducting.report, LANE)

    def _complain(self) -> None:
        self.session.attempt(self.conducting.complain, LANE)

    def _show_worst(self) -> None:
        self.session.open_gallery(self.conducting.results / "cases")

    def _compare(self) -> None:
        plans = file_filter("Plans of studies", SUFFIXES)
        path, _ = QFileDialog.getOpenFileName(self, "Compare with the study of a plan", "", f"{plans};;All files (*)")
        if path:
            self.session.attempt(lambda: self.conducting.compare(Path(path)), LANE)

    def _ask_methods(self) -> None:
        self.session.attempt(self.conducting.list_methods, LANE)
