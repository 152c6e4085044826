"""The guard that every file from outside passes, whatever its format.

Files come from colleagues, papers and mails. So code that opens one
  - opens it by `open_file`, `read` or `head`, which refuse what is no regular file and never wait for it;
  - asks `check_stored` and `check_memory` before anything is allocated for a size that the file declares;
  - does all of it within `opening`, which turns whatever a library raises into one sentence of ours.
HDF5 (`ground.hdf5`), arrays (`ground.arrays`) and texts (`ground.documents`) are built on these.
"""

import logging
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from struct import error as StructError
from typing import Protocol, TypeVar

from .errors import FileFormatError, InputError, ReconRobustError, one_line

MOST = 2**31  # bytes of a file that is read as a whole
PACKED = 1100  # deflate makes 1,032 bytes of one at most
_SMALL = 2**20  # bytes that any file may declare, however few it stores
_PLENTY = 2**26  # bytes up to which free memory is not checked
_LONGEST_REASON = 140
_LOG = logging.getLogger(__name__)
# Errors whose own text does not help a user.
_OF_DAMAGE = (TypeError, AttributeError, LookupError, AssertionError, ArithmeticError, StructError, EOFError)
_OBJECTS = re.compile(r"<[^<>]* object at 0x[0-9a-f]+>")
# the way to an error, as Python and TorchScript tell it: its lines are indented, or begin with a file and its line
_WAY = re.compile(r"^(?:\w+ )?Traceback\b.*(?:\n(?:[ \t].*|.*\.py\(\d+\): .*)?)*", re.MULTILINE)
# a link or an end tag, which is kept, or folders
_FOLDERS = re.compile(
    r"(\w[\w+.-]{1,20}://[^\s/]\S*|</\w+>)"
    r"|(?<![\w.])(?:[A-Za-z]:)?(?:[\\/][^\s'\"\\/:;,()]+)*[\\/](?=[^\s'\"\\/])"
)


class _Closes(Protocol):
    def close(self) -> object: ...


_Closable = TypeVar("_Closable", bound=_Closes)


@contextmanager
def opening(
    what: Path | str,
    kind: str = "",
    advice: str = "copy it again from its source",
    error: type[ReconRobustError] = FileFormatError,
) -> Iterator[None]:
    """Turn any error that is not one of ours into `error`, one sentence that says what was to be read; ours pass.

    what: the file, or the part of one in words. kind: what it was to be read as. The sentence's cause is kept, and
    logged, in case the fault is the program's.
    """
    try:
        yield
    except ReconRobustError:
        raise
    except Exception as cause:
        subject = shown(what) if isinstance(what, Path) else what
        _LOG.debug("%s", subject, exc_info=True)
        read_as = f" as {kind}" if kind else ""
        raise error(f"{subject} cannot be read{read_as} ({reason(cause)}); {advice}.") from cause


def reason(error: Exception) -> str:
    """What an error says, in a few words and without folders."""
    if isinstance(error, MemoryError):
        return "it needs more memory than is free"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "it is no text in UTF-8"
    if isinstance(error, ValueError) and "integer string conversion" in str(error):
        return "a number in it has thousands of digits"
    if isinstance(error, KeyError) and error.args and " " not in (key := str(error.args[0])):
        return one_line(f"it lacks {key!r}", _LONGEST_REASON)
    if isinstance(error, _OF_DAMAGE) and not isinstance(error, KeyError):
        return "it is damaged, or of another kind"
    # the caller names the file already
    return (
        one_line(error.strerror, _LONGEST_REASON) if isinstance(error, OSError) and error.strerror else said_by(error)
    )


def said_by(error: BaseException) -> str:
    """An error's text in one line, without the way to it and without folders; a long one lacks its middle."""
    said = str(error).strip()
    if isinstance(error, OSError) and error.strerror:
        named = isinstance(error.filename, str | os.PathLike)
        said = f"{error.strerror}: {shown(Path(error.filename))}" if named else error.strerror
    said = _FOLDERS.sub(r"\1", _OBJECTS.sub("…", _WAY.sub("", said)))
    return one_line(said, _LONGEST_REASON).rstrip(".") or "no message"


def shown(path: Path) -> str:
    """The name of a file or folder, without the folders that it lies in."""
    return one_line(path.name or path.absolute().resolve().name or "the root folder", 100)


def to_path(value: object) -> Path:
    """The path that a caller gives; InputError for what is none."""
    if isinstance(value, str | os.PathLike):
        return Path(value)
    raise InputError(f"the path is {one_line(repr(value), 60)}; give the name of a file or folder.")


def is_file(path: Path) -> bool:
    """Whether it is a regular file, or a link to one; False for any name that no file can have."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def is_dangling(path: Path) -> bool:
    """Whether it is a link to a file that is not there, such as of a data set that was fetched in part."""
    return path.is_symlink() and not path.exists()


def status(path: Path, error: type[ReconRobustError] = FileFormatError) -> os.stat_result:
    """What the system says of a regular file; `error` for anything else, which could make its reader wait for ever."""
    try:
        found = path.stat()
    except FileNotFoundError:
        if is_dangling(path):
            said = f"{shown(path)} is a link to a file that is not there; fetch that, or remove the link."
        else:
            said = f"there is no file {shown(path)} in that folder; check its name."
        raise error(said) from None
    except (OSError, ValueError) as cause:
        raise error(f"{shown(path)} cannot be opened ({reason(cause)}); check its name and its rights.") from cause
    _check_regular(found, path, error)
    return found


def open_file(path: Path, error: type[ReconRobustError] = FileFormatError) -> BufferedReader:
    """A regular file for reading; `error` if it is missing, something else, or not to be read by this user."""
    status(path, error)
    try:
        file = open(path, "rb", opener=_at_once)  # noqa: SIM115
    except OSError as cause:
        raise error(f"{shown(path)} cannot be opened ({reason(cause)}); check its name and its rights.") from cause
    with closed_on_failure(file):
        _check_regular(os.fstat(file.fileno()), path, error)  # it may have been replaced meanwhile
    return file


@contextmanager
def closed_on_failure(file: _Closable) -> Iterator[_Closable]:
    """Close a file if what is done within fails: for what hands the file on, and closes it only then."""
    try:
        yield file
    except BaseException:
        file.close()
        raise


def read(path: Path, most: int = MOST, error: type[ReconRobustError] = FileFormatError) -> bytes:
    """The content of a regular file of at most `most` bytes that fits into memory; `error` for any other."""
    with open_file(path, error) as file:
        size = check_length(path, most, error)
        check_memory(shown(path), 2 * size, error)
        return file.read(size)


def check_length(path: Path, most: int = MOST, error: type[ReconRobustError] = FileFormatError) -> int:
    """The length of a regular file in bytes; `error` if it has more than `most`."""
    size = status(path, error).st_size
    if size > most:
        raise error(f"{shown(path)} has {in_words(size)}, and at most {in_words(most)} are expected; check the file.")
    return size


def head(path: Path, count: int) -> bytes:
    """The first bytes of a regular file; none of anything else. It raises nothing and never waits."""
    try:
        with open_file(path) as file:
            return file.read(count)
    except (OSError, ReconRobustError):
        return b""


def check_stored(what: str, declared: int, stored: int, packed: int = 1) -> None:
    """Raise FileFormatError if a file declares more bytes than the stored ones can hold; a megabyte is always allowed.

    packed: how many bytes one stored byte can unpack to, such as `PACKED`.
    """
    if declared > max(_SMALL, packed * stored):
        raise FileFormatError(
            f"{what} declares {in_words(declared)} and holds only {in_words(stored)}; it is damaged or incomplete: "
            "copy or export it again."
        )


def check_memory(what: str, needed: int, error: type[ReconRobustError] = FileFormatError) -> None:
    """Raise `error` if so many bytes do not fit into the memory that is free."""
    if needed > _PLENTY and needed > (free := free_memory()):
        raise error(
            f"{what} needs {in_words(needed)} of memory, and {in_words(free)} are free; close other programs, or use a "
            "machine with more memory."
        )


def check_zip(content: bytes, what: str, error: type[ReconRobustError] = FileFormatError) -> None:
    """Raise `error` for an archive whose members are together larger than itself; BadZipFile if it is none.

    For archives whose writer does not compress: one that unpacks to more would only be made to fill the memory.
    """
    with zipfile.ZipFile(BytesIO(content)) as archive:
        declared = sum(member.file_size for member in archive.infolist())
    if declared > len(content):
        raise error(
            f"{what} is compressed, {in_words(declared)} in {in_words(len(content))}, and what writes such files "
            "compresses nothing; get it again from its source."
        )


def check_packed(archive: zipfile.ZipFile, what: str, stored: int) -> None:
    """Raise FileFormatError for an archive whose members need more bytes than it can hold packed, or than are free.

    stored: bytes of the archive itself.
    """
    declared = sum(member.file_size for member in archive.infolist())
    check_stored(what, declared, stored, PACKED)
    check_memory(what, declared)


def free_memory() -> int:
    """Bytes of memory that can be taken without pushing anything out."""
    import psutil

    return int(psutil.virtual_memory().available)


def in_words(count: int) -> str:
    """A number of bytes, such as "34 GB"."""
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB", "EB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


def _check_regular(found: os.stat_result, path: Path, error: type[ReconRobustError]) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(found.st_mode), "a device")
    raise error(f"{shown(path)} is {kind}, and a file is expected; choose a file.")


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting, as opening a pipe would for its writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
