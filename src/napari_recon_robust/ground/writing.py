"""The one way in which results are written: completely or not at all, and what goes wrong is one sentence.

The content goes into a hidden folder beside its place, is brought to the disk (fsync), and takes its place in one step.
So a reader meets the old file or the new one, even after a kill or a power cut. A killed process leaves its
hidden folder behind, and the next write into the same folder removes it. A job that was cancelled by then leaves what
was there.
"""

import errno
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError
from .machine import has_ended, machine
from .progress import stop_if_cancelled

Content = bytes | memoryview

PRIVATE = 0o600  # the mode of a file that is read and written by its user alone

_HIDDEN = ".recon-robust"
_OLD = 24 * 3600.0  # seconds after which a hidden folder is removed, also if it is of another machine's process
_PROBE = bytes(2**16)  # not empty, since a full disk still takes an empty file
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your share of the disk is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "you may not write there",
    errno.EPERM: "you may not write there",
    errno.ENOTDIR: "a file is in the place of its folder",
    errno.EEXIST: "a file is in the place of its folder",
    errno.ENOTEMPTY: "a folder that is not empty is in its place",
    errno.EISDIR: "a folder is in its place",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EFBIG: "it is larger than a file may be there",
}
_ADVICE = {
    errno.ENOSPC: "make room there, or name another folder",
    errno.EDQUOT: "make room there, or name another folder",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f), or name a folder on another disk",
    errno.ENAMETOOLONG: "name it shorter",
}


class WritingError(InputError):
    """A file or folder cannot be written. reason: why, in a few words."""

    longest_word = 400  # it may say where a result lies instead

    def __init__(self, sentence: str, reason: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason


def write(
    path: str | Path, content: Content | Mapping[str, Content] | Iterable[tuple[str, Content]], *, private: bool = False
) -> None:
    """Write a file, or a new folder of files by their names, in place of what is there; the folders above are made.

    private: whether a new file is for this user alone.

    A new folder replaces only an empty one. All its files get one time of change, so that it does not tell in which
    order they were written. Raises WritingError, and then what was there stays as it was.
    """
    with said(Path(path)), _hidden(_place(path)) as (made, place):
        if not isinstance(content, Content):
            made.mkdir()
            for name, part in content.items() if isinstance(content, Mapping) else content:
                _put(made / name, part)
            written = time.time_ns()
            for file in made.iterdir():
                os.utime(file, ns=(written, written))
            _sync_folder(made)
        else:
            _put(made, content)
            if place.exists():
                shutil.copymode(place, made)
            elif private:
                made.chmod(PRIVATE)
        _take(made, place)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A folder to be filled by several writes within; afterwards it takes its place in one step, such as `write`'s.

    Where what is done within raises, or its process is killed, nothing stands in the place.
    """
    with said(Path(path)), _hidden(_place(path)) as (made, place):
        made.mkdir()
        yield made
        _take(made, place)


@contextmanager
def new_file(path: str | Path) -> Iterator[Path]:
    """A file to be made within by whoever writes it in parts; afterwards it takes its place in one step, as `write`'s.

    Where what is done within raises, or its process is killed, what was there stays.
    """
    with said(Path(path)), _hidden(_place(path)) as (made, place):
        yield made
        with made.open("rb") as file:
            os.fsync(file.fileno())
        _take(made, place)


def append(path: Path, text: str) -> None:
    """Add text (UTF-8) to the end of a file, all of it or none; WritingError if that fails."""
    content = text.encode()
    with said(path), path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            if file.write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):
                file.truncate(before)
            raise


@contextmanager
def said(path: Path) -> Iterator[None]:
    """Turn an error of the system on writing `path` into a WritingError, one sentence."""
    try:
        yield
    except OSError as error:
        reason, advice = reason_of(error), _ADVICE.get(error.errno or 0, "name another folder")
        raise WritingError(f"{_where(path)} ({reason}); {advice}.", reason) from None


def reason_of(error: OSError) -> str:
    """An error of the system in a few words."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)


def try_place(path: str | Path) -> None:
    """Raise WritingError if a place cannot be written, before anything is computed; the folders above are made.

    A little is written beside the place, or into the folder if it is one, and removed again.
    """
    place = _place(path)
    with said(Path(path)), _hidden(place / "probe" if place.is_dir() else place) as (made, _):
        _put(made, _PROBE)


def check_room(path: str | Path, size: int) -> None:
    """Raise WritingError where the disk has less room than a result will need. size: in bytes."""
    place = _place(path)
    with said(place):
        free = shutil.disk_usage(place.parent).free
    if free < size:
        reason = f"it needs {size / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free"
        raise WritingError(f"{_where(Path(path))} ({reason}); {_ADVICE[errno.ENOSPC]}.", reason)


def keep(path: str | Path, save: Callable[[Path], object]) -> None:
    """Save a result by `save(path)`; where that fails, save it elsewhere, so that nothing that was computed is lost.

    Elsewhere is a new folder in the system's temporary one, or else in the user's own. Raises WritingError after it
    has failed, which says where the result lies.
    """
    path = Path(path)
    try:
        save(path)
    except WritingError as error:
        elsewhere = _saved_elsewhere(path.name, save)
        if elsewhere is None:
            raise
        raise WritingError(
            f"{_where(path)} ({error.reason}); it is saved as {elsewhere} instead.", error.reason
        ) from None


def _saved_elsewhere(name: str, save: Callable[[Path], object]) -> Path | None:
    for folder in (tempfile.gettempdir, Path.home):
        with suppress(OSError, RuntimeError, WritingError):  # there may be neither of them
            place = Path(tempfile.mkdtemp(prefix="recon-robust-", dir=folder())) / name
            save(place)
            return place
    return None


def _place(path: str | Path) -> Path:
    """Where a link leads, so that the link stays."""
    return Path(os.path.realpath(path))


@contextmanager
def _hidden(place: Path) -> Iterator[tuple[Path, Path]]:
    """(where to make it, its place): the former is in a hidden folder of this process beside the latter."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_file() and not os.access(place, os.W_OK):  # replacing it would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    remove_leftovers(place.parent)
    hidden = Path(tempfile.mkdtemp(prefix=f"{_HIDDEN}-{machine()}-{os.getpid()}-", dir=place.parent))
    try:
        yield hidden / place.name, place
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _take(made: Path, place: Path) -> None:
    """What was made takes its place, unless the job that made it was cancelled meanwhile: that was said already."""
    stop_if_cancelled()
    if place.is_dir() and sys.platform == "win32":
        place.rmdir()  # which Windows does not replace
    os.replace(made, place)
    _sync_folder(place.parent)


def _put(path: Path, content: Content) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can; the files in it are there already."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def remove_leftovers(folder: Path) -> None:
    """Remove the hidden folders of processes that were killed while they wrote here, as each write into it does."""
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            match = re.fullmatch(rf"{re.escape(_HIDDEN)}-(\w*)-(\d+)-\w+", entry.name)
            if match is not None and _is_leftover(match[1], int(match[2]), entry.stat().st_mtime):
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_leftover(name: str, process: int, written: float) -> bool:
    return time.time() - written > _OLD or has_ended(name, process)


def _where(path: Path) -> str:
    folder = path.parent
    return f"{path.name} cannot be written" + ("" if folder == Path() else f" to {folder}")
