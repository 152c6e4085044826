"""A lock file, which one process holds at a time; the system releases it however the process ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..ground.errors import InputError


@contextmanager
def locked(path: Path, otherwise: str) -> Iterator[None]:
    """Hold a lock; InputError with the sentence `otherwise` if another process, or this one, holds it already."""
    with path.open("a+b") as file:
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
