"""Sequences of events one after the other in a process that is watched."""

import ctypes
import faulthandler
import gc
import multiprocessing
import os
import re
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LENGTH = 100  # events of a sequence
HANG = 200.0  # s without an event
LAST = 15  # events that are told with a fault
WARM = 10  # sequences after which the memory of a process is that of a window that was used
# Megabytes that napari 0.9.2 leaves behind of each closed window that never had anything of ours in it.
LEFT_BEHIND = 0.75


@dataclass(frozen=True)
class Verdict:
    """What became of a sequence.

    fault: empty, or the first line of what went wrong; place: where; event: its number. words: all of it. megabytes:
    resident after the window was closed. seconds: of processor time. windows: closed so far by the process that played
    it.
    """

    seed: int
    events: int
    fault: str = ""
    place: str = ""
    words: str = ""
    megabytes: float = 0.0
    seconds: float = 0.0
    windows: int = 0

    @property
    def passed(self) -> bool:
        return not self.fault

    @property
    def ours(self) -> float:
        """Megabytes without what napari leaves behind of closed windows."""
        return self.megabytes - LEFT_BEHIND * self.windows


def play(desk: Any, seed: int, numbers: Iterable[int], say: Callable[[str], object]) -> Verdict:
    """Open a window, do the events, close it; the first fault ends it."""
    from helpers import one_state

    from .desk import turn
    from .events import Events
    from .faults import Faults

    started, taken, whole = time.process_time(), list[str](), True

    def ended(words: str) -> Verdict:
        seconds = round(time.process_time() - started, 2)
        told = "\n".join([*taken[-LAST:], words]) if words else ""
        megabytes = round(resident() / 1e6, 1)
        return Verdict(seed, len(taken), first_line(words), where(words), told, megabytes, seconds, desk.closed)

    with Faults() as faults:
        try:
            desk.open()
            events = Events(desk)
            for number in numbers:
                taken.append(f"{number} …")
                taken[-1] = events.take(seed, number)
                say(taken[-1])
                for _ in range(3):
                    turn()
                if faults.found:
                    break
                whole = whole and "layers: delete" not in taken[-1]
                one_state.check(desk.session, whole)
            if not faults.found:
                say("the end")
                desk.close()
        except BaseException as error:
            faults.found.append("".join(traceback.format_exception(error)).strip())
        return ended("\n".join(faults.take()))


def grown(verdicts: Sequence[Verdict]) -> tuple[Verdict, Verdict] | None:
    """Of the process that played most sequences, the one after its warm-up and the last; None before there are both."""
    processes: list[list[Verdict]] = []
    for one in (one for one in verdicts if one.passed):
        if not processes or one.windows <= processes[-1][-1].windows:
            processes.append([])
        processes[-1].append(one)
    longest = max(processes, key=len, default=[])[WARM:]
    return None if len(longest) < 2 else (longest[0], longest[-1])


def resident() -> int:
    """Bytes, after what is free was given back."""
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def first_line(words: str) -> str:
    """The error itself: what a traceback ends with."""
    lines = [line for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Stuck|Warning)\b", line)]
    return (errors or lines or [""])[0][:200]


def where(words: str) -> str:
    """The innermost line of the package, or of the checks, in a traceback."""
    inner = re.findall(r'File "[^"]*/(?:napari_recon_robust|tests)/([^"]+)", line (\d+)', words)
    ours = [one for one in inner if not one[0].startswith("monkey/")] or inner
    return ":".join(ours[-1]) if ours else ""


class Player:
    """A process with a display that plays sequences. A fault ends it, since what follows could come from it."""

    def __init__(self, folder: Path, say: Callable[[str], object]) -> None:
        self.folder, self._say = folder, say
        self._process: Any = None
        self._trace = folder / "trace"

    def __enter__(self) -> "Player":
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def play(self, seed: int, numbers: Iterable[int]) -> Verdict:
        """Play a sequence and watch it."""
        if self._process is None:
            self._start()
        with suppress(BrokenPipeError):
            self._pipe.send((seed, list(numbers)))
        done: list[str] = []
        while True:
            if not self._pipe.poll(HANG):
                os.kill(self._process.pid, signal.SIGUSR1)
                time.sleep(1.0)
                return self._ended(seed, done, f"HangError: nothing for {HANG:g} s")
            try:
                said = self._pipe.recv()
            except (EOFError, ConnectionResetError):
                self._process.join()
                return self._ended(seed, done, f"CrashError: exit status {self._process.exitcode}")
            if isinstance(said, Verdict):
                if not said.passed:
                    self._end()
                return said
            done.append(said)
            self._say(said)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, self.folder), daemon=False)
        self._process.start()
        other.close()

    def _ended(self, seed: int, done: list[str], fault: str) -> Verdict:
        words = self._trace.read_text(errors="replace") if self._trace.exists() else ""
        words = words.partition("Extension modules:")[0]
        self._end()
        return Verdict(seed, len(done), fault, where(words), "\n".join([*done[-LAST:], fault, words]))

    def _end(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.join()
            self._pipe.close()
            self._process = None


def _serve(pipe: Any, folder: Path) -> None:
    """Play what comes through the pipe until it is closed."""
    with tempfile.TemporaryDirectory(prefix="monkey-") as own:
        _set_apart(Path(own), folder)
        with (folder / "trace").open("w") as trace:
            faulthandler.enable(trace)
            faulthandler.register(signal.SIGUSR1, trace)
            from .desk import Desk
            from .material import Material

            desk = Desk(Material(Path(own) / "files"))
            while True:
                try:
                    seed, numbers = pipe.recv()
                except (EOFError, ConnectionResetError):
                    os._exit(0)
                pipe.send(play(desk, seed, numbers, pipe.send))


def _set_apart(own: Path, folder: Path) -> None:
    """Settings, what is remembered and what is kept lie in folders of this process; icons and thumbnails may stay."""
    os.environ |= {
        "LP_NUM_THREADS": "0",  # Mesa's threads would wait for each other where cores are shared
        "NAPARI_ASYNC": "0",
        "NAPARI_CONFIG": str(own / "napari.yaml"),
        "XDG_CONFIG_HOME": str(own / "config"),
        "XDG_DATA_HOME": str(own / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }


def minimised(play_: Callable[[Iterable[int]], Verdict], numbers: list[int], fault: str) -> list[int]:
    """Leave out events, in ever smaller parts, as long as the same fault comes."""
    size = max(len(numbers) // 2, 1)
    while True:
        start = 0
        while start < len(numbers):
            fewer = numbers[:start] + numbers[start + size :]
            if play_(fewer).fault == fault:
                numbers = fewer
            else:
                start += size
        if size == 1:
            return numbers
        size = max(size // 2, 1)


def missing(seeds: Container[int]) -> Iterable[int]:
    """Seeds from 0 on that were not played yet."""
    seed = 0
    while True:
        if seed not in seeds:
            yield seed
        seed += 1
