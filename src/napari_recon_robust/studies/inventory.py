"""What is known of the scans of a plan without their k-space: headers, labels, annotations, and what the files are."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict

from ..cases.record import file_hash
from ..data.roi import ROI, Annotation
from ..data.scan import Scan
from ..ground.documents import read_json
from ..ground.errors import InputError, ReconRobustError, whole_letters
from ..ground.guard import is_dangling, is_file, open_file, opening, read, shown, status
from ..ground.numbers import counted
from ..ground.progress import Job, Progress
from ..io import files_of, format_of, open_scan, stamp, takes_axes
from ..io.annotations import SUFFIX, is_table, read_annotations
from .columns import CLEAN
from .labels import Labels, Row, ends_of, parts_of, read_labels
from .masks import notes_of_masks
from .mistakes import Unfit, named_by
from .plan import Annotations, Bounds, Drawn, Lesions, Plan

FILTERED, RANDOM, BOTH = "filtered", "random", "both"  # why a slice was chosen
_NAMED = 3  # scans that a sentence names
_MIDDLE = 2**12  # bytes in the middle of a file that tell it from others


class DrawnRegion(BaseModel):
    """One region of a file of drawn ones. scan, slice: which one; None stands for all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roi: ROI
    scan: str | None = None
    slice: int | None = None


class ScanFacts(BaseModel):
    """One scan. path: as the plan names it, relative to its folder. digest: SHA-256 of its files, "" if not asked for.

    axes: the names that the plan gives to its axes. volume: the unit of statistics. size, changed: their `io.stamp`;
    middle: the SHA-256 of a few bytes of each; as long as these are the same, a digest stays valid. annotations: by the
    number of the plan's part that asks for them. drawn: likewise. scores: of the filter's proxy, by slice; scored: what
    determined them. chosen: why the filter chose a slice. whole: whether it is fully sampled, None where the plan does
    not ask or k-space cannot be read. notes: what was guessed of the file, or does not apply to it.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    volume: str
    labels: dict[str, str] = {}
    digest: str = ""
    size: int = 0
    changed: int = 0
    middle: str = ""
    axes: tuple[str, ...] | None = None
    slices: int
    matrix: tuple[int, int]
    voxel: tuple[float, float, float] | None = None
    annotations: dict[int, tuple[Annotation, ...]] = {}
    drawn: dict[int, tuple[DrawnRegion, ...]] = {}
    scored: str = ""
    scores: dict[int, float] = {}
    chosen: dict[int, str] = {}
    whole: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def opened_with(self) -> dict[str, Any]:
        """What determines the samples besides the file."""
        return {} if self.axes is None else {"axes": self.axes}

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]

    @property
    def pixel(self) -> float | None:
        """mm² of a pixel, None where the file does not say."""
        return None if self.voxel is None else self.voxel[0] * self.voxel[1]


class Inventory(BaseModel):
    """The scans of a plan, in order, and why others of its files were left out, a sentence for each.

    files: what each of the plan's globs matched, also what its filters left out. beside: the SHA-256 of the tables and
    drawn regions that were read, by their paths. Both are empty in inventories of earlier versions, `beside` where no
    digests were asked for, too. notes: what is to be known of no scan in particular.
    """

    model_config = ConfigDict(frozen=True)

    scans: tuple[ScanFacts, ...]
    faults: dict[str, str] = {}
    files: dict[str, tuple[str, ...]] = {}
    beside: dict[str, str] = {}
    notes: tuple[str, ...] = ()

    @property
    def noted(self) -> dict[str, int]:
        """All notes, the most frequent first, each with its number of scans; 0 for one of no scan in particular."""
        of_scans = Counter(note for one in self.scans for note in one.notes)
        return {**dict.fromkeys(self.notes, 0), **dict(of_scans.most_common())}

    @classmethod
    def read(cls, path: Path) -> "Inventory":
        """The inventory in a file of a store."""
        with opening(path, "an inventory", "delete it, it is made again"):
            return cls.model_validate_json(read(path))


def take_inventory(plan: Plan, file: Path, *, digests: bool, known: Inventory | None = None) -> Job[Inventory]:
    """Open every scan of a plan and read what it says of itself, not its k-space.

    file: the plan's. digests: also compute those of the files; of a scan one in `known` serves while its file has not
    changed.
    Raises Unfit for files that are not there, cannot be read or name none of the scans, for slices that none has, where
    no scan is left, and for two files of one content.
    """
    folder = file.absolute().parent
    paths = matching(plan.scans.files, folder)
    _check_files(plan, folder)
    # Before they are read: one that is edited meanwhile is then told as changed.
    beside = _beside(plan, folder, paths) if digests else {}
    labels = read_labels(plan.scans, folder, paths)
    before = {one.path: one for one in known.scans} if known else {}
    drawn, files = _read_drawn(plan, folder), {folder / path for path in paths}
    found, faults = list[ScanFacts](), dict[str, str]()
    for number, (path, glob) in enumerate(paths.items()):
        yield Progress(number / len(paths), f"Opening {path.rpartition('/')[2]}")
        try:
            if _accompanies(folder / path, files):
                continue
            with open_plan_scan(plan, folder, path) as scan:
                facts = _facts(plan, folder, path, scan, labels.rows.get(path), drawn, before.get(path))
            if facts is not None:
                found.append(_with_digest(facts, folder / path, before.get(path)) if digests else facts)
        except Unfit:  # of the plan, not of this file
            raise
        except ReconRobustError as error:
            faults[path] = str(Unfit(("scans", "files", glob), str(error)).located(file).mistakes[0])
    matched = {
        glob: tuple(path for path, of in paths.items() if of == number) for number, glob in enumerate(plan.scans.files)
    }
    inventory = Inventory(scans=tuple(found), faults=faults, files=matched, beside=beside, notes=_unnamed(plan, labels))
    _check(plan, inventory, labels)
    _check_twins(inventory, folder)
    return inventory


def matching(globs: Sequence[str], folder: Path) -> dict[str, int]:
    """The files of globs, and links to missing ones, each once, sorted within each glob, with the glob's number.

    Paths are relative to the folder where they lie below it. Raises Unfit for a glob that matches no file, or one whose
    name is not in UTF-8.
    """
    found = dict[str, int]()
    for number, pattern in enumerate(globs):
        root = Path(pattern).anchor if os.path.isabs(pattern) else ""
        try:
            wanted = (Path(root) if root else folder).glob(pattern[len(root) :])
            files = sorted(path for path in wanted if path.is_file() or is_dangling(path))
        except (ValueError, OSError, NotImplementedError):
            files = []
        if not files:
            raise Unfit(
                ("scans", "files", number), f"{pattern!r} matches no file; paths are relative to the plan's folder."
            )
        for path in files:
            name = path.as_posix() if root else path.relative_to(folder).as_posix()
            if name != whole_letters(name):
                raise Unfit(
                    ("scans", "files", number),
                    f"the name of {shown(path)} or of its folder is not in UTF-8, as tables are; rename it.",
                )
            found.setdefault(name, number)
    return found


def _beside(plan: Plan, folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of the tables and drawn regions that a plan is read with; what cannot be read is told elsewhere."""
    named = {plan.scans.table, *(part.file for part in plan.regions if isinstance(part, Annotations | Drawn))} - {""}
    found = dict[str, str]()
    with suppress(ReconRobustError, OSError):
        if any(isinstance(part, Annotations) and not part.file for part in plan.regions):
            for place in {PurePosixPath(path).parent for path in paths}:
                tables = filter(is_table, filter(is_file, (folder / place).glob(f"*{SUFFIX}")))
                named |= {(place / table.name).as_posix() for table in tables}
    for name in sorted(named):
        with suppress(ReconRobustError, OSError):
            found[name] = file_hash(folder / name)
    return found


def open_plan_scan(plan: Plan, folder: Path, path: str) -> Scan:
    """A scan of a plan, by its path in the plan."""
    file = folder / path
    return open_scan(file, _axes(plan, file, path))


def _axes(plan: Plan, file: Path, path: str) -> tuple[str, ...] | None:
    """The names that the plan gives to a file's axes, if it is one that takes them."""
    named = plan.scans.axes_of(path)
    return named if named is not None and takes_axes(file) else None


def _accompanies(file: Path, files: Container[Path]) -> bool:
    """Whether it only stands beside the data of a scan that are among these files too: both are one volume."""
    format = format_of(file)
    if format is None or file.suffix not in format.beside:
        return False
    return any(one != file and one in files for one in format.files(file))


def _facts(
    plan: Plan,
    folder: Path,
    path: str,
    scan: Scan,
    row: Row | None,
    drawn: Mapping[int, Sequence[DrawnRegion]],
    known: ScanFacts | None,
) -> ScanFacts | None:
    """What is known of a scan; None for one that the plan's filters leave out."""
    header, name = scan.header, scan.name
    for field, wanted in plan.scans.where.items():
        value = getattr(header, field)
        if not (wanted.holds(value) if isinstance(wanted, Bounds) else _is_one_of(value, wanted)):
            return None
    axes = _axes(plan, folder / path, path)
    same = known is not None and axes == known.axes and _is_unchanged(folder / path, known)
    whole = _is_whole(plan, scan, known if same else None)
    labels = dict(row or {})
    volume = labels.pop(plan.scans.volume, "") if plan.scans.volume else ""
    annotations = {
        number: tuple(read_annotations(folder / part.file, name, *header.matrix) if part.file else scan.annotations)
        for number, part in enumerate(plan.regions)
        if isinstance(part, Annotations)
    }
    names = set(ends_of(path))
    of_scan = {
        number: tuple(one for one in regions if one.scan is None or parts_of(one.scan) in names)
        for number, regions in drawn.items()
    }
    return ScanFacts(
        path=path,
        volume=volume or path,
        labels=labels,
        axes=axes,
        slices=len(scan),
        matrix=header.matrix,
        voxel=header.voxel,
        annotations=annotations,
        drawn=of_scan,
        whole=whole,
        notes=(
            *header.notes,
            *([f"No row in {plan.scans.table}."] if plan.scans.table and row is None else []),
            *notes_of_masks(plan, scan),
            *_unused(plan, scan, annotations),
            *_outside(plan, of_scan, header.matrix),
            *(_missing(plan, name) if whole is False else ()),
        ),
    )


def _unnamed(plan: Plan, labels: Labels) -> tuple[str, ...]:
    """That rows of the table of labels are of no file of the plan, if any are."""
    return (f"No scan is named by {counted(labels.unused, 'row')} of {plan.scans.table}.",) if labels.unused else ()


def _unused(plan: Plan, scan: Scan, annotations: Mapping[int, Sequence[Annotation]]) -> list[str]:
    """Which annotations get no trial though the plan asks for their labels; of several the reason of the first."""
    found = list[str]()
    for part, marks in ((plan.regions[number], marks) for number, marks in annotations.items()):
        asked = [one for one in marks if isinstance(part, Annotations) and part.names(one.label)]
        unused = [one for one in asked if not one.study_level and (one.box is None or not 0 <= one.slice < len(scan))]
        if unused:
            first = unused[0]
            why = first.note or f"the scan has slices 0 to {len(scan) - 1}"
            found.append(
                f"No trial for {counted(len(unused), 'annotation')} of {scan.name}. "
                f"{first.label!r} on slice {first.slice}: {why}."
            )
    return found


def _outside(plan: Plan, drawn: Mapping[int, Sequence[DrawnRegion]], matrix: tuple[int, int]) -> list[str]:
    """Why trials will fail: what is wrong with the regions that are drawn on a scan."""
    boxes = (ROI.parse(box) for part in plan.regions if isinstance(part, Drawn) for box in part.boxes)
    found = list[str]()
    for roi in chain(boxes, (one.roi for regions in drawn.values() for one in regions)):
        try:
            roi.mask(matrix)
        except InputError as error:
            found.append(f"The trials of a drawn region will fail: {error}")
    return found


def _is_whole(plan: Plan, scan: Scan, known: ScanFacts | None) -> bool | None:
    """Whether a scan is fully sampled, where the plan inserts lesions, filters slices or has clean trials.

    None for one whose slice in the middle cannot be read, of which other slices may be sound. InputError for one of
    zeros only. known: what was found of the same file, opened in the same way, before.
    """
    if not (any(_inserts(plan)) or any(_clean(plan)) or plan.slices.filter):
        return None
    if known is not None and known.whole is not None:
        return known.whole
    try:
        whole, empty = scan.fully_sampled, not bool(scan.acquired.any())
    except ReconRobustError:
        return None
    if empty:
        raise InputError(f"{scan.name} holds only zeros; leave it out, or export it again.")
    return whole


def _missing(plan: Plan, name: str) -> list[str]:
    """What an undersampled scan does not get; InputError where the plan asks for nothing else."""
    if all(_inserts(plan)):
        raise InputError(
            f"{name} is undersampled, and lesions are inserted into fully sampled scans; ask for other regions, such "
            "as a grid."
        )
    if all(_clean(plan)):
        raise InputError(f"{name} is undersampled, so that its images have no truth to measure against; perturb it.")
    if plan.slices.filter:
        raise InputError(f"{name} is undersampled, so that no proxy can be judged on it; name its slices instead.")
    parts = (("lesions", any(_inserts(plan))), ("trials without a perturbation", any(_clean(plan))))
    lacking = " and no ".join(words for words, asked in parts if asked)
    return [f"Undersampled, so that there are no {lacking}; other images are measured against the clean ones."]


def _inserts(plan: Plan) -> list[bool]:
    """Of each part of the regions, whether it inserts lesions."""
    return [isinstance(part, Lesions) for part in plan.regions]


def _clean(plan: Plan) -> list[bool]:
    """Of each perturbation, whether it changes nothing."""
    return [part.kind == CLEAN for part in plan.perturbations]


def _with_digest(facts: ScanFacts, file: Path, known: ScanFacts | None) -> ScanFacts:
    (size, changed), middle = stamp(file), _middle_hash(file)
    same = known is not None and known.digest and _is_unchanged(file, known)
    digest = known.digest if known is not None and same else file_hash(*files_of(file))
    return facts.model_copy(update={"digest": digest, "size": size, "changed": changed, "middle": middle})


def _is_unchanged(file: Path, known: ScanFacts) -> bool:
    """Whether the files of a scan are those that are known, as far as can be told without reading all of them.

    Scans of one shape have one size, and copies or unpacked archives may have one time as well, so that a few bytes of
    k-space are looked at, too. Inventories of earlier versions have none.
    """
    return stamp(file) == (known.size, known.changed) and known.middle in ("", _middle_hash(file))


def is_other(file: Path, known: ScanFacts) -> bool:
    """Whether a scan is certainly another one than is known: a copy has another time, but the same size and bytes."""
    return stamp(file)[0] != known.size or known.middle not in ("", _middle_hash(file))


def _middle_hash(file: Path) -> str:
    return sha256(b"".join(map(_middle_of, files_of(file)))).hexdigest()


def _is_one_of(value: Any, wanted: Sequence[str | float]) -> bool:
    return any(value == one or str(value) == str(one) for one in wanted)


def _check_files(plan: Plan, folder: Path) -> None:
    """Raise Unfit for a table or a file of regions that is not there."""
    named: list[tuple[tuple[str | int, ...], str]] = [(("scans", "table"), plan.scans.table)]
    for number, part in enumerate(plan.regions):
        if isinstance(part, Annotations | Drawn):
            named.append((("regions", number, "file"), part.file))
    for keys, file in named:
        if file and not (folder / file).is_file():
            raise Unfit(keys, f"there is no file {file!r}; paths are relative to the plan's folder.")


def _check(plan: Plan, inventory: Inventory, labels: Labels) -> None:
    if not inventory.scans and not inventory.faults:
        raise Unfit(("scans", "where"), "the filters leave no scan; widen them.")
    if not inventory.scans:
        first, more = next(iter(inventory.faults.values())).partition(": ")[2], len(inventory.faults) - 1
        further = f" Neither can {counted(more, 'other')}." if more else ""
        raise Unfit(("scans", "files"), f"no scan can be used: {first}{further}")
    _check_labels(plan, inventory, labels)
    for number, part in enumerate(plan.regions):
        of_file = isinstance(part, Annotations | Drawn) and part.file
        if of_file and not any(one.annotations.get(number) or one.drawn.get(number) for one in inventory.scans):
            raise Unfit(
                ("regions", number, "file"),
                f"{of_file} has regions of other files than the plan's scans; give those of these scans.",
            )
    most = max(one.slices for one in inventory.scans)
    for place, wanted in enumerate(plan.slices.numbers):
        if wanted >= most:
            raise Unfit(("slices", place), f"no scan has slice {wanted}; give numbers from 0 to {most - 1}.")


def _check_labels(plan: Plan, inventory: Inventory, labels: Labels) -> None:
    """Raise Unfit for a table that names none of the scans, or does not say of which volume each is."""
    table, volume, paths = plan.scans.table, plan.scans.volume, [one.path for one in inventory.scans]
    if table and labels.rows.keys().isdisjoint(paths):
        raise Unfit(
            ("scans", "table"), f"{table} names none of the plan's scans in its column 'file'; give their table."
        )
    lacking = [path for path in paths if volume and not labels.rows.get(path, {}).get(volume)]
    if lacking:
        more = len(lacking) - _NAMED
        named = ", ".join([*lacking[:_NAMED], *([f"and {counted(more, 'other')}"] if more > 0 else [])])
        raise Unfit(
            ("scans", "volume"),
            f"{table} gives no {volume!r} for {named}; complete it, with names spelt as those of the files, or leave "
            "the volume out, so that each file is one.",
        )


def _check_twins(inventory: Inventory, folder: Path) -> None:
    """Raise Unfit for two files of one content. Only those that agree in size and in their middle are read."""
    alike = [list(inventory.scans)]
    for key in (_size, _middle, _digest):
        alike = [twins for some in alike for twins in _grouped(some, key, folder) if len(twins) > 1]
    for first, second, *_ in alike:
        raise Unfit(
            ("scans", "files"),
            f"{first.path} and {second.path} are one file twice, which would count as two; leave one out.",
        )


def _size(facts: ScanFacts, folder: Path) -> int:
    return stamp(folder / facts.path)[0]


def _middle(facts: ScanFacts, folder: Path) -> str:
    return _middle_hash(folder / facts.path)


def _middle_of(file: Path) -> bytes:
    """A few bytes of k-space, in which no two scans agree."""
    with open_file(file) as opened:
        opened.seek(status(file).st_size // 2)
        return opened.read(_MIDDLE)


def _digest(facts: ScanFacts, folder: Path) -> str:
    return facts.digest or file_hash(*files_of(folder / facts.path))


def _grouped(
    scans: Iterable[ScanFacts], key: Callable[[ScanFacts, Path], object], folder: Path
) -> Collection[list[ScanFacts]]:
    found: dict[object, list[ScanFacts]] = {}
    for one in scans:
        found.setdefault(key(one, folder), []).append(one)
    return found.values()


def _read_drawn(plan: Plan, folder: Path) -> dict[int, list[DrawnRegion]]:
    found = dict[int, list[DrawnRegion]]()
    for number, part in enumerate(plan.regions):
        if isinstance(part, Drawn) and part.file:
            with named_by("regions", number, "file"):
                found[number] = list(_drawn_of(folder / part.file))
    return found


def _drawn_of(path: Path) -> Iterator[DrawnRegion]:
    values = read_json(path, InputError)
    with opening(path, "drawn regions", 'give a list of {"scan": name, "slice": number, "roi": region}', InputError):
        if not isinstance(values, list):
            raise ValueError("it is no list")
        for value in values:
            yield DrawnRegion.model_validate(value)
