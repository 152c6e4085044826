"""Disks that fail and processes that are killed, at each single step of writing a file."""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

Act = Callable[[int], None]


class HalfWritten:
    """A file whose writing is a step: half of the content is in it when the step is acted on."""

    def __init__(self, file: Any, step: Callable[[], None]) -> None:
        self.file, self.step = file, step

    def __enter__(self) -> "HalfWritten":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, content: Any) -> int:
        half = len(content) // 2
        self.file.write(content[:half])
        self.file.flush()
        self.step()
        return half + int(self.file.write(content[half:]))


@contextmanager
def steps(act: Act = lambda number: None) -> Iterator[list[str]]:
    """Call `act(n)` at the n-th step of our writer from 0 on: write, fsync, mkdir or replace. They are listed."""
    taken: list[str] = []
    opened, fsync, replace, mkdir = Path.open, os.fsync, os.replace, os.mkdir

    def step(kind: str) -> None:
        taken.append(kind)
        act(len(taken) - 1)

    def before(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(target: Any, *arguments: Any, **options: Any) -> Any:
            if kind == "fsync" or ".recon-robust" in str(target):  # else another's, such as a cache of kernels
                step(kind)
            return function(target, *arguments, **options)

        return counted

    def opening(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        file = opened(path, mode, *arguments, **options)
        ours = mode == "ab" or (mode == "wb" and ".recon-robust" in str(path))
        return HalfWritten(file, lambda: step("write")) if ours else file

    with (
        mock.patch.object(Path, "open", opening),
        mock.patch.object(os, "fsync", before("fsync", fsync)),
        mock.patch.object(os, "replace", before("replace", replace)),
        mock.patch.object(os, "mkdir", before("mkdir", mkdir)),
    ):
        yield taken


def fails_at(number: int, code: int = errno.ENOSPC) -> Act:
    """The disk is full at one step, and has room again after it."""

    def act(step: int) -> None:
        if step == number:
            raise OSError(code, os.strerror(code))

    return act


def fails_from(number: int, code: int = errno.ENOSPC) -> Act:
    """The disk is full from one step on."""

    def act(step: int) -> None:
        if step >= number:
            raise OSError(code, os.strerror(code))

    return act


def killed(work: Callable[[], object], step: int) -> bool:
    """Do the work in a forked process, and kill -9 it at a step; whether it came so far."""
    child = os.fork()
    if child == 0:
        try:
            with steps(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == step else None):
                work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
