"""The tree of an HDF5 file is looked through before anything in it is read: it has to hold all its data itself.

In HDF5 the values of a data set may lie in another file (external storage), a data set may consist of others (virtual),
and a link may lead into another file. So a file from elsewhere could have the user's own files read, shown and saved.
For a filter that it does not know, HDF5 also looks for a shared library to load. h5py follows all of this without
asking, so the whole tree is checked before anything is read. `serve` does that in a process of its own, since damaged
structures can make the library spin or crash.
"""

import faulthandler
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import FileFormatError, one_line
from .guard import reason, shown

_SMALL, _MOST_TOUCHED = 2**20, 2**26  # bytes of a data set, and of a file, whose values are read to try them
MOST_LINKS = 10_000  # far more than scans, masks and cases have; checking them takes a second at worst


def open_tree(path: Path, visit: Callable[[Any], object] | None = None) -> Any:
    """An `h5py.File` for reading in which every name leads to data of this file.

    Raises FileFormatError for a truncated or damaged file and for more than 10,000 links. It also raises it for
    external storage, virtual data sets, external or user-defined links, links to nothing, and filters that are not
    built into HDF5 and h5py, wherever they are in the file. visit: called with the identifier of each object.
    """
    import h5py

    with ExitStack() as stack:
        try:
            file = stack.enter_context(h5py.File(path, "r"))
            _look_through(file.id, shown(path), visit or (lambda item: None))
        except FileFormatError:
            raise
        except Exception as error:  # h5py raises errors of many kinds for damaged structures
            why, advice = reason(error), "copy or download it again"
            if "truncated" in why:
                why = "it is truncated"
            elif "lock" in why:
                why, advice = "another program is writing it", "wait until that is done"
            raise FileFormatError(f"{shown(path)} is an HDF5 file that cannot be opened ({why}); {advice}.") from error
        stack.pop_all()
        return file


def serve(seconds: int, memory: int) -> None:
    """Answer each line that comes in, [path, part] as JSON, by "" or by what is wrong with the file, in a sentence.

    part: None looks through the whole file; [name, index, field] reads these values of a data set, as `hdf5` does.

    The process ends when the input does, or when a file takes longer than `seconds`, even if the library spins.
    """
    import h5py  # noqa: F401 - before memory is limited, and so that the first file need not wait for it

    with suppress(ImportError, ValueError):
        import resource  # of Unix

        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    _answer("ready")
    with open(os.devnull, "w") as nowhere:
        for line in sys.stdin:
            # This ends the process without the interpreter, which may hang in the library.
            faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
            path, part = json.loads(line)
            fault = _fault_of(Path(path)) if part is None else _fault_of_part(Path(path), *part)
            faulthandler.cancel_dump_traceback_later()
            _answer(fault)


def _answer(text: str) -> None:
    sys.stdout.write(json.dumps(text) + "\n")
    sys.stdout.flush()


def _fault_of(path: Path) -> str:
    """Why a file is refused, in a sentence; "" if it is not."""
    try:
        open_tree(path, _touch).close()
    except FileFormatError as error:
        return str(error)
    except Exception:  # perhaps nobody reads that part; reading it raises the error
        pass
    return ""


def _fault_of_part(path: Path, name: str, index: list[int], field: str) -> str:
    """Why values of a file that was looked through before are refused; "" if they are not, or do not exist."""
    import h5py

    with suppress(Exception), h5py.File(path, "r") as file:
        dataset = file[name]
        try:
            with _only_memory(dataset):
                part(dataset, index, field)
        except FileFormatError as error:
            return str(error)
    return ""


def part(dataset: Any, index: Any, field: str = "") -> Any:
    """The values of a data set at an index, or one field of the entries with these numbers."""
    return dataset.fields(field)[index] if field else dataset[tuple(index)]


def is_touched(item: Any) -> bool:
    """Whether looking through a file reads all values of this data set. item: the identifier of the data set.

    Small data sets are read, and in small files those with values of variable length: these lie in heaps, which HDF5
    checks only when it reads them. In a large file that would take as long as reading all of it, so that there they are
    tried part by part (`_fault_of_part`).
    """
    from h5py import Dataset

    whole = Dataset(item)
    few = varies(item) and whole.file.id.get_filesize() <= _MOST_TOUCHED
    return bool(whole.nbytes <= (_MOST_TOUCHED if few else _SMALL))


def _touch(item: Any) -> None:
    """Read what the library could get stuck in: attributes, chunk indices, a chunk, heaps.

    Errors are ignored here, except for a lack of memory: only this process has a limit to it.
    """
    from h5py import Dataset, Datatype, Group, h5d, h5g

    kinds = {h5d.DatasetID: Dataset, h5g.GroupID: Group}
    whole = next((kind for of, kind in kinds.items() if isinstance(item, of)), Datatype)(item)
    with _only_memory(whole):
        for name in whole.attrs:
            with _only_memory(whole):
                whole.attrs[name]
    with _only_memory(whole):
        item.chunk_iter(lambda chunk: None)  # an error where there are no chunks
    with _only_memory(whole):
        if is_touched(item):
            whole[()]
        elif not item.get_create_plist().get_nfilters():  # a packed chunk is allocated by what the file holds of it
            whole[(0,) * whole.ndim]


def varies(item: Any) -> bool:
    """Whether a data set has values of variable length, by its identifier."""
    from h5py import h5t

    kind = item.get_type()
    return bool(kind.detect_class(h5t.VLEN) or kind.detect_class(h5t.STRING))


@contextmanager
def _only_memory(item: Any) -> Iterator[None]:
    """Let no error pass but one of memory, as a FileFormatError."""
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or "memory allocation failed" in str(error):
            name = one_line(str(item.name).lstrip("/"), 60)
            raise FileFormatError(
                f"`{name}` in {shown(Path(item.file.filename))} asks for more memory than any part of a scan needs; it "
                "is damaged: copy it again from its source."
            ) from error


def _look_through(root: Any, name: str, visit: Callable[[Any], object]) -> None:
    """Raise FileFormatError for what leads out of the file; only hard links are followed, and each object once.

    A soft link is a path within the file. It can lead outside only through another link, which is refused itself, so
    soft links are tried after everything else has been checked.
    """
    from h5py import h5d, h5g, h5l, h5o

    def refuse(place: bytes, fault: str) -> None:
        raise FileFormatError(
            f"`{one_line(place.decode(errors='replace'))}` in {name} {fault}; save it as one file that holds all its "
            "data, plain or packed by gzip."
        )

    seen: set[int] = set()
    waiting, paths = [(root, b".", b"")], []
    left = MOST_LINKS
    while waiting:
        parent, key, place = waiting.pop()
        item = h5o.open(parent, key)
        if isinstance(item, h5d.DatasetID):
            if fault := _fault(item.get_create_plist()):
                refuse(place, fault)
        elif isinstance(item, h5g.GroupID):
            links = _links(item, left)
            left -= len(links)
            if left < 0:
                raise FileFormatError(
                    f"{name} has more than {MOST_LINKS:,} data sets and groups, and a scan has a few; save the scan as "
                    "a file of its own."
                )
            for key, kind, address in links:
                inner = (item, key, (place + b"/" + key).lstrip(b"/")[-100:])
                if kind == h5l.TYPE_SOFT:
                    paths.append(inner)
                elif kind != h5l.TYPE_HARD:
                    refuse(inner[2], "is a link into another file (external or user-defined link)")
                elif address not in seen:
                    seen.add(address)
                    waiting.append(inner)
        visit(item)
    for parent, key, place in paths:
        with suppress(Exception):  # h5py's errors are of several kinds here too
            h5o.open(parent, key)
            continue
        refuse(place, "is a link that leads to nothing")


def _links(group: Any, most: int) -> list[tuple[bytes, int, int]]:
    """(name, kind, address of the object for a hard link) of each link, in any order; at most one more than `most`."""
    from h5py import h5

    links: list[tuple[bytes, int, int]] = []

    def take(key: bytes, link: Any) -> bool | None:
        if b"/" in key:  # no library writes such a name, and opening it would follow a path
            raise ValueError("the name of a link has a slash")
        links.append((key, link.type, link.u))
        return True if len(links) > most else None

    group.links.iterate(take, order=h5.ITER_NATIVE, info=True)  # the only order for which HDF5 builds no table
    return links


def _fault(storage: Any) -> str | None:
    """What is wrong with how a data set is stored, by its creation property list."""
    from h5py import h5d, h5z

    if storage.get_external_count():
        return "has its values in another file (external storage)"
    if storage.get_layout() == h5d.VIRTUAL:
        return "is made up of data sets elsewhere (virtual data set)"
    known = {
        h5z.FILTER_DEFLATE,
        h5z.FILTER_SHUFFLE,
        h5z.FILTER_FLETCHER32,
        h5z.FILTER_SZIP,
        h5z.FILTER_NBIT,
        h5z.FILTER_SCALEOFFSET,
        h5z.FILTER_LZF,
    }
    strange = {storage.get_filter(index)[0] for index in range(storage.get_nfilters())} - known
    return f"is packed by filter {min(strange)}, which is no part of HDF5" if strange else None
