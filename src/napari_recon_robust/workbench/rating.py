"""The verdict on the result that is shown: saved as a case by the first one, and changed there by the next."""

import re
from pathlib import Path
from weakref import WeakKeyDictionary

from psygnal import Signal

from ..cases.gallery.entry import GalleryEntry
from ..cases.gallery.verdicts import Judgement, judge_case, read_judgement
from ..ground.errors import InputError, ReconRobustError
from ..ground.progress import Job
from .browsing import Browsing
from .perturbing import Perturbing, Result, Setting
from .saving import saved
from .task import Task


class Rating:
    """Verdicts on results, in the cases that they are saved as.

    Signals: `changed()`, another verdict or result is shown; `saved(folder)`, there is another case in it.
    """

    changed = Signal()
    saved = Signal(object)

    def __init__(self, perturbing: Perturbing, browsing: Browsing) -> None:
        self._perturbing, self._browsing = perturbing, browsing
        self._folder: Path | None = None
        self._places: WeakKeyDictionary[Setting, Path] = WeakKeyDictionary()
        perturbing.finished.connect(self.changed.emit)
        browsing.said.connect(self._on_said)

    @property
    def folder(self) -> Path | None:
        """Where a result that is no saved case yet becomes one; None until it is chosen, or where it is no more."""
        return self._folder if self._folder is not None and self._folder.is_dir() else None

    @folder.setter
    def folder(self, folder: Path) -> None:
        self._folder = folder

    @property
    def place(self) -> Path | None:
        """The folder of the saved case that the shown result is; None where it is none, or is there no more."""
        shown = self._perturbing.current
        place = None if shown is None else self._places.get(shown.setting)
        return place if place is not None and place.is_dir() else None

    @property
    def verdict(self) -> str:
        """What is said of the shown result: one of `SCALE`, or "" where nothing is, or cannot be read."""
        try:
            return "" if self.place is None else read_judgement(self.place).verdict
        except ReconRobustError:
            return ""

    def keep(self, result: Result, place: Path) -> None:
        """Remember the folder of the saved case that a result is."""
        self._places[result.setting] = place
        self.changed.emit()

    def save(self, place: Path) -> Task[Path]:
        """Save the result as a case: a new folder with images, k-space, recipe and metrics."""
        return self._saving(self._shown(), place, f"The case is saved as {place.name}.")

    def rate(self, verdict: str) -> Task[Path] | None:
        """Say one of `SCALE` of the shown result, or "" to take it back; the task that saves it first, where it has to.

        InputError without a result, and where it is to be saved and no folder is chosen.
        """
        shown, place = self._shown(), self.place
        if place is None:
            if self.folder is None:
                raise InputError("no folder for rated cases is chosen; choose one.")
            place = _free(self.folder)
            return self._saving(
                shown, place, f"{place.name} in {self.folder.name}: {Judgement(verdict).words}.", verdict
            )
        listed = next((entry for entry in self._browsing.entries if entry.path == place), None)
        if listed is None:
            judge_case(place, verdict=verdict)
            self.changed.emit()
        else:
            self._browsing.judge(listed, verdict=verdict)
        return None

    def _shown(self) -> Result:
        if self._perturbing.current is None:
            raise InputError("there is no result yet; run a perturbation first.")
        return self._perturbing.current

    def _saving(self, result: Result, place: Path, done: str, verdict: str = "") -> Task[Path]:
        def accept(path: Path) -> None:
            self.keep(result, path)
            self.saved.emit(path.parent)

        return Task(f"Saving {place.name}", _rated(result, place, verdict), accept, done=done)

    def _on_said(self, entry: GalleryEntry) -> None:
        if entry.path == self.place:
            self.changed.emit()


def _rated(result: Result, place: Path, verdict: str) -> Job[Path]:
    path = yield from saved(result, place)
    if verdict:
        judge_case(path, verdict=verdict)
    return path


def _free(folder: Path) -> Path:
    """The next of case-1, case-2, ... in a folder."""
    numbers = (re.fullmatch(r"case-(\d{1,9})", one.name) for one in folder.iterdir())
    return folder / f"case-{max((int(found[1]) for found in numbers if found), default=0) + 1}"
