"""A lock file, which one process holds at a time; the system releases it however the process ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import InputError
from .writing import said


@contextmanager
def locked(path: Path, otherwise: str) -> Iterator[None]:
    """Hold a lock; InputError with the sentence `otherwise` if another process, or this one, holds it already.

    The folders above are made. A file that is new is removed again if what is done meanwhile fails; that of another is
    left. Raises WritingError where the file cannot be made.
    """
    new, held = not os.path.lexists(path), False
    try:
        with _open(path) as file:
            try:
                _lock(file.fileno())
            except OSError:
                raise InputError(otherwise) from None
            held = True
            yield
    except BaseException:
        if new and held:
            with suppress(OSError):
                path.unlink()
        raise


def _open(path: Path) -> BinaryIO:
    with said(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+b")


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
