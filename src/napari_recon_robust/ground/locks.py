"""A lock file, which one process holds at a time; the system releases it however the process ends."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import InputError
from .guard import closed_on_failure
from .writing import said

_BUSY = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}  # the last two are those of Windows
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def locked(path: Path, otherwise: str) -> Iterator[bool]:
    """Hold a lock; InputError with the sentence `otherwise` if another process, or this one, holds it already.

    It is True, or False on a file system that has no locks, where what is done within goes on unguarded. The folders
    above are made. A file that is new is removed again if what is done meanwhile fails; that of another is left.
    Raises WritingError where the file cannot be made or locked.
    """
    new = not os.path.lexists(path)
    file, held = _taken(path, otherwise)
    with file:
        try:
            yield held
        except BaseException:
            if new:
                with suppress(OSError):
                    _remove(path, file)
            raise


def _taken(path: Path, otherwise: str) -> tuple[BinaryIO, bool]:
    """The open file, and whether it is locked. One that its holder removed before it was locked is made again."""
    while True:
        with said(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b")
        with closed_on_failure(file):
            held = _try_lock(path, file, otherwise)
            if _is_at(path, file):
                return file, held
        file.close()


def _try_lock(path: Path, file: BinaryIO, otherwise: str) -> bool:
    with said(path):
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno in _BUSY:
                raise InputError(otherwise) from None
            if error.errno not in _WITHOUT_LOCKS:
                raise
            return False
    return True


def _is_at(path: Path, file: BinaryIO) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _remove(path: Path, file: BinaryIO) -> None:
        file.close()  # an open file cannot be removed, be it of this process or of the next one that holds the lock
        path.unlink()

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _remove(path: Path, file: BinaryIO) -> None:
        path.unlink()  # while it is held, so that it is not yet the next one's
