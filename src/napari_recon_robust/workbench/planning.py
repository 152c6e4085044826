"""The plan of a study: chosen or made, edited, checked, and what it will cost."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from psygnal import Signal

from ..ground.errors import InputError
from ..ground.guard import read, shown
from ..ground.progress import Job, Progress, run
from ..ground.writing import write
from .acquisition import Acquisition
from .drafting import draft
from .perturbing import Perturbing
from .reconstruction import Reconstruction
from .regions import Regions
from .task import Task

if TYPE_CHECKING:
    from ..studies.checking import Extent
    from ..studies.estimate import Estimate
    from ..studies.mistakes import Mistake

T = TypeVar("T")

SUFFIXES = (".yaml", ".yml")
_LARGEST = 2**18  # bytes of a plan


@dataclass(frozen=True)
class Checked:
    """What a check found: how large the study is, or else what is wrong. mistakes have lines of the plan."""

    extent: "Extent | None" = None
    mistakes: "tuple[Mistake, ...]" = ()
    fault: str = ""

    @property
    def good(self) -> bool:
        """Whether the plan can be run."""
        return self.extent is not None


class Planning:
    """The plan that is open.

    path: its file, None before one is open. text: as it is edited. trust: whether its own methods may run code.
    checked, estimate: of this text, None before.

    Signals: `opened()`, another file; `changed()`, another text, check or estimate.
    """

    opened = Signal()
    changed = Signal()

    def __init__(
        self, acquisition: Acquisition, reconstruction: Reconstruction, regions: Regions, perturbing: Perturbing
    ) -> None:
        self._review = acquisition, reconstruction, regions, perturbing
        self.path: Path | None = None
        self.text, self._written = "", ""
        self.trust = False
        self.checked: Checked | None = None
        self.estimate: Estimate | None = None

    @property
    def chosen(self) -> Path:
        """The plan's file; InputError while none is open."""
        if self.path is None:
            raise InputError("no plan is open; open one, or make one.")
        return self.path

    @property
    def results(self) -> Path | None:
        """The folder of results of the plan that is open; it need not exist."""
        return None if self.path is None else self.path.with_suffix(".results")

    @property
    def edited(self) -> bool:
        """Whether the text is not that of the file."""
        return self.text != self._written

    def check_written(self) -> None:
        """InputError where the text has changes that are not in the file."""
        if self.edited and self.path is not None:
            raise InputError(
                f"{self.path.name} was edited and is not written; check it, which writes it, or open it again to drop "
                "the changes."
            )

    # ---------------------------------------------------------------- open and make

    def open(self, path: Path) -> Task[tuple[Path, str]]:
        """Open the plan in a file. The one that is open may be opened again, without what was edited."""
        if path != self.path:
            self.check_written()
        return self._made(f"Opening {path.name}", lambda: path)

    def begin(self, path: Path) -> Task[tuple[Path, str]]:
        """Write a plan to begin with, and the schema for editors beside it; InputError for a file that is there."""
        self.check_written()

        def make() -> Path:
            from ..studies.beginning import new_plan

            return new_plan(path)

        return self._made(f"Writing {path.name}", make)

    def demonstrate(self, folder: Path) -> Task[tuple[Path, str]]:
        """Write the plan of the packaged sample into a folder."""
        self.check_written()

        def make() -> Path:
            from ..studies.packaged import DEMO, packaged_plan

            return run(packaged_plan(DEMO, folder))

        return self._made("Writing the demonstration", make)

    def draft(self, path: Path) -> Task[tuple[Path, str]]:
        """Write the beginning of a plan from the review; InputError where nothing is open."""
        self.check_written()
        found = draft(*self._review, path)

        def make() -> Path:
            found.write(path)
            return path

        return self._made(f"Writing {path.name}", make)

    def _made(self, label: str, make: Callable[[], Path]) -> Task[tuple[Path, str]]:
        def accept(found: tuple[Path, str]) -> None:
            self.path, self.text = found
            self._written, self.trust = self.text, False
            self.checked = self.estimate = None
            self.opened.emit()
            self.changed.emit()

        return Task(label, _read(label, make), accept)

    # ---------------------------------------------------------------- edit and check

    def edit(self, text: str) -> None:
        """Take another text, which is written when it is checked."""
        if text != self.text:
            self.text = text
            self.checked = self.estimate = None
            self.changed.emit()

    def allow(self, trust: bool) -> None:
        """Let the plan's own methods run code, or not."""
        self.trust = trust
        self.checked = self.estimate = None
        self.changed.emit()

    def check(self) -> Task[Checked]:
        """Write the text, expand and validate the plan without opening k-space."""

        def take(found: Checked) -> None:
            self.checked = found

        return self._asked("Checking", _checked, take)

    def appraise(self) -> "Task[Estimate]":
        """Write the text, run a sample of the trials, and say how long all will take; PlanError for mistakes."""

        def take(found: "Estimate") -> None:
            self.estimate = found

        return self._asked("Estimating", _estimated, take)

    def _asked(self, what: str, job: Callable[[Path, bool], Job[T]], take: Callable[[T], None]) -> Task[T]:
        """The task of a job on the plan as it is now, which is written first; what it finds of an older one is lost."""
        path, text, trust = self.chosen, self.text, self.trust
        edited = self.edited

        def accept(found: T) -> None:
            if (path, text, trust) == (self.path, self.text, self.trust):
                self._written = text
                take(found)
                self.changed.emit()

        return Task(f"{what} {path.name}", _written(path, text if edited else None, job(path, trust)), accept)


def _written(path: Path, text: str | None, job: Job[T]) -> Job[T]:
    """The job, after a text was written."""
    yield Progress(0.0, "Reading the plan")
    if text is not None:
        write(path, text.encode())
    return (yield from job)


def _read(label: str, make: Callable[[], Path]) -> Job[tuple[Path, str]]:
    yield Progress(0.0, label)
    path = make()
    try:
        return path, read(path, _LARGEST, InputError).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{shown(path)} is no text; choose the YAML file of a plan.") from None


def _checked(path: Path, trust: bool) -> Job[Checked]:
    from ..studies.checking import check_study
    from ..studies.mistakes import PlanError

    try:
        return Checked(extent=(yield from check_study(path, trust=trust)))
    except PlanError as error:
        return Checked(mistakes=error.mistakes)
    except InputError as error:
        return Checked(fault=str(error))


def _estimated(path: Path, trust: bool) -> Job["Estimate"]:
    from ..studies.estimate import estimate_study

    return (yield from estimate_study(path, trust=trust))
