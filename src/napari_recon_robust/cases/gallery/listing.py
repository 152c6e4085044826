"""The cases in a folder, quickly: what was read of each is kept in one file of the user's cache.

A case is read again when the time or the size of its case.json has changed; its judgement, when that of verdict.jsonl
has.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ...ground import user_cache
from ...ground.errors import InputError
from ...ground.guard import to_path
from ...ground.progress import Job, Progress, run
from ..record import DESCRIPTION, IMAGES, KSPACE, missing
from . import query, verdicts
from .entry import GalleryEntry, read_entry
from .verdicts import Judgement, read_judgement

DEPTH = 3  # folders in folders in which cases are looked for
_VERSION = 3  # of the kept file: one more whenever an entry holds something else
_EVERY = 50  # cases between two reports
_LOOKED_AT = 100  # folders of a depth of which one has to be a case

Stamp = list[int]  # time of the last change in ns, and size; JSON has no tuples


def list_cases(
    folder: str | Path, *, filter: str = "", sort: str = query.DEFAULT_ORDER, reverse: bool = False
) -> list[GalleryEntry]:
    """The saved cases in a folder and in the folders below it: `query.Filter` and `query.ORDERS` say what may be given.

    A damaged case is listed with its `damage`. Raises InputError for a missing folder, a filter or an order that is
    not known.
    """
    wanted, order = query.Filter.parse(filter), query.order(sort)
    return query.arranged(run(listing(folder)), wanted, order, reverse=reverse)


def listing(folder: str | Path) -> Job[list[GalleryEntry]]:
    """All cases of a folder, in no order; InputError if it is no folder."""
    root = Path(os.path.abspath(to_path(folder)))
    if not root.is_dir():
        raise InputError(f"{root.name} is no folder; give a folder of saved cases.")
    yield Progress(0.0, f"Listing {root.name}")
    known = _known(root)
    places = list(_places(root, root.name, DEPTH) if _is_case(root) else _below(root))
    entries, kept = [], {}
    for number, place in enumerate(places):
        try:
            entry, record = place.entry(known.get(place.name, {}))
        except (AttributeError, KeyError, TypeError, ValueError):  # the kept file is not as it was written
            entry, record = place.entry({})
        entries.append(entry)
        kept[place.name] = record
        if number % _EVERY == 0:
            yield Progress(number / len(places), f"Listing {root.name}: {number:,} of {len(places):,} cases")
    if kept != known:
        user_cache.keep_cached(_index(root), json.dumps({"version": _VERSION, "cases": kept}).encode())
    return entries


def holds_cases(folder: Path) -> bool:
    """Whether there is a case below a folder, from a quick look at the first folders of each depth.

    False for a case itself.
    """
    level = [folder]
    if _is_case(folder):
        return False
    for _ in range(DEPTH):
        level = list(islice((Path(one.path) for above in level for one in _folders(above)), _LOOKED_AT))
        if any(map(_is_case, level)):
            return True
    return False


@dataclass(frozen=True)
class _Place:
    """A folder that is a case, or was one. files: the names of those in it."""

    name: str
    path: Path
    files: frozenset[str]
    description: Stamp | None
    verdict: Stamp | None

    def entry(self, known: dict[str, Any]) -> tuple[GalleryEntry, dict[str, Any]]:
        """Its entry, and what to keep of it. known: what was kept the last time."""
        record: dict[str, Any] = {"description": self.description, "verdict": self.verdict}
        if "facts" in known and self.description is not None and known["description"] == self.description:
            record["facts"] = known["facts"]
        else:
            record["facts"] = read_entry(self.name, self.path).facts()
        if "judgement" in known and known["verdict"] == self.verdict:
            record["judgement"] = known["judgement"]
        else:
            record["judgement"] = self._judgement().to_json()
        entry = GalleryEntry.recalled(self.name, self.path, record["facts"], Judgement.recalled(record["judgement"]))
        gone = [name for name in (KSPACE, IMAGES) if name not in self.files]
        return (entry if entry.damage or not gone else replace(entry, damage=missing(gone[0], self.path))), record

    def _judgement(self) -> Judgement:
        with suppress(InputError):
            return read_judgement(self.path)
        return Judgement()


def _is_case(folder: Path) -> bool:
    return (folder / DESCRIPTION).is_file()


def _below(folder: Path, prefix: str = "", depth: int = DEPTH) -> Iterator[_Place]:
    """The cases among the folders in a folder."""
    for one in _folders(folder):
        yield from _places(Path(one.path), f"{prefix}{one.name}", depth)


def _folders(folder: Path) -> "list[os.DirEntry[str]]":
    """The folders in a folder, none if it cannot be read; hidden ones are being written, or have been left behind."""
    with suppress(OSError, ValueError), os.scandir(folder) as inside:
        return [one for one in inside if not one.name.startswith(".") and one.is_dir()]
    return []


def _places(folder: Path, name: str, depth: int) -> Iterator[_Place]:
    """The folder itself if it is a case, else the cases below it."""
    files: frozenset[str] = frozenset()
    stamps: dict[str, Stamp] = {}
    with suppress(OSError):
        inside = list(os.scandir(folder))
        files = frozenset(one.name for one in inside)
        stamps = {one.name: _stamp(one) for one in inside if one.name in (DESCRIPTION, verdicts.FILE)}
    if files & {DESCRIPTION, KSPACE, IMAGES}:
        yield _Place(name, folder, files, stamps.get(DESCRIPTION), stamps.get(verdicts.FILE))
    elif depth > 1:
        yield from _below(folder, f"{name}/", depth - 1)


def _stamp(entry: "os.DirEntry[str]") -> Stamp:
    status = entry.stat()
    return [status.st_mtime_ns, status.st_size]


def _index(root: Path) -> str:
    return f"gallery/{hashlib.sha256(os.fsencode(root)).hexdigest()}.json"


def _known(root: Path) -> dict[str, dict[str, Any]]:
    """What was kept of a folder the last time; nothing if there is none, or of another version."""
    try:
        stored = json.loads(user_cache.cached(_index(root)) or b"{}")
    except ValueError:
        return {}
    cases = stored.get("cases") if isinstance(stored, dict) and stored.get("version") == _VERSION else None
    return cases if isinstance(cases, dict) else {}
