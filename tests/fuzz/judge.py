"""One input after the other in a process that is watched: what each of them ends in.

The process is forked, so that another takes its place at once when it ends, hangs or fills the memory.
"""

import faulthandler
import gc
import multiprocessing
import os
import re
import resource
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from helpers.queued import queued
from napari_recon_robust.ground import inspection
from napari_recon_robust.ground.errors import LONGEST, ReconRobustError
from napari_recon_robust.ground.writing import WritingError

from . import arguments, formats, kinds

SECONDS, MEMORY = 20.0, 2 * 2**30  # that one input may take
ADDRESSES = 12 * 2**30  # of address space that a process may take on: it protects the machine
SPINNING = 3  # seconds after which the package gives up a file on which HDF5 spins, here
SOURCE = Path(formats.registry.__file__).parents[1]
_SLOW, _PATIENCE = 10, 3  # rounds in which a slow format takes part once; times the seconds that it may take
ARGUMENTS, NAMED = "arguments", "named"
PASSED = ("ok", "own")
NAMES = ("x" * 240, "x" * 5000, "a\nb", "é‮", "\udcff", " ", "-", ".hidden", "a.b.c", "%s", "{}", "'", "a:b", "a,b=c")


@dataclass(frozen=True)
class Input:
    format: str
    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.format}/{self.kind}/{self.number}"


@dataclass(frozen=True)
class Verdict:
    """result: ok, own (a sentence of ours), sentence (ours, but no good one), raw, crash, hang or memory.

    place: where in the source it came from; words: what was said.
    """

    format: str
    kind: str
    number: int
    result: str
    place: str = ""
    words: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return self.result in PASSED


def inputs() -> Iterator[Input]:
    """All inputs without end: number 0 of each kind of each format, then number 1, and so on.

    The slow formats take part in every tenth round only.
    """
    counts = {(name, kind): count for name in all_formats() for kind, count in counted(name).items()}
    number = 0
    while True:
        for (name, kind), count in counts.items():
            place, rest = divmod(number, _SLOW if is_slow(name) else 1)
            if not rest and (count is None or place < count):
                yield Input(name, kind, place)
        number += 1


def is_slow(name: str) -> bool:
    return name in formats.FORMATS and not formats.FORMATS[name].forks


def all_formats() -> list[str]:
    return [*formats.FORMATS, ARGUMENTS]


@cache
def counted(name: str) -> dict[str, int | None]:
    """The kinds of a format, each with the number of its inputs."""
    if name == ARGUMENTS:
        return dict.fromkeys(arguments.FUNCTIONS)
    seed, _ = _seed(name)
    one = formats.FORMATS[name]
    found = {kind.name: kind.count for kind in kinds.of(map(Path, seed)).values()} | {NAMED: len(NAMES)}
    return {kind: count for kind, count in found.items() if kind not in one.unlike and kind in (one.only or found)}


@cache
def _seed(name: str) -> tuple[dict[str, bytes], str]:
    """The sound files of a format by their places, and the place of what is opened."""
    draw = Random(name)  # names that are drawn would make another input of each number, in each process
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("secrets.token_hex", lambda count=32: draw.randbytes(count).hex()),
        mock.patch("secrets.token_urlsafe", lambda count=32: draw.randbytes(count).hex()),
    ):
        opened = formats.FORMATS[name].write(Path(folder))
        files = {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
        return files, str(opened.relative_to(folder))


def prepare(names: Iterable[str]) -> None:
    """Make all seeds, and import what opening them imports, before processes are forked."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if name == ARGUMENTS:
                formats.case(), formats.undersampled()
                continue
            for place, content in _seed(name)[0].items():
                path = Path(folder) / name / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            one = formats.FORMATS[name]
            if one.forks:
                one.use(one.open(Path(folder) / name / _seed(name)[1]))
            else:
                for module in ("polars", "matplotlib.figure", "zarr", "dask_jobqueue"):
                    import_module(module)


def take(one: Input, folder: Path) -> None:
    """Make an input in an empty folder and open it; raises whatever comes of that."""
    rng = Random(str(one))
    if one.format == ARGUMENTS:
        files = _seed("fastmri")[0]
        (folder / "scan.h5").write_bytes(files["scan.h5"])
        arguments.FUNCTIONS[one.kind](rng, folder)
        return
    files, place = _seed(one.format)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    format, opened = formats.FORMATS[one.format], folder / place
    kind = kinds.of(map(Path, files)).get(one.kind)
    if kind is None:
        opened = _named(opened, NAMES[one.number % len(NAMES)])
    elif not kind.later:
        kinds.apply(kind, folder, rng)
        format.seal(opened)
    content = format.open(opened)
    if kind is not None and kind.later:
        kinds.apply(kind, folder, rng)
    format.use(content)


def _named(path: Path, stem: str) -> Path:
    """Another name with the same suffixes; of 5,000 characters no file has it."""
    suffix = path.name[path.name.index(".") :] if "." in path.name else ""
    renamed = path.with_name(stem + suffix)
    with suppress(OSError):
        path.rename(renamed)
    return renamed


def judged(one: Input, folder: Path) -> Verdict:
    """Judge in this process; whoever watches it notices crashes, hangs and memory."""
    result, place, words = "ok", "", ""
    started = time.monotonic()
    try:
        take(one, folder)
    except ReconRobustError as error:
        result, place, words = "own", _place(error), str(error)
        if fault := wrong(error, folder):
            result, words = "sentence", f"{fault}: {words}"
    except MemoryError as error:
        result, place, words = "memory", _place(error), f"MemoryError: {error}"
    except BaseException as error:
        result, place, words = "raw", _place(error), f"{type(error).__name__}: {error}"
    return Verdict(
        **asdict(one), result=result, place=place, words=words[:400], seconds=round(time.monotonic() - started, 3)
    )


def wrong(error: ReconRobustError, folder: Path) -> str:
    """What is wrong with a sentence for the user; empty if nothing is.

    What is opened goes by its name; a folder that cannot be written is said in full.
    """
    sentence = str(error)
    if "\n" in sentence:
        return "several lines"
    if len(sentence) > LONGEST:
        return f"{len(sentence)} characters"
    elsewhere = str(folder) in sentence or re.search(r"(?<![\w.])/(tmp|dev|home|root|work|usr|var|opt)/", sentence)
    if elsewhere and not isinstance(error, WritingError):
        return "a full path"
    if "Traceback" in sentence or "object at 0x" in sentence:
        return "inner words"
    return "" if sentence.strip() else "no words"


def _place(error: BaseException) -> str:
    """The innermost line of the package that the error passed."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(str(SOURCE)):
            return f"{Path(frame.filename).relative_to(SOURCE)}:{frame.lineno}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


class Watched:
    """A process that judges inputs, and is ended when one takes too long or too much memory."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._process: Any = None
        self.folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        self.trace = self.folder / "trace"

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *error: object) -> None:
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def judge(self, one: Input) -> Verdict:
        if self._process is None:
            self._start()
        pid = self._process.pid
        before, waited = _resident(pid), queued(pid)
        started = time.monotonic()
        seconds = self.seconds * (_PATIENCE if is_slow(one.format) else 1)
        self._pipe.send(one)
        while not self._pipe.poll(0.02):
            # What it waited for a processor, on a machine that does other work too, is not its own time.
            took = time.monotonic() - started
            if took > seconds and took - (queued(pid) - waited) > seconds:
                return self._ended(one, "hang", f"more than {seconds:g} s")
            if (grown := _resident(pid) - before) > MEMORY:
                return self._ended(one, "memory", f"{grown / 2**30:.1f} GB")
        try:
            verdict: Verdict = self._pipe.recv()
        except EOFError:
            self._process.join()
            return self._ended(one, "crash", f"exit status {self._process.exitcode}")
        return verdict

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, other = context.Pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._process = context.Process(target=_serve, args=(other, self.folder, self.trace), daemon=False)
            self._process.start()
        other.close()

    def _ended(self, one: Input, result: str, words: str) -> Verdict:
        """End the process, after it has said where it is."""
        if result != "crash":
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGUSR1)
            time.sleep(0.3)
        text = self.trace.read_text(errors="replace") if self.trace.exists() else ""
        self._end()
        lines = re.findall(r'File "([^"]+)", line (\d+)', text)
        inner = [(Path(file), line) for file, line in lines if file.startswith(str(SOURCE))]
        place = f"{inner[0][0].relative_to(SOURCE)}:{inner[0][1]}" if inner else ""
        return Verdict(**asdict(one), result=result, place=place, words=words)

    def _end(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # with the helpers that it started
            self._process.join()
            self._pipe.close()
            self._process = None
        self.trace.unlink(missing_ok=True)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def _serve(pipe: Any, folder: Path, trace: Path) -> None:
    """Judge what comes through the pipe until it is closed."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said = trace.open("w")
    faulthandler.enable(said)
    faulthandler.register(signal.SIGUSR1, said, all_threads=False)
    with open(os.devnull, "r+b") as nothing:
        for number in (0, 1, 2):
            os.dup2(nothing.fileno(), number)
    warnings.simplefilter("ignore")
    os.environ["POLARS_MAX_THREADS"] = "1"
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ADDRESSES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    inspection.SECONDS = SPINNING
    gc.freeze()
    place = folder / "in"
    while True:
        try:
            one = pipe.recv()
        except EOFError:
            os._exit(0)
        shutil.rmtree(place, ignore_errors=True)  # what one that was ended has left
        place.mkdir()
        Path("/proc/self/clear_refs").write_text("5")  # the peak of what is resident starts anew
        before = _resident(os.getpid())
        verdict = judged(one, place)
        if verdict.passed and (grown := _peak() - before) > MEMORY:
            verdict = Verdict(**asdict(one), result="memory", words=f"{grown / 2**30:.1f} GB")
        pipe.send(verdict)


def _peak() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0
