"""Reviews as they are kept between two openings of the window: plain values in the user's own folder.

Each review has a folder that names its process, and in it state.json and the cases of its attacks. Only the user may
read them, since they hold the path of the scan. The last ten that hold work are kept, as long as they take no more than
4 GiB. `recon-robust forget` removes them all.
"""

import hashlib
import itertools
import json
import math
import os
import platform
import re
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import psutil
from pydantic import Field, ValidationError

from ..data.roi import ROI
from ..ground.documents import read_json
from ..ground.errors import FileFormatError, InputError, ReconRobustError
from ..ground.guard import is_file, open_file
from ..ground.machine import has_ended, machine
from ..ground.specification import Specification
from ..ground.writing import WritingError, said, write
from ..io import files_of, stamp
from ..simulation import packaged

STATE = "state.json"
_MOST, _ROOM = 10, 2**32  # reviews that are kept, and bytes of them
_BLOCKS, _BLOCK = 256, 2**16  # of a file's content, and bytes of each: 16 MiB, among them some of each of 250 slices
_OLD = 24 * 3600.0  # seconds after which a review that nobody touched is no open window's, where none can be asked
_numbers = itertools.count()


def folder() -> Path:
    """Where reviews are kept."""
    import platformdirs

    return platformdirs.user_data_path("napari-recon-robust", appauthor=False) / "reviews"


class SavedScan(Specification):
    """A scan's file as it was.

    axes: those that an array was opened with. size, modified: its `io.stamp`. content: the digest of blocks that are
    spread over it, by which a copy, or a file that was only touched, is known; None where it was not read.
    """

    path: str
    axes: tuple[str, ...] | None = None
    size: int
    modified: int
    content: str | None = None

    @classmethod
    def of(cls, path: Path, axes: Sequence[str] | None) -> Self | None:
        """The file as it is now; None if it is not there."""
        try:
            size, modified = stamp(path)
        except FileFormatError:
            return None
        return cls(path=os.path.abspath(path), axes=tuple(axes) if axes else None, size=size, modified=modified)

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return Path(self.path).name

    def at(self, found: "SavedScan") -> "SavedScan":
        """The same file, where and as it is now."""
        return self.model_copy(update={"path": found.path, "modified": found.modified})

    def is_same(self, other: "SavedScan") -> bool:
        """Whether the other file, which is there now, has the same content."""
        if self.size != other.size or self.modified == other.modified:
            return self.size == other.size
        return self.content is not None and self.content == other.read().content

    def read(self) -> "SavedScan":
        """The same with the digest of its content, if it still is as it was and can be read."""
        with suppress(FileFormatError, OSError):
            if stamp(Path(self.path)) == (self.size, self.modified):
                content = _digest(self.path, self.size, self.modified)
                return self.model_copy(update={"content": content})
        return self

    def here(self) -> "SavedScan":
        """The packaged sample as this installation has it, if that is what it was; any other file as it was."""
        sample = _sample()
        now = None if sample is None or Path(sample).name != self.name else SavedScan.of(Path(sample), self.axes)
        return now if now is not None and self.is_same(now) else self

    def check(self) -> None:
        """Raise InputError, one sentence, for a file that has vanished or changed."""
        now = SavedScan.of(Path(self.path), self.axes)
        if now is None:
            raise _vanished(Path(self.path))
        if not self.is_same(now):
            raise InputError(
                f"{self.name} has changed since it was reviewed, so its regions and results may not be its own any "
                "more; open it anew."
            )


class SavedRegion(Specification):
    """A region of a slice. chosen: whether it is meant at present."""

    roi: ROI
    slice: int
    name: str
    source: Literal["annotation", "drawn", "fragile"]
    chosen: bool


class SavedAttack(Specification):
    """An attack of the history.

    The first fields are those of `history.Attack`. metrics: by image and name, null where they are not finite. folder:
    the name of that of its case, beside the state; attacks of one run share it; None where its images made room. index,
    chosen, sampled: as those of `on_disk.OnDisk`. case: the folder of the saved case that it is.
    """

    number: int
    slice: int
    sampling: str
    method: str
    method_knobs: dict[str, Any]
    perturbation: str
    perturbation_knobs: dict[str, Any]
    budget: float | None
    region: str
    box: tuple[int, int, int, int] | None
    judged_on: str
    change: float
    voxel: tuple[float, float, float] | None
    metrics: dict[str, dict[str, float | None]]
    folder: str | None = Field(default=None, pattern=r"^result-\d+$")
    index: int = 0
    chosen: bool = False
    sampled: dict[str, Any] | None = None
    complete: bool = True
    case: str | None = None


class SavedOrder(Specification):
    """An attack of the queue that has not ended. method, kind: ids of listed ones."""

    method: str
    method_knobs: dict[str, Any]
    region: SavedRegion
    kind: str
    knobs: dict[str, Any]
    budget: float | None
    sampling: dict[str, Any] | None


class SavedSearch(Specification):
    """A search that was under way. words: what it is of; slice: on which."""

    what: Literal["attack", "map"]
    words: str
    slice: int


class SavedRuled(Specification):
    """What was measured by hand: the fields of `ruling.Ruled`."""

    kind: Literal["profile", "distance", "area"]
    points: tuple[tuple[float, float], ...] = Field(min_length=2)
    slice: int | None


class SavedReview(Specification):
    """What a review is set to.

    scan, or the folder of the saved `case` that was opened. sampling: its specification, None as it was acquired;
    while a given mask is used, the review stays kept as it was before, and the queue is kept without such attacks.
    method: the id of a listed one, label: what it is called; model: what an own one is called. kind, kind_knobs: of the
    perturbation. beside, anew: the listed methods that stand beside each other, and whether each is attacked itself.
    queue: what it has not ended. unfinished: the search that was under way, for which everything is set as it was then.
    ruled: lines and outlines. attacks: the history; shown: the number of the last one.
    layout: what the window says of itself. closed: whether it was closed, and did not crash.
    """

    version: Literal[2] = 2
    scan: SavedScan | None = None
    case: str | None = None
    slice: int = Field(default=0, ge=0)
    sampling: dict[str, Any] | None = None
    method: str | None = None
    label: str = ""
    model: str | None = None
    knobs: dict[str, Any] = Field(default_factory=dict)
    regions: tuple[SavedRegion, ...] = ()
    kind: str | None = None
    kind_knobs: dict[str, Any] = Field(default_factory=dict)
    budget: float | None = None
    further: tuple[float, ...] = ()
    beside: tuple[str, ...] = ()
    anew: bool = False
    queue: tuple[SavedOrder, ...] = ()
    unfinished: SavedSearch | None = None
    ruled: tuple[SavedRuled, ...] = ()
    attacks: tuple[SavedAttack, ...] = ()
    shown: int | None = None
    layout: dict[str, Any] = Field(default_factory=dict)
    closed: bool = False

    @property
    def words(self) -> str:
        """What it is of, in a line."""
        of = self.scan.name if self.scan is not None else f"the case {Path(self.case or '').name}"
        count = sum(one.source != "annotation" for one in self.regions)
        parts = [of, *([] if self.scan is None else [f"slice {self.slice}"])]
        parts += [one for one in (self.label or self.method or self.model,) if one]
        parts += [f"{count} region{'s' * (count > 1)}"] if count else []
        parts += [f"{len(self.attacks)} attack{'s' * (len(self.attacks) > 1)}"] if self.attacks else []
        parts += [f"{len(self.queue)} in the queue"] if self.queue else []
        parts += ["a search that was not finished"] if self.unfinished else []
        parts += [f"{len(self.ruled)} measured by hand"] if self.ruled else []
        return ", ".join(parts)

    def check(self) -> None:
        """InputError if its scan or its case has vanished, or the scan has changed."""
        case = Path(self.case or "")
        if self.scan is not None:
            self.scan.check()
        elif not case.is_dir():
            raise _vanished(case)

    @property
    def folders(self) -> set[str]:
        """The names of the folders of its attacks."""
        return {one.folder for one in self.attacks if one.folder is not None}

    @property
    def holds_work(self) -> bool:
        """Whether somebody would miss it: attacks besides that of the opened case, others to come, what was drawn."""
        drawn = self.scan is not None and any(one.source == "drawn" for one in self.regions)
        return drawn or bool(self.queue or self.ruled or self.unfinished) or len(self.folders) > (self.case is not None)


@dataclass(frozen=True)
class Found:
    """A review that was kept. place: its folder. time: when its state was written, in seconds since 1970."""

    place: Path
    review: SavedReview
    time: float

    @property
    def words(self) -> str:
        """When it was, and what of."""
        when = f"{datetime.fromtimestamp(self.time):%d %B %Y, %H:%M}"
        return f"{when}{'' if self.review.closed else ' (not closed)'}: {self.review.words}"

    @property
    def hindrance(self) -> str:
        """Why it cannot be gone on with, in a sentence: its file has vanished or changed. Empty where it can."""
        try:
            self.review.check()
        except InputError as error:
            return str(error)
        return ""

    def drop(self) -> None:
        """Remove it."""
        shutil.rmtree(self.place, ignore_errors=True)


@dataclass
class Store:
    """The folder of one review of this process."""

    place: Path = field(default_factory=lambda: folder() / f"{_process()}-{next(_numbers)}")
    _named: set[str] = field(default_factory=set)  # by the state on the disk

    def write(self, review: SavedReview) -> None:
        """Write the state, whole or not at all; WritingError if that fails.

        Cases that it no longer names go. Others stay: they may be on the disk before the state that names them.
        """
        self.make()
        path = self.place / STATE
        if review.scan is not None and review.scan.content is None:
            review = review.model_copy(update={"scan": review.scan.read()})
        write(path, json.dumps(review.model_dump(mode="json"), indent=1).encode())
        with said(path):
            path.chmod(0o600)
        for one in self._named - review.folders:
            shutil.rmtree(self.place / one, ignore_errors=True)
        self._named = review.folders

    def make(self) -> None:
        """Make the folder, which only the user may enter."""
        with said(self.place):
            self.place.mkdir(parents=True, exist_ok=True)
            for one in (self.place.parent, self.place):
                one.chmod(0o700)

    def take_over(self, found: Found) -> None:
        """Go on in the folder of another review; InputError if that is gone."""
        shutil.rmtree(self.place, ignore_errors=True)
        try:
            found.place.rename(self.place)
        except OSError:
            raise InputError("the review is not there any more; another window has gone on with it.") from None
        self._named = found.review.folders
        for one in self.place.glob("result-*"):
            if one.name not in self._named:
                shutil.rmtree(one, ignore_errors=True)
        with suppress(WritingError):  # it is written again soon; another window is not to take it for a closed one
            self.write(found.review.model_copy(update={"closed": False}))

    def drop(self) -> None:
        """Remove it."""
        shutil.rmtree(self.place, ignore_errors=True)


def kept() -> tuple[Found, ...]:
    """The reviews that were closed or whose process is gone, the newest first: those that hold work, else the newest.

    The others are removed where they hold no work, or there are more than are kept; so is what a process left half
    written.
    """
    for place in _folders():
        if not (place / STATE).is_file() and not _runs(place):
            shutil.rmtree(place, ignore_errors=True)
    found, room = _left_behind(), _ROOM
    worth = [one for one in found if one.review.holds_work] or found[:1]
    for number, one in enumerate(worth):
        room -= size(one.place)
        if number and (number >= _MOST or room < 0):
            worth = worth[:number]
            break
    for one in found:
        if one not in worth:
            one.drop()
    return tuple(worth)


def kept_of(scan: SavedScan | None, case: str | None) -> tuple[Found, ...]:
    """Such reviews of this file, wherever it lay then, or of the saved case in this folder, that hold work.

    A file that was in the same place and has changed meanwhile is one too: `Found.hindrance` says that it has changed.
    """
    found = []
    for one in _left_behind():
        then = one.review.scan
        same = case is not None and one.review.case == case
        if scan is not None and then is not None:
            if then.name == scan.name and then.is_same(scan):
                one = replace(one, review=one.review.model_copy(update={"scan": then.at(scan)}))
                same = True
            else:
                same = then.path == scan.path
        if same and one.review.holds_work:
            found.append(one)
    return tuple(found)


def size(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def forget() -> int:
    """Remove all reviews, and say how many there were."""
    places = _places()
    shutil.rmtree(folder(), ignore_errors=True)
    return len(places)


def _folders() -> list[Path]:
    root = folder()
    return [one for one in root.iterdir() if one.is_dir()] if root.is_dir() else []


def _places() -> list[Path]:
    return [one for one in _folders() if (one / STATE).is_file()]


def _left_behind() -> list[Found]:
    """The reviews of no open window, the newest first."""
    return sorted(filter(None, map(_left, _places())), key=lambda one: -one.time)


def _left(place: Path) -> Found | None:
    """The review of a folder; None if its window is open, or it cannot be read."""
    try:
        review = SavedReview.model_validate(read_json(place / STATE))
        if review.scan is not None:
            review = review.model_copy(update={"scan": review.scan.here()})
        written = (place / STATE).stat().st_mtime
    except (ReconRobustError, ValidationError, OSError):
        return None
    return Found(place, review, written) if review.closed or not _runs(place) else None


def _sample() -> str | None:
    """Where the packaged sample lies; None if it is missing."""
    try:
        return os.path.abspath(packaged.sample_path())
    except InputError:
        return None


@cache
def _digest(path: str, size: int, modified: int) -> str:
    """The digest of at most `_BLOCKS` blocks of each of a scan's files. size, modified: its stamp, for the cache."""
    found = hashlib.sha256()
    for name in files_of(Path(path)):
        with open_file(name) as file:
            length = file.seek(0, os.SEEK_END)
            for place in range(0, length, max(_BLOCK, (length - _BLOCK) // (_BLOCKS - 1))):
                file.seek(place)
                found.update(file.read(_BLOCK))
    return found.hexdigest()


def _vanished(path: Path) -> InputError:
    path = next((file for file in files_of(path) if not is_file(file)), path)
    return InputError(f"{path.name} is not in {path.parent} any more; bring it back, or open it where it is now.")


def _process() -> str:
    """A name for this process that no later one has."""
    process = psutil.Process()
    return f"{machine()}-{process.pid}-{round(process.create_time())}"


def _runs(place: Path) -> bool:
    """Whether the process of a folder may still run.

    One of another machine, or of another container, cannot be asked: it is taken to run until its folder was not
    touched for a day, unless the machine was started anew meanwhile.
    """
    match = re.fullmatch(r"(\w*)-(\d+)-(\d+)-\d+", place.name)
    if match is None:
        return True
    if match[1] not in (machine(), _former_name()):
        return not has_ended(match[1], int(match[2])) and time.time() - _touched(place) < _OLD
    try:
        return abs(psutil.Process(int(match[2])).create_time() - int(match[3])) < 2
    except psutil.Error:
        return False


def _former_name() -> str:
    """The name of this machine, as earlier versions wrote it."""
    return re.sub(r"\W", "", platform.node())[:20]


def _touched(place: Path) -> float:
    """When something in a folder was written last, in seconds since 1970; infinite for one that is going."""
    try:
        return max(one.stat().st_mtime for one in (place, *place.iterdir()))
    except OSError:
        return math.inf
