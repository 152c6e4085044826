"""The verdict on the result that is shown: saved as a case by the first one, and changed there by the next."""

import re
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from ..cases.gallery.entry import GalleryEntry
from ..cases.gallery.verdicts import Judgement, judge_case, read_judgement
from ..ground.errors import InputError, ReconRobustError
from .browsing import Browsing
from .history import Attack, History
from .perturbing import Perturbing, Result
from .saving import saved
from .task import Task


class Rating:
    """Verdicts on attacks at one budget each, in the cases that they are saved as, which the history knows.

    Signals: `changed()`, another verdict or result is shown; `saved(folder)`, there is another case in it.
    """

    changed = Signal()
    saved = Signal(object)

    def __init__(self, perturbing: Perturbing, browsing: Browsing, history: History) -> None:
        self._perturbing, self._browsing, self._history = perturbing, browsing, history
        self._folder: Path | None = None
        self._under_way: tuple[int, str] | None = None  # the number of an attack, and the verdict it is saved with
        perturbing.finished.connect(self.changed.emit)
        perturbing.earlier_changed.connect(self.changed.emit)
        history.changed.connect(self.changed.emit)
        browsing.said.connect(self._on_said)

    @property
    def folder(self) -> Path | None:
        """Where rated attacks become cases; None before it is chosen, and where it is gone."""
        return self._folder if self._folder is not None and self._folder.is_dir() else None

    @folder.setter
    def folder(self, folder: Path) -> None:
        """Choose another one; InputError for one in which no case can lie."""
        from ..cases.record import check_outside

        check_outside(_free(folder))
        self._folder = folder

    @property
    def proposed(self) -> str:
        """The folder from which another one is chosen: the present one, or that of the last saved attack."""
        cases = (one.case.parent for one in reversed(self._history.entries) if one.case is not None)
        return str(self.folder or next(cases, ""))

    @property
    def shown(self) -> Attack | None:
        """The attack whose images are in the panels; None where there is none, or they are of another method."""
        return None if self._perturbing.on_screen is None else self._history.current

    @property
    def place(self) -> Path | None:
        """The saved case that the shown attack is; None where it is none, or is there no more."""
        case = None if self.shown is None else self.shown.case
        return case if case is not None and case.is_dir() else None

    @property
    def verdict(self) -> str:
        """What is said of the shown attack: one of `SCALE`, or "" where nothing is, or cannot be read."""
        if self._under_way is not None and self.shown is not None and self._under_way[0] == self.shown.number:
            return self._under_way[1]
        try:
            return "" if self.place is None else read_judgement(self.place).verdict
        except ReconRobustError:
            return ""

    def save(self, place: Path) -> Task[Path]:
        """Save the result with all its budgets as a case: a new folder with images, k-space, recipe and metrics."""
        result = self._perturbing.current
        if result is None:
            raise InputError("there is no result yet; run a perturbation first.")
        return self._saving(result, place, f"The case is saved as {place.name}.")

    def rate(self, verdict: str) -> Task[Path] | None:
        """Say one of `SCALE` of the shown attack, or "" to take it back; the task that saves it first, where it has to.

        InputError where the panels show none, and where it is to be saved and no folder is chosen.
        """
        result = self._perturbing.on_screen
        if result is None or self.shown is None:
            raise InputError("no result is shown; run a perturbation, or go back to the method of the last one.")
        place = self.place
        if place is None:
            if self.folder is None:
                raise InputError("no folder for rated cases is chosen; choose one.")
            place = _free(self.folder)
            self._under_way = self.shown.number, verdict
            done = f"{place.name} in {self.folder.name}: {Judgement(verdict).words}."
            return self._saving(replace(result, outcomes=(result.outcome,)), place, done, verdict)
        self._judge(place, verdict)
        return None

    def _judge(self, place: Path, verdict: str) -> None:
        listed = next((entry for entry in self._browsing.entries if entry.path == place), None)
        if listed is None:
            judge_case(place, verdict=verdict)
            self.changed.emit()
        else:
            self._browsing.judge(listed, verdict=verdict)

    def _saving(self, result: Result, place: Path, done: str, verdict: str = "") -> Task[Path]:
        entry = self._history.current if len(result.outcomes) == 1 else None  # several have no verdict in common

        def accept(path: Path) -> None:
            end()
            if entry is not None:
                self._history.note_case(entry, path)
            try:
                if verdict:
                    self._judge(path, verdict)
            finally:
                self.saved.emit(path.parent)

        def end() -> None:
            self._under_way = None
            self.changed.emit()

        return Task(f"Saving {place.name}", saved(result, place), accept, given_up=end, done=done)

    def _on_said(self, entry: GalleryEntry) -> None:
        if entry.path == self.place:
            self.changed.emit()


def _free(folder: Path) -> Path:
    """The next of case-1, case-2, ... in a folder; InputError for a folder that cannot be read."""
    try:
        names = [one.name for one in folder.iterdir()]
    except OSError as error:
        raise InputError(f"{folder.name} cannot be listed ({error.strerror}); choose another folder.") from None
    numbers = (re.fullmatch(r"case-(\d{1,9})", name) for name in names)
    return folder / f"case-{max((int(found[1]) for found in numbers if found), default=0) + 1}"
