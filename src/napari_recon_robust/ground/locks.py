"""A lock file, which one process holds at a time; the system releases it however the process ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError
from .writing import said


@contextmanager
def locked(path: Path, otherwise: str) -> Iterator[None]:
    """Hold a lock; InputError with the sentence `otherwise` if another process, or this one, holds it already.

    The folders above are made. Raises WritingError where the file cannot be made.
    """
    with said(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("a+b")
    with opened as file:
        try:
            _lock(file.fileno())
        except OSError:
            raise InputError(otherwise) from None
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
