"""A process in which files are opened first, since their library may spin, crash or fill the memory on damaged ones.

The process stays warm for the next file. It ends itself when a file takes too long, and with the process that it works
for. On Linux its memory is limited; elsewhere only its time.
"""

import atexit
import json
import os
import subprocess
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from .errors import FileFormatError
from .guard import shown, status

SECONDS = 10  # that one file may take
MEMORY = 2**31  # bytes of address space, on Linux
_REMEMBERED = 10_000  # answers; a scan of a gigabyte is read in hundreds of parts, again and again
_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from importlib import import_module; {}"
# Without this, numerical libraries would reserve memory for threads.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

_Stamp = tuple[str, int, int, int, int]


class Inspection:
    """Opens files first in a process of its own; each version of a file, or part of one, is read there only once."""

    def __init__(self, module: str) -> None:
        """module: its `serve(seconds, memory)` answers each [path, part] that it reads, as JSON: "" or a sentence."""
        self._module = module
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._sound: OrderedDict[tuple[_Stamp, str], None] = OrderedDict()
        self._lock = Lock()
        atexit.register(self.end)

    def check(self, path: Path, part: Any = None) -> None:
        """Raise FileFormatError if the file is refused there, or if its library hangs or crashes on it.

        part: of the file, as JSON values that the module knows; None looks through the whole of it. Nothing is checked
        where no process can be started, as in some bundled applications.
        """
        found = status(path)
        stamp = (os.path.abspath(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        question = json.dumps([os.path.abspath(path), part])
        with self._lock:
            if (stamp, question) in self._sound:
                return
            process = self._running()
            if process is None:
                return
            try:
                fault = _answer(process, question, path)
            except BaseException:  # or its late answer would be taken for the answer to the next question
                self.end()
                raise
            if fault:
                raise FileFormatError(fault)
            self._sound[stamp, question] = None
            while len(self._sound) > _REMEMBERED:
                self._sound.popitem(last=False)

    def end(self) -> None:
        """End the process; the next file starts another one."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        with suppress(OSError, subprocess.TimeoutExpired):
            process.kill()
            process.communicate(timeout=1)

    def _running(self) -> subprocess.Popen[str] | None:
        """The process of this process (a fork must not share its parent's), ready for a question."""
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._process, self._owner = self._started(), os.getpid()
        return self._process

    def _started(self) -> subprocess.Popen[str] | None:
        serve = f"import_module({self._module!r}).serve({SECONDS}, {MEMORY})"
        command = [sys.executable, "-c", _CODE.format(serve), json.dumps(sys.path)]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="ascii",
                env={**os.environ, **_ONE_THREAD},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError):
            return None
        assert process.stdout is not None
        if process.stdout.readline():  # it says when it is ready
            return process
        process.communicate()
        return None


def _answer(process: subprocess.Popen[str], question: str, path: Path) -> str:
    """What is wrong with the file, in a sentence; "" if nothing is."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):  # the process has died; then it sends no line below
        process.stdin.write(question + "\n")
        process.stdin.flush()
    if line := process.stdout.readline():
        return str(json.loads(line))
    process.communicate()
    what = f"takes more than {SECONDS} s to look through" if process.returncode == 1 else "makes its library crash"
    return f"{shown(path)} {what}, so it is damaged or made to do harm; get it again from its source."
