"""Every HDF5 file is opened for reading here, and only if it holds all its data itself.

In HDF5 the values of a data set may lie in another file (external storage), a data set may consist of others (virtual),
and a link may lead into another file. So a file from elsewhere could have the user's own files read, shown and saved.
For a filter that it does not know, HDF5 also looks for a shared library to load. h5py follows all of this without
asking, so the whole tree is checked before anything is read.
"""

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from .errors import FileFormatError

MOST_LINKS = 10_000  # far more than scans, masks and cases have; checking them takes a second at worst


def is_hdf5(path: Path) -> bool:
    """Whether the file has an HDF5 signature."""
    import h5py

    return bool(h5py.is_hdf5(path))


def open_hdf5(path: Path) -> Any:
    """An `h5py.File` for reading in which every name leads to data of this file.

    Raises FileFormatError for a truncated or damaged file and for more than 10,000 links. It also raises it for
    external storage, virtual data sets, external or user-defined links, links to nothing, and filters that are not
    built into HDF5 and h5py, wherever they are in the file.
    """
    import h5py

    with ExitStack() as stack:
        try:
            file = stack.enter_context(h5py.File(path, "r"))
            _look_through(file.id, path.name)
        except FileFormatError:
            raise
        except Exception as error:  # h5py raises errors of many kinds for damaged structures
            reason, advice = _shown(str(error)), "copy or download it again"
            if "truncated" in reason:
                reason = "it is truncated"
            elif "lock" in reason:
                reason, advice = "another program is writing it", "wait until that is done"
            raise FileFormatError(f"{path.name} is an HDF5 file that cannot be opened ({reason}); {advice}.") from None
        stack.pop_all()
        return file


def described(file: Any) -> str:
    """The keys of an HDF5 file and of its groups, in a few words."""
    names: list[str] = []
    for name, item in file.items():
        names += [f"{name}/{inner}" for inner in item] if hasattr(item, "items") else [f"{name}"]  # bytes, if not UTF-8
    return ", ".join(map(_shown, names[:8])) + (", …" if len(names) > 8 else "") if names else "no keys"


def _look_through(root: Any, name: str) -> None:
    """Raise FileFormatError for what leads out of the file; only hard links are followed, and each object once.

    A soft link is a path within the file. It can lead outside only through another link, which is refused itself, so
    soft links are tried after everything else has been checked.
    """
    from h5py import h5d, h5g, h5l, h5o

    def refuse(place: bytes, fault: str) -> None:
        raise FileFormatError(
            f"`{_shown(place.decode(errors='replace'))}` in {name} {fault}; save it as one file that holds all its "
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

    group.links.iterate(take, order=h5.ITER_NATIVE, info=True)  # the one order that no table is built for
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


def _shown(text: str) -> str:
    """Text from a file, made fit to be part of a sentence."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[-200:])
