"""Who runs a study at the moment: one process at a time, which says every now and then that it is alive.

Runs are numbered. Each has a folder, `runs/000007`, that takes its place in one step and only where there is none yet,
which file systems promise without locks, also over a network. Whoever finds the last run ended or dead makes the next:
of several at once one does. No number is given twice, since the last folder stays and a run that finds a later one has
not begun. Dead is a process of this machine that has ended, or one of another machine or container that has said
nothing for ten minutes by the clocks of both.
"""

import json
import os
import platform
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..ground.documents import read_json
from ..ground.errors import FileFormatError, InputError
from ..ground.guard import shown
from ..ground.machine import has_ended, machine
from ..ground.writing import WritingError, write

_RUN, _ENDED = "run.json", "ended.json"
_PROCESSES = 2**31  # more than any machine numbers
_RENEWED = 30.0  # seconds between two signs of life
_STALE = 600.0  # seconds after which a run that has not said it is alive is dead
_held = set[str]()  # the tokens of the runs of this process, which other processes of its number did not have


class Lease:
    """The numbered runs in the folder `runs` of a store: whoever made the last one runs the study and merges."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._runs = folder, folder / "runs"
        self._number = 0

    @contextmanager
    def taken(self, *, join: bool = False, plan: str = "") -> Iterator[bool]:
        """Hold the lease while the study is run here; yields whether this run has it, and so is the one that merges.

        plan: its digest, if known. Raises InputError where another one runs the study, unless this one may join, by the
        same plan: then it only takes part.
        """
        token, self._number = uuid4().hex, 0
        _held.add(token)  # at first, so that another thread meets no run of this process that seems dead
        try:
            first = self._take(token, plan)
            if not first and not join:
                raise InputError(
                    f"the study in {shown(self.folder)} is being run already; wait for it, or take part with --join."
                )
            if plan and not first:
                self.refuse_another(plan)
            with _renewed(self._at(self._number) / _RUN) if first else nullcontext():
                yield first
        finally:  # also of an interrupt while the lease is taken, which must not block the next run of this process
            try:
                self._end(token)
            finally:
                _held.discard(token)

    def refuse_another(self, plan: str) -> None:
        """Raise InputError where the study is being run by another plan, whose trials this one would replace.

        plan: the digest of this one. Nothing is said of a run that has not told its own.
        """
        of_run = (self.holder or {}).get("plan")
        if of_run and of_run != plan:
            raise InputError(
                f"the plan has changed since the run of {shown(self.folder)} began that is under way; wait for its end "
                "or stop it, then run the study again."
            )

    @property
    def held(self) -> bool:
        """Whether this run still has the lease; one that slept for ten minutes may have lost it."""
        return 0 < self._number == self.last

    @property
    def number(self) -> int | None:
        """The number of this run; None where it only takes part."""
        return self._number or None

    @property
    def last(self) -> int:
        """The number of the last run; 0 before the first."""
        try:
            return max((int(name) for name in os.listdir(self._runs) if name.isdecimal()), default=0)
        except (FileNotFoundError, NotADirectoryError):
            return 0

    @property
    def holder(self) -> Mapping[str, Any] | None:
        """`host`, `machine`, `process` and `plan` of whoever runs the study; None for nobody."""
        number = self.last
        found = self._alive(number)
        return found if number == self.last else self.holder

    @property
    def place(self) -> Path | None:
        """The folder of the last run, for what concerns it alone; None before the first."""
        number = self.last
        return self._at(number) if number else None

    def _take(self, token: str, plan: str = "") -> bool:
        """Make the next run, unless the last one is alive."""
        who = {"host": platform.node(), "machine": machine(), "process": os.getpid(), "token": token, "plan": plan}
        number = self.last
        while self._alive(number) is None:
            number += 1
            try:
                write(self._at(number), {_RUN: json.dumps(who).encode()})
            except WritingError:
                if self.last < number:  # it is not that somebody else made it
                    raise
            if self._said(number) == who and self.last == number:
                self._number = number
                self._forget_earlier()
                return True
            number = max(number, self.last)
        return False

    def _end(self, token: str) -> None:
        """Say that the run of a token has ended, if it is the last one."""
        with suppress(OSError):
            number = self.last
            run, who = self._at(number) / _RUN, self._said(number)
            if isinstance(who, dict) and who.get("token") == token:
                os.replace(run, run.with_name(_ENDED))

    def _at(self, number: int) -> Path:
        return self._runs / f"{number:06}"

    def _said(self, number: int) -> Any:
        with suppress(FileFormatError):
            return read_json(self._at(number) / _RUN)
        return None

    def _alive(self, number: int) -> Mapping[str, Any] | None:
        """What a run says of itself; None for one that has ended or is dead."""
        who = self._said(number)
        process = who.get("process") if isinstance(who, dict) else None
        if not isinstance(process, int) or not 0 < process < _PROCESSES:
            return None
        if who.get("token") in _held:
            return who
        name = str(who.get("machine", ""))  # which files of earlier versions lack: as of another machine
        if (name, process) == (machine(), os.getpid()) or has_ended(name, process):
            return None
        try:
            age = time.time() - (self._at(number) / _RUN).stat().st_mtime
        except FileNotFoundError:  # it ends just now
            return None
        return who if age < _STALE else None

    def _forget_earlier(self) -> None:
        with suppress(OSError):
            for name in os.listdir(self._runs):
                if name.isdecimal() and int(name) < self._number:
                    shutil.rmtree(self._runs / name, ignore_errors=True)


@contextmanager
def _renewed(path: Path) -> Iterator[None]:
    """A thread says every now and then that the run is alive."""
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(path, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renew(path: Path, ended: threading.Event) -> None:
    """Say every now and then that the run is alive."""
    while not ended.wait(_RENEWED):
        with suppress(OSError):
            os.utime(path)
