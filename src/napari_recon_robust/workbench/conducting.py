"""The study of a plan is run by a process of its own, and watched and stopped through the folder of its results.

The process goes on when the window is closed; opened again, whoever runs the study is seen by what the store says.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from psygnal import Signal

from ..ground.errors import InputError, ReconRobustError
from ..ground.progress import Job, Progress
from ..studies.watching import LOG, Seen, Told, ask_to_stop, look
from .planning import Planning
from .task import Task

COMMAND = (sys.executable, "-m", "napari_recon_robust.cli", "study")
_POLL = 0.1  # seconds between two looks at a command
_RECOUNT = 20.0  # seconds between two counts of rows, where a run does not tell of them
_left: list["subprocess.Popen[bytes]"] = []  # runs that go on without the window: to be waited for while it lives


class Conducting:
    """How the study of the open plan goes.

    seen: what was seen of its run at the last look. starting: whether a run was started that says nothing yet.
    given_up: whether it was stopped before it said anything. found: what is said of the results, in lines.

    Signals: `changed()`; `reported(path)`, a report is written; `listed(labels)`, the methods of the results are known.
    """

    changed = Signal()
    reported = Signal(object)
    listed = Signal(object)

    def __init__(self, planning: Planning, clock: Callable[[], float] = time.monotonic) -> None:
        self._planning, self._clock = planning, clock
        self.seen = Seen()
        self.found: tuple[str, ...] = ()
        self.starting = self.given_up = False
        self._process: subprocess.Popen[bytes] | None = None
        self._counted: Told | None = None
        self._count = False  # whether the rows are to be counted at the next look, since the plan was checked
        self._counted_at: float | None = None
        planning.opened.connect(self._forget)
        planning.changed.connect(self._on_planned)

    @property
    def results(self) -> Path:
        """The folder of results; InputError while no plan is open."""
        return self._planning.chosen.with_suffix(".results")

    @property
    def running(self) -> bool:
        """Whether the study is run somewhere, or about to be."""
        return self.seen.running or self.starting

    @property
    def told(self) -> Told | None:
        """How far the study is: what its run says, or else what was counted in the table; None where it has no rows."""
        return (self.seen.told or self._counted) if self.running else (self._counted or self.seen.told)

    @property
    def begun(self) -> bool:
        """Whether some of the study has run."""
        return self.told is not None and self.told.finished > 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left to run, as far as is known."""
        return not self.running and self.told is not None and self.told.finished >= self.told.trials

    @property
    def words(self) -> str:
        """How the study goes, in a sentence."""
        told, seen = self.told, self.seen
        if told is not None and not self.running:
            told = replace(told, rate=None, left=None, idle=False)  # of the run that has ended
        how_far = "" if told is None else told.words
        if self.starting and not seen.running:
            return "The run starts: scans are opened, and files are read once for their digests."
        if seen.running:
            where = f" on {seen.machine}" if seen.machine else ""
            what = "stops after the trials under way" if seen.stopping else "is running"
            return f"The study {what}{where}: {how_far or 'nothing is counted yet'}."
        if self.ended:
            return f"The study has ended: {how_far}."
        if seen.complaint and not self.given_up:
            return f"The run ended: {seen.complaint}"
        if told is not None:
            return f"The study was stopped: {how_far}. Resume goes on from there."
        return "The run was stopped before its first trial; nothing was run." if self.given_up else ""

    # ---------------------------------------------------------------- run

    def start(self, workers: int) -> Task["subprocess.Popen[bytes]"]:
        """Run what is not finished, and what failed once more, by so many processes, which do not end with the window.

        Raises InputError where no plan is open, where its text is not written, or where it is run already.
        """
        plan, folder = self._planning.chosen, self.results
        self._planning.check_written()
        if self.running:
            raise InputError("the study is being run already; watch it here, or stop it first.")
        options = ["--workers", str(workers), *(["--trust"] if self._planning.trust else [])]

        def accept(process: "subprocess.Popen[bytes]") -> None:
            self._process, self.starting, self.given_up = process, True, False
            self.seen = Seen()
            self.changed.emit()

        return Task("Starting the study", _started([*COMMAND, "resume", str(plan), *options], folder), accept)

    def stop(self) -> Task[None]:
        """Ask the run to end after the trials under way, wherever it is."""
        folder, process = self.results, self._process if self.starting else None

        def accept(_: None) -> None:
            self.given_up = process is not None

        return Task("Stopping the study", _stopped(folder, process), accept)

    def look(self) -> "Task[_Look] | None":
        """See how the run goes, by small files, and where it says nothing by its rows; None while no plan is open."""
        if self._planning.path is None:
            return None
        plan, trust, process = self._planning.path, self._planning.trust, self._process
        if self._count and not self.seen.running:
            count = "always"
        elif self._counted_at is None or (self.seen.running and self._clock() - self._counted_at > _RECOUNT):
            count = "if it does not tell"
        else:
            count = ""

        def accept(found: _Look) -> None:
            if (plan, process) != (self._planning.path, self._process):
                return
            before = self.seen, self.starting, self._counted
            if count:
                self._count, self._counted_at = False, self._clock()
            if self.seen.running and not found.seen.running:
                self._counted = None  # the run that has ended says it better
            self.seen = found.seen
            self.starting = self.starting and found.lives and not found.seen.running
            self._counted = found.counted or self._counted
            if before != (self.seen, self.starting, self._counted):
                self.changed.emit()

        job = _seen(plan, self.results, process, count, trust)
        return Task("Looking at the study", job, accept, gives_way=True)

    def _forget(self) -> None:
        if self._process is not None:
            _left.append(self._process)
        self._process = self._counted = self._counted_at = None
        self.starting = self.given_up = self._count = False
        self.seen, self.found = Seen(), ()
        self.changed.emit()

    def _on_planned(self) -> None:
        self._count = self._count or self._planning.checked is not None

    # ---------------------------------------------------------------- results

    def report(self) -> Task[Path]:
        """Write the report beside the plan; `reported` says where."""
        plan = self._planning.chosen
        path = plan.with_suffix(".report.html")
        arguments = [*COMMAND, "report", str(plan), "--output", str(path)]
        return Task("Writing the report", _told_by(arguments, "Writing the report", path), self.reported.emit)

    def complain(self) -> Task[tuple[str, ...]]:
        """Tell why trials failed, the most frequent reasons first, and why images of the others are doubted."""
        return Task("Reading what failed", _remarks(self.results), self._tell)

    def compare(self, other: Path) -> Task[tuple[str, ...]]:
        """Tell how the trials of another study (its plan, or the folder of its results) differ from those of this."""
        return Task(f"Comparing with {other.name}", _differences(self.results, other), self._tell)

    def list_methods(self) -> Task[tuple[str, ...]]:
        """Find the labels of the methods that the results have; `listed` tells them."""
        return Task("Reading the methods", _labels(self.results), self.listed.emit)

    def compare_methods(self, baseline: str) -> Task[tuple[str, ...]]:
        """Tell how the other methods of this study differ from the one of that label."""
        return Task(f"Comparing with {baseline}", _between_methods(self.results, baseline), self._tell)

    def _tell(self, lines: tuple[str, ...]) -> None:
        self.found = lines
        self.changed.emit()


def _started(command: Sequence[str], folder: Path) -> Job["subprocess.Popen[bytes]"]:
    yield Progress(0.0, "Starting the study")
    _left[:] = [one for one in _left if one.poll() is None]
    log = folder / "logs" / LOG
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as said:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, **_of_its_own()
            )
    except OSError as error:
        raise InputError(f"the study cannot be started ({error.strerror}); look at the plan's folder.") from None


def _of_its_own() -> dict[str, Any]:
    """How a process is started that does not end with this one."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _stopped(folder: Path, process: "subprocess.Popen[bytes] | None") -> Job[None]:
    yield Progress(0.0, "Stopping the study")
    if process is not None:  # it opens scans, and nothing is under way that could be lost
        process.terminate()
    else:
        ask_to_stop(folder)


@dataclass(frozen=True)
class _Look:
    """What one look has found. lives: whether the process runs that was started here. counted: if rows were counted."""

    seen: Seen
    lives: bool
    counted: Told | None = None


def _seen(plan: Path, folder: Path, process: "subprocess.Popen[bytes] | None", count: str, trust: bool) -> Job[_Look]:
    """count: whether the rows are counted, "always" or "if it does not tell"; empty for no."""
    yield Progress(0.0)
    lives = process is not None and process.poll() is None
    seen = look(folder)
    wanted = count == "always" or (count and seen.told is None)
    if not wanted or not (folder / "store.json").exists():
        return _Look(seen, lives)
    from ..studies.running import study_status

    with suppress(ReconRobustError):  # the plan has changed, and its check says how
        counted = yield from study_status(plan, trust=trust)
        return _Look(seen, lives, Told(counted.trials, counted.finished, counted.failed))
    return _Look(seen, lives)


def _told_by(command: Sequence[str], label: str, path: Path) -> Job[Path]:
    """Run a command in a process of its own, so that the window stays quick; cancelling ends it."""
    with TemporaryFile() as said, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as one:
        try:
            while one.poll() is None:
                yield Progress(0.0, label)
                time.sleep(_POLL)
        finally:
            if one.poll() is None:
                one.terminate()
        if one.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines() or ["it says nothing"]
            raise InputError(lines[-1].removeprefix("recon-robust: "))
    return path


def _remarks(folder: Path) -> Job[tuple[str, ...]]:
    yield Progress(0.0, "Reading what failed")
    from ..studies.remarks import cautions, failures
    from ..studies.store import Store

    remarks = Store.open(folder).remarks()
    failed = failures(remarks) or ["No trial failed."]
    return (*failed, *(cautions(remarks) or ["No image is doubted."]))


def _differences(folder: Path, other: Path) -> Job[tuple[str, ...]]:
    yield Progress(0.0, "Comparing two studies")
    from ..studies.difference import cautions, sentences, shown, study_difference
    from ..studies.work import results_of

    one, two = results_of(folder), results_of(other)
    tables, inventories = (one.table(), two.table()), [store.inventory(store.folder) for store in (one, two)]
    return (*sentences(shown(study_difference(*tables))), *cautions(*tables, inventories=inventories))


def _labels(folder: Path) -> Job[tuple[str, ...]]:
    yield Progress(0.0, "Reading the methods")
    from ..studies.work import results_of

    return tuple(results_of(folder).table()["method_label"].unique(maintain_order=True))


def _between_methods(folder: Path, baseline: str) -> Job[tuple[str, ...]]:
    yield Progress(0.0, "Comparing the methods")
    from ..studies.difference import THE_REST, cautions, method_difference, sentences, shown, sides
    from ..studies.work import results_of

    trials = results_of(folder).table()
    lines = sentences(shown(method_difference(trials, baseline)))
    return (*lines, *cautions(*sides(trials, baseline), (baseline, THE_REST)))
