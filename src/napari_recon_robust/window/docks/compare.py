"""The Compare dock: the result in one sentence and a table, ways to look at it, and keeping it."""

import math
from collections.abc import Iterator
from pathlib import Path

import napari.viewer
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QImage
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QTableWidgetItem,
)

from ...canvas.arrangement import LAYOUTS
from ...canvas.surface import export_figure
from ...controls.filled_rows import FilledRows
from ...controls.lettered_table import LetteredTable, make_read_only
from ...controls.parts import button, flow, heading, set_faint, show_text, warning, words
from ...evaluation.measures import MEASURES
from ...ground.numbers import factor, written
from ...workbench.exporting import Kind
from ...workbench.looking import lacking
from ...workbench.perturbing import Result
from .. import keys
from ..session import Session
from .exporting import EXPORT, REPORT, ask_place, ask_report, export_button
from .lineup import LineupBox
from .page import Page
from .review import Review
from .shelf import Shelf
from .statistics import StatisticsBox
from .verdict_scale import VerdictScale

REGIONS = {"roi": "Region", "foreground": "Foreground", "image": "Whole image"}
COLUMNS = {"clean": "Clean", "perturbed": "Perturbed", "random": "Random"}
_SAVE = "One new folder: images, perturbed k-space, recipe, metrics"
_RATE = "What you make of the result; the first verdict saves it as a case in a folder of yours, for the gallery"
_WHERE = "Folder in which rated results become cases"
_OTHER = "The panels show other images now than those of the result."
_FILM = (
    "Clean and perturbed in turn, or rising budgets, as a film: at the rate of the flicker, and of the region alone "
    "while the panels are zoomed to it"
)
_FILMS: dict[str, Kind] = {"Clean and perturbed in turn": "flicker", "Perturbed at rising budgets": "budgets"}
_COPY = "The panels with their titles to the clipboard"
_ROW = 19
# A narrow dock has room for the digits, but not for the margin that Qt leaves beside them.
_TIGHT = "QTableWidget::item { padding: 0px -2px; border: none; } QHeaderView::section { padding: 0px; border: none; }"
_CHANGE = "vs clean"
_AROUND = "Surroundings of what was inserted"
_EMPTY = "Run a perturbation, or open a saved case: its comparison stands here."


class CompareDock(Page):
    """A thin view on the workbench's result."""

    title = "Compare"

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__(Session.of(napari_viewer))
        self.sentence = words()
        self.warning = warning()
        self.earlier = warning()
        self.table = LetteredTable(_ROW, len(REGIONS) * (1 + len(MEASURES)), len(COLUMNS) + 2)
        self.table.setAccessibleName("Metrics of the comparison")
        self._fill_table()
        self.basis = words(faint=True)
        self.random = button("Random  h", keys.words_of("random"), self._look_random, checkable=True)
        self.truth = button("Truth  y", keys.words_of("truth"), self._look_truth, checkable=True)
        self.layout_button = button("Layout  j k", keys.words_of("next_layout"), lambda: self.session.step_layout(1))
        self.regions = button("Regions  u", keys.words_of("regions"), lambda: self.session.panels.drawing.toggle())
        self.images_first = button(
            "Images first  q",
            keys.words_of("images_first"),
            lambda: self.session.once_open(self.session.asked_layout.emit),
        )
        self.list_keys = button("?", "All keys", lambda: self.session.asked_keys.emit())
        self.list_keys.setFixedWidth(28)
        self.list_keys.setAccessibleName("All keys")
        self.lineup = LineupBox(self.session)
        self.statistics = StatisticsBox(self.session)
        self.verdict = VerdictScale()
        self.verdict.given.connect(self._rate)
        self.save = button("Save case…", _SAVE, self._save)
        self.load = button("Open case…", "Bring a saved case back, reconstructed again and checked", self._open)
        self.rated = button("Rated cases…", f"{_WHERE}: choose another one", self._choose_folder)
        self.copy = button("Copy figure", _COPY, self._copy)
        self.report = button("Report…", REPORT, lambda: ask_report(self.session))
        self.film = button("Film…", _FILM, self._film)
        self.export = export_button(self.session)
        self._lay_out()
        self._follow()
        self._on_finished()
        self._show_verdict()
        self.lineup.list_methods()
        self.lineup.show_found()
        Review.of(self.session)
        Shelf.of(self.session)
        self.session.join(self, self.title)

    def _lay_out(self) -> None:
        for part in (
            heading("Comparison"),
            self.earlier,
            self.sentence,
            self.warning,
            self.table,
            self.basis,
            self.verdict,
        ):
            self.column.addWidget(part)
        self.column.addWidget(heading("Look"))
        self.column.addLayout(FilledRows(self.random, self.truth, self.layout_button))
        self.column.addLayout(FilledRows(self.regions, self.images_first, self.list_keys))
        flicker = words("Hold g to flicker", faint=True)
        self.tour_stops = {"flicker": flicker}
        self.column.addWidget(flicker)
        self.column.addWidget(self.lineup)
        self.column.addWidget(heading("Region statistics"))
        self.column.addWidget(self.statistics)
        self.column.addWidget(heading("Keep"))
        self.column.addLayout(flow(self.save, self.load, self.rated, self.copy, self.report, self.film, self.export))
        self.column.addStretch(1)

    def _follow(self) -> None:
        acquisition, reconstruction = self.bench.acquisition, self.bench.reconstruction
        for changed in (acquisition.opened, acquisition.closed, reconstruction.method_changed):
            self.listen(changed, self._show_buttons)
        self.listen(reconstruction.rendered, self._on_rendered)
        self.listen(self.bench.perturbing.finished, self._on_finished)
        self.listen(self.bench.rating.changed, self._show_verdict)
        self.listen(self.bench.measuring.changed, self.statistics.show_found)
        self.listen(acquisition.measured, self.statistics.show_found)
        self.listen(self.bench.perturbing.earlier_changed, self._show_earlier)
        self.listen(acquisition.opened, self._on_opened)
        self.listen(reconstruction.method_changed, self.lineup.list_methods)
        self.listen(self.bench.lining_up.changed, self.lineup.show_chosen)
        self.listen(self.session.asked_methods, self._show_methods)
        self.listen(self.session.looked, self._on_looked)

    # ---------------------------------------------------------------- the table

    def _rows(self) -> Iterator[tuple[int, str, str]]:
        """Yield (row, region, measure) of the table; above the measures of each region stands a head."""
        for block, region in enumerate(REGIONS):
            for line, measure in enumerate(MEASURES):
                yield block * (1 + len(MEASURES)) + 1 + line, region, measure

    def _fill_table(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(["", *COLUMNS.values(), _CHANGE])
        make_read_only(table)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        table.setShowGrid(False)
        table.setStyleSheet(_TIGHT)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column in (0, 1 + list(COLUMNS).index("perturbed")):  # the longest words
            table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        table.show_rows(table.rowCount())
        for number, name in zip(range(0, table.rowCount(), 1 + len(MEASURES)), REGIONS.values(), strict=True):
            table.setSpan(number, 0, 1, table.columnCount())
            head = QTableWidgetItem(name)
            font = head.font()
            font.setBold(True)
            head.setFont(font)
            table.setItem(number, 0, head)
        for number, _, measure in self._rows():
            for column in range(table.columnCount()):
                item = QTableWidgetItem("" if column else MEASURES[measure].label)
                side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(MEASURES[measure].help)
                table.setItem(number, column, item)

    def _show_earlier(self) -> None:
        show_text(self.earlier, self.bench.perturbing.earlier)
        set_faint(self.sentence, bool(self.bench.perturbing.earlier))
        self.table.setEnabled(not self.bench.perturbing.earlier)
        self._show_buttons()

    def _on_finished(self) -> None:
        result = self.bench.perturbing.current
        self._show_earlier()
        for part in (self.table, self.verdict):
            part.setVisible(result is not None)
        if result is None:
            self.sentence.setText(_EMPTY)
            show_text(self.warning, "")
            show_text(self.basis, "")
            return
        comparison = result.outcome.comparison
        self._show_region(comparison.judged_on == "roi")
        around = result.outcome.perturbed.roi is not None  # what was inserted is judged there, wherever the region is
        self.table.item(0, 0).setText(_AROUND if around else REGIONS["roi"])
        self._show_sentence(result)
        show_text(self.warning, " ".join(comparison.warnings.values()))
        repeats = comparison.metrics["random"] == comparison.metrics["clean"]  # a pose has no noise to draw
        self.table.setColumnHidden(1 + list(COLUMNS).index("random"), repeats)
        self.table.setHorizontalHeaderLabels(["", *(COLUMNS | result.draws).values(), _CHANGE])
        for number, region, measure in self._rows():
            values = [getattr(comparison.metrics[name][region], measure) for name in COLUMNS]
            texts = [figure(measure, value) for value in values]
            for column, text in enumerate([*texts, change(measure, values[0], values[1])], start=1):
                self.table.item(number, column).setText(text)
        against = "the method's own clean image" if comparison.reference is None else "the fully sampled reference"
        number = result.setting.source.get("slice", result.slice)
        show_text(
            self.basis,
            f"Slice {number}, against {against}; data range {written(comparison.data_range)}. {result.note}",
        )

    def _show_sentence(self, result: Result) -> None:
        """Show the outcome in words, and of which budget it is where another one is shown."""
        apart = self.session.scene.view.apart(result)
        self.sentence.setText(f"{apart} {result.outcome.comparison.sentence}".strip())

    def _show_region(self, shown: bool) -> None:
        """Show or hide the block of the region: without one the whole image stands for it."""
        block = 1 + len(MEASURES)
        for number in range(block):
            self.table.setRowHidden(number, not shown)
        rows = self.table.rowCount() - (0 if shown else block)
        self.table.show_rows(rows)

    def _show_buttons(self) -> None:
        """Grey what has nothing to show yet, and say why."""
        result = self.bench.perturbing.current
        closed = "" if self.bench.acquisition.is_open else "Nothing is open yet."
        layout = f"{keys.words_of('next_layout')}\nNow: {LAYOUTS[self.session.scene.view.layout]}"
        _offer(self.layout_button, layout, closed)
        _offer(self.regions, keys.words_of("regions"), closed)
        _offer(self.copy, _COPY, closed)
        missing = "" if result is not None else "There is no result yet: run a perturbation."
        for one, tip in ((self.save, _SAVE), (self.film, _FILM)):
            _offer(one, tip, missing)
        nothing = "" if self.bench.exporting.possible else "There is no image of a method yet."
        for one, tip in ((self.report, REPORT), (self.export, EXPORT)):
            _offer(one, tip, nothing)
        _offer(self.random, keys.words_of("random"), lacking("random", self.bench.perturbing))
        _offer(self.truth, keys.words_of("truth"), lacking("truth", self.bench.perturbing))

    def _on_rendered(self, _: object) -> None:
        if self.report.isEnabled() != self.bench.exporting.possible:
            self._show_buttons()

    def _on_looked(self) -> None:
        view = self.session.scene.view
        for one, state in ((self.random, view.random), (self.truth, view.truth)):
            one.blockSignals(True)
            one.setChecked(state)
            one.blockSignals(False)
        self._show_buttons()
        self._show_verdict()
        if self.bench.perturbing.current is not None:
            self._show_sentence(self.bench.perturbing.current)

    def _on_opened(self) -> None:
        QTimer.singleShot(0, self.lineup.list_methods)  # the panels are built in this turn of the event loop

    def _show_methods(self) -> None:
        QTimer.singleShot(0, lambda: self.scroll.ensureWidgetVisible(self.lineup))  # when the page is in front

    def _look_random(self, active: bool) -> None:
        self.session.look(random=active)

    def _look_truth(self, active: bool) -> None:
        self.session.look(truth=active)

    # ---------------------------------------------------------------- keeping

    def _save(self) -> None:
        path, _ = ask_place(self.session, "Save case: name of a new folder", "case")
        if path is not None:
            self.session.attempt(lambda: self.bench.rating.save(path))

    def _rate(self, verdict: str) -> None:
        """Say what the user makes of the result, and ask once in which folder such cases are saved."""
        rating, takes = self.bench.rating, self.session.jobs.takes
        if rating.place is not None or (takes("Saving") and (rating.folder is not None or self._choose_folder())):
            self.session.attempt(lambda: rating.rate(verdict))
        self._show_verdict()

    def _choose_folder(self) -> bool:
        """Ask in which folder rated results become cases; whether one is chosen in which they can."""
        path = QFileDialog.getExistingDirectory(self, _WHERE, self.bench.rating.proposed)
        with self.session.jobs.saying():
            if path:
                self.bench.rating.folder = Path(path)
                return True
        return False

    def _show_verdict(self) -> None:
        """Show the verdict on what the panels show, and grey the scale where that is no result as it was found."""
        view, rating = self.session.scene.view, self.bench.rating
        whole = rating.shown is not None and view.factor == 1 and not (view.random or view.lineup)
        self.verdict.setEnabled(whole)
        self.verdict.setToolTip(_RATE if whole else f"{_RATE}\n{_OTHER}")
        self.verdict.show_verdict(rating.verdict if whole else "")

    def _film(self) -> None:
        from ...reports.film import SUFFIXES, writes_mp4

        suffixes = [one for one in SUFFIXES if one != ".mp4" or writes_mp4()]
        offered = list(_FILMS)[: 1 if len(self.bench.result.outcomes) == 1 else None]
        path, chosen = ask_place(self.session, "Film", "film.gif", dict.fromkeys(offered, suffixes), SUFFIXES)
        if path is not None:
            window, rate = self.session.panels.shared_window.limits, self.session.looking.rate
            film, region = self.bench.exporting.film, self.session.looking.region_view.active
            self.session.attempt(lambda: film(path, window, _FILMS[chosen], rate, region=region))

    def _open(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open case: the folder of a saved one")
        if path:
            self.session.open(path)

    def _copy(self) -> None:
        panels = self.session.panels
        former = {key for key in panels.shown if panels.panels[key].former is not None}  # images of two slices
        waiting = former - self.session.scene.comparing.of_strip  # of which the own image is still to come
        if not (panels.settled and panels.shown) or waiting:  # napari cannot draw what is half there
            self.foot.say("The images are not all there yet; copy the figure when they are.")
            return
        figure = export_figure(panels.viewer)
        height, width = figure.shape[:2]
        image = QImage(figure.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
        QApplication.clipboard().setImage(image)
        self.foot.say("The figure is on the clipboard.")


def _offer(one: QPushButton, tip: str, missing: str) -> None:
    """Enable a button, or grey it and say below its tip what is missing."""
    one.setToolTip(f"{tip}\n{missing}".strip())
    one.setEnabled(not missing)


def figure(measure: str, value: float) -> str:
    """Return a value as its column has room for it: below 0.001 with a power of ten, for 0.000225 would be cut."""
    return written(value, ".2e" if measure == "nmse" and 0 < value < 0.9995e-3 else MEASURES[measure].form)


def change(measure: str, before: float, after: float) -> str:
    """The change from clean to perturbed: NMSE as a factor, PSNR in dB, SSIM in percent of the clean one."""
    if measure == "nmse":
        return f"×{factor(after / before)}" if before > 0 and math.isfinite(after) else "—"
    if measure == "psnr":
        return written(after - before, "+.1f")
    if not (before > 0 and math.isfinite(after)):  # the share of a negative one would have the wrong sign
        return "—"
    share = 100 * (after - before) / before
    return f"{written(share, '+.1f' if abs(share) < 100 else '+.0f')}%"
