"""Opening a file or the sample, and the facts of what is open."""

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLineEdit, QWidget
from superqt.utils import signals_blocked

from ...controls.parts import button, column, file_filter, flow, row, show_text, warning, words
from ...data.orientation import AS_STORED, FIRST_ROW_BELOW, Turn
from ...io import annotations, known_formats, suffixes
from ...workbench.saved_review import Found
from ..session import Session

SAMPLE = "A simulated multi-coil brain that comes with the plugin"
_UPSIDE_DOWN = "Turn upside down", "fastMRI stores images with the first row at the bottom"
_BY_THE_FILE = "Turn upright", "As radiologists look at it, by the orientation in the file"
_FORGET, _FORGET_WORK = "Forget it", "Forget it for good"


class OpeningBox(QWidget):
    """A thin view on `acquisition` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        formats = ", ".join(map(str, known_formats()))
        self.open_button = button("Open k-space…", formats, lambda: browse(session, self))
        self.sample_button = button("Open the sample", SAMPLE, session.open_sample)
        self.tour_button = button(
            "Tour in five steps", "On the sample, each step at its control", session.asked_tour.emit
        )
        self.hint = words(f"Or drop a file here or on the canvas: {what_opens()}.")
        self.offer = OfferBox(session)
        self.unfinished = UnfinishedBox(session)
        self.facts = words()
        self.notes = warning()
        self.upright = QCheckBox()
        self.upright.toggled.connect(lambda on: session.panels.lay(upright=self._turn if on else AS_STORED))
        self.axes = AxesQuestion(session)
        buttons = flow(self.open_button, self.sample_button)
        said = (self.offer, self.unfinished, self.hint, self.tour_button, self.facts, self.notes)
        column(buttons, self.axes, *said, self.upright, into=self)

    def show_closed(self) -> None:
        """Show that nothing is open."""
        self.upright.hide()
        self.hint.show()
        self.tour_button.show()
        show_text(self.facts, "")
        show_text(self.notes, "")

    def show_opened(self) -> None:
        """Show what goes with an open scan, whose panels are there."""
        self.hint.hide()
        self.tour_button.hide()
        self.axes.hide()
        text, tip = _UPSIDE_DOWN if self.bench.acquisition.directions is None else _BY_THE_FILE
        self.upright.setText(text)
        self.upright.setToolTip(f"{tip}; only the picture is turned")
        geometry = self.session.panels.geometry
        with signals_blocked(self.upright):
            self.upright.setChecked(geometry is not None and geometry.upright != AS_STORED)
        self.upright.show()

    @property
    def _turn(self) -> Turn:
        """What the switch does: the turn that the file asks for, or for one that asks for none what fastMRI's need."""
        known = self.bench.acquisition.upright
        return FIRST_ROW_BELOW if known == AS_STORED else known

    def show_facts(self) -> None:
        """Show what is known of the scan."""
        scan = self.bench.acquisition.scan
        show_text(self.facts, self.bench.acquisition.facts)
        show_text(self.notes, "" if scan is None else " ".join(scan.header.notes))


def what_opens() -> str:
    """Say what can be dropped, with suffixes."""
    formats = ", ".join(map(str, known_formats()))
    return f"{formats}, {annotations.LABEL} ({annotations.SUFFIX}), or the folder of a saved case or of many"


def browse(session: Session, parent: QWidget) -> None:
    """Ask for a file, and open it."""
    scans = file_filter("k-space", suffixes())
    tables = file_filter(annotations.LABEL, [annotations.SUFFIX])
    path, _ = QFileDialog.getOpenFileName(parent, "Open k-space", "", f"{scans};;{tables};;All files (*)")
    if path:
        session.open(path)


class OfferBox(QWidget):
    """Offers to go on with an earlier review, while there are any; its page says when to look at them again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.resuming = session, session.bench.resuming
        self._place: Path | None = None  # of the chosen one
        self.text = words()
        self.which = QComboBox()
        self.which.setAccessibleName("Earlier reviews")
        self.which.setToolTip("Earlier reviews, the newest first")
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.which.currentIndexChanged.connect(self._show_chosen)
        self.hindrance = warning()
        self.go_on = button("Go on", "Open it as it was", self._go_on)
        self.refuse = button(_FORGET, "Remove what was kept of it; files and saved cases stay", self._refuse)
        column(self.which, self.text, self.hindrance, flow(self.go_on, self.refuse), into=self)
        self.show_offer()

    @property
    def chosen(self) -> Found | None:
        """The one that the buttons mean."""
        offers, at = self.resuming.offers, self.which.currentIndex()
        return offers[at] if 0 <= at < len(offers) else None

    def show_offer(self) -> None:
        """Show what is offered, the newest first."""
        offers = self.resuming.offers
        places = [one.place for one in offers]
        with signals_blocked(self.which):
            self.which.clear()
            self.which.addItems([one.words for one in offers])
            for at, one in enumerate(offers):
                self.which.setItemData(at, one.words, Qt.ItemDataRole.ToolTipRole)
            if self._place in places:
                self.which.setCurrentIndex(places.index(self._place))
        self.which.setVisible(len(offers) > 1)
        self.setVisible(bool(offers))
        self._show_chosen()

    def _show_chosen(self) -> None:
        found = self.chosen
        hindrance = "" if found is None else found.hindrance
        self.text.setText("" if found is None else f"An earlier review, of {found.words}.")
        if found is not None:
            self.which.setToolTip(found.words)
        self._place = None if found is None else found.place
        show_text(self.hindrance, hindrance)
        self.refuse.setText(_FORGET)

    def _go_on(self) -> None:
        self.session.keeping.go_on(self.chosen)

    def _refuse(self) -> None:
        """Forget it; where that loses work, at a second press."""
        found = self.chosen
        if found is None:
            return
        if found.review.holds_work and self.refuse.text() == _FORGET:
            self.refuse.setText(_FORGET_WORK)
        else:
            self.resuming.refuse(found)


class UnfinishedBox(QWidget):
    """Tells of a search that was cut off, and begins it again; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.unfinished = session.bench.unfinished
        self.text = warning()
        self.again = button(
            "Start it again", "Run it anew, as it was set", lambda: session.attempt(self.unfinished.again)
        )
        self.refuse = button("Leave it", "Tell of it no more", self.unfinished.forget)
        column(self.text, flow(self.again, self.refuse), into=self)
        self.show_found()

    def show_found(self) -> None:
        """Show what was cut off, if there is something."""
        show_text(self.text, self.unfinished.sentence)
        self.setVisible(self.unfinished.found is not None)


class AxesQuestion(QWidget):
    """Asks for the axes of a plain array before it is opened."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.path = Path()
        self.question = words()
        self.names = QLineEdit()
        self.names.setAccessibleName("Axes of the array")
        self.names.setToolTip("The array's axes in their order: slice, coil, readout, phase; separated by commas")
        self.names.returnPressed.connect(self._open)
        accept = button("Open", "Open the array with these axes", self._open)
        refuse = button("Cancel", "Do not open it; what is open stays", self.hide)
        column(self.question, row(self.names, accept, refuse, stretch=0), into=self)
        self.hide()

    def ask(self, path: Path, shape: tuple[int, ...], names: tuple[str, ...]) -> None:
        """Ask for the axes of an array of that shape; names: the guess."""
        self.path = path
        self.names.setText(", ".join(names))
        self.question.setText(
            f"{path.name} has the axes {' × '.join(map(str, shape))}. What are they? Below is a guess."
        )
        self.show()
        self.names.setFocus()

    def _open(self) -> None:
        self.session.open(self.path, tuple(name.strip() for name in self.names.text().split(",")))
