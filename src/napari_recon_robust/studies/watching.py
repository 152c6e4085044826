"""What a run says of itself to whoever watches it, and how it is asked to end: small files in the folder of results.

    progress.json                how far the run is that wrote it
    runs/<number>/dashboard.json the address of Dask's dashboard
    runs/<number>/stop           whoever watches wants this run to end, and all that take part in it

Nothing rests on them: what is finished is in the table. They are read without the libraries of tables and tensors.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..ground.documents import read_json
from ..ground.errors import FileFormatError, one_line
from ..ground.machine import machine
from ..ground.numbers import duration
from ..ground.writing import WritingError, write
from .lease import Lease

LOG = "run.log"  # in the folder `logs`: what a run said that was started in the window
_PROGRESS, _DASHBOARD, _STOP = "progress.json", "dashboard.json", "stop"
FOLLOWED, DASHBOARD = "study", "dashboard"  # begin the lines in it that tell how the run goes
_ENDED, _TAIL = "trials are finished", 2**14  # what a run says at its end; bytes of a log


@dataclass(frozen=True)
class Told:
    """How far a run is. rate: trials per second; left: seconds; both None as long as nothing is known.

    idle: whether it waits for a worker.
    """

    trials: int
    finished: int
    failed: int
    rate: float | None = None
    left: float | None = None
    idle: bool = False

    @property
    def fraction(self) -> float:
        """How far, from 0 to 1."""
        return min(self.finished / max(self.trials, 1), 1.0)

    @property
    def words(self) -> str:
        """In words."""
        words = f"{self.finished:,} of {self.trials:,} trials"
        if self.failed:
            words += f", {self.failed:,} failed"
        if self.idle:
            words += ", no worker at present"
        elif self.rate is not None and self.left is not None:
            words += f", {self.rate:.3g}/s, {duration(self.left)} left"
        return words


@dataclass(frozen=True)
class Seen:
    """What is seen of the run of a study. running: whether there is one. machine: its host, "" for this one.

    told: what the last run said of itself, if it did. dashboard: an address while it runs. stopping: whether it was
    asked to end. complaint: why a run that was started in the window failed, in a sentence.
    """

    running: bool = False
    machine: str = ""
    told: Told | None = None
    dashboard: str = ""
    stopping: bool = False
    complaint: str = ""


def tell(folder: Path, told: Told) -> None:
    """Say how far the run of this process is; where that cannot be written nothing is said."""
    with suppress(WritingError):
        write(folder / _PROGRESS, json.dumps({"machine": machine(), "process": os.getpid(), **asdict(told)}).encode())


def tell_dashboard(folder: Path, address: str) -> None:
    """Say where the dashboard of the run is."""
    place = Lease(folder).place
    if place is not None:
        with suppress(WritingError):
            write(place / _DASHBOARD, json.dumps({"address": address}).encode())


def ask_to_stop(folder: Path) -> None:
    """Ask the run of a study to end after the trials under way, on whatever machine it is; WritingError if it fails."""
    place = Lease(folder).place
    if place is not None:
        write(place / _STOP, b"")


def is_asked_to_stop(folder: Path) -> bool:
    """Whether somebody asked for it of the last run."""
    place = Lease(folder).place
    return place is not None and (place / _STOP).exists()


def look(folder: Path) -> Seen:
    """What is seen of the run of the study in a folder of results, which need not exist."""
    lease, said = Lease(folder), _read(folder / _PROGRESS)
    holder, place = lease.holder, lease.place
    running, who = holder is not None, holder or {}
    own = not running or all(who.get(key) == said.get(key) for key in ("machine", "process"))
    return Seen(
        running=running,
        machine="" if who.get("machine") == machine() else str(who.get("host", "")),
        told=_told(said) if own else None,
        dashboard=str(_read(place / _DASHBOARD).get("address", "")) if running and place is not None else "",
        stopping=running and is_asked_to_stop(folder),
        complaint="" if running else _complaint(folder),
    )


def _read(path: Path) -> dict[str, Any]:
    """The values in a small file; none where there is no file, or no such one."""
    with suppress(FileFormatError):
        found = read_json(path)
        return found if isinstance(found, dict) else {}
    return {}


def _told(said: Mapping[str, Any]) -> Told | None:
    counts = [said.get(name) for name in ("trials", "finished", "failed")]
    speed = [said.get(name) for name in ("rate", "left")]
    if all(isinstance(one, int) for one in counts) and all(isinstance(one, int | float | None) for one in speed):
        return Told(*counts, *speed, said.get("idle") is True)  # type: ignore[arg-type, call-arg]
    return None


def _complaint(folder: Path) -> str:
    """The last line of the log of a run that did not come to its end, if that says what went wrong.

    Empty where a later run, of which there is no log, has told of itself since.
    """
    log = folder / "logs" / LOG
    with suppress(OSError):
        if (folder / _PROGRESS).exists() and log.stat().st_mtime_ns < (folder / _PROGRESS).stat().st_mtime_ns:
            return ""
        said = log.read_bytes()[-_TAIL:].decode(errors="replace").strip()
        last = said.splitlines()[-1] if said else ""
        if _ENDED not in said and not last.startswith((f"{FOLLOWED}: ", f"{DASHBOARD}: ")):
            return one_line(last.removeprefix("recon-robust: "))
    return ""
