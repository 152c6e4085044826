"""The frozen study: a folder that readers are served from, and the key to the blinding in a file of its own.

    study.json          what a reader may know: title, consent, questions, ways of looking
    presentations.json  what the server knows: which opaque images come when, and which are of one case; no arm
    ID.f32              one image, float32 little endian, slice by slice and row by row
    manifest.json       SHA-256 of each file beside it, and of the key

    NAME.key.json       beside the folder: the plan, and which case and arm is behind each name

Whoever holds the folder cannot tell the arms apart but by looking at the images: the files have one time; the images
of a case have one length, and names drawn by lot, in whose order they were written; the order of presentations was
drawn from a secret in the key. Whoever holds the key can, and `manifest.json` shows whether it is the key of that time.
Readers of images never meet the names of files: they ask for the presentations.
"""

import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from .. import __version__
from ..cases.record import DESCRIPTION, Case, own_region
from ..data.caution_names import DISAGREEMENT, OF_SAMPLES
from ..data.roi import ROI
from ..data.window import Window
from ..ground.cached_property import cached_property
from ..ground.documents import read_json
from ..ground.errors import FileFormatError, InputError, dimensions
from ..ground.guard import is_file, opening, read, shown, to_path
from ..ground.specification import Specification
from ..ground.writing import Content, try_place, write
from .order import Presentation, draw
from .plan import MOST_SLICES, SCHEMA, Arm, Plan, ReadingCase, Viewing
from .questions import RANKED, FreeResponse, Question, asks_place, steps

if TYPE_CHECKING:
    from ..reports.case_images import CaseImages

STUDY, PRESENTATIONS, MANIFEST = "study.json", "presentations.json", "manifest.json"
_DOUBTS = (*OF_SAMPLES, DISAGREEMENT)
_FORMATS = (1, 2)  # of the folder: since 2 a case may have several slices
_MARGIN = 8  # pixels between a region and the square that shows where to look
_ADVICE = "copy the frozen study again"


class Sheet(Specification):
    """What a reader may know of a study. washout_days: between sittings, 0 where there is one sitting."""

    schema_version: Literal[1] = SCHEMA
    title: str
    consent: str
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]
    viewing: Viewing
    pilot: bool
    back: bool
    washout_days: float = Field(ge=0, le=3650)

    @property
    def steps(self) -> tuple[tuple[Question, ...], ...]:
        """The questions by what has to be stored before the next are asked; see `questions.steps`."""
        return steps(self.questions, self.viewing.reference)

    def shows_reference(self, step: int) -> bool:
        """Whether the fully sampled image is shown at a step."""
        return self.viewing.reference or self.steps[step][0].reference


class Shown(Specification):
    """What the server knows of a presentation. images: opaque names by their positions. reference: one, or "".

    same: one opaque name for all presentations of a slice, whatever the case, mask and arm ("" in studies that were
    frozen before it was kept). slices: of each image. window: black and white, the same for all slices and arms of a
    case, and maximum, both from the reference, or from the images of all arms where there is none or where it is an arm
    itself. region: where to look, on all slices. truth: for the feedback of a case for training (`lesion`, and
    `places`: the centre of each on each slice that shows it, as row, column and slice); None for others, and where it
    is neither known nor asked about.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    id: str
    reader: str
    sitting: int = Field(ge=0)
    number: int = Field(ge=0)
    training: bool
    images: Annotated[tuple[str, ...], Field(min_length=1, max_length=RANKED)]
    reference: str
    same: str = ""
    slices: int = Field(default=1, gt=0, le=MOST_SLICES)
    rows: int = Field(gt=0, lt=2**15)
    columns: int = Field(gt=0, lt=2**15)
    voxel: tuple[float, float, float] | None
    upside_down: bool
    window: tuple[float, float]
    maximum: float = Field(gt=0)
    region: tuple[int, int, int, int] | None
    truth: dict[str, Any] | None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.window[0] < self.window[1]:
            raise InputError("the window's white is no more than its black; white is the larger value.")
        top, left, height, width = self.looked_at
        if min(top, left) < 0 or min(height, width) < 1 or top + height > self.rows or left + width > self.columns:
            raise InputError("the square that shows where to look is not in the image; move it there.")
        return self

    @property
    def looked_at(self) -> tuple[int, int, int, int]:
        """Where marks count, as row, column, height and width: in the region, or without one in the whole image."""
        return self.region or (0, 0, self.rows, self.columns)

    def counts(self, mark: Mapping[str, float]) -> bool:
        """Whether a mark, at a `row` and a `column`, lies on a pixel where marks count."""
        top, left, height, width = self.looked_at
        return 0 <= round(mark["row"]) - top < height and 0 <= round(mark["column"]) - left < width


def beside(folder: str | Path, ending: str) -> Path:
    """A file beside the folder of a study, called like it with an ending."""
    folder = Path(folder)
    if folder.name in ("", ".."):  # such as "." for who stands in it
        folder = Path(os.path.abspath(folder))  # and follows no link, beside which the files lie
    return folder.with_name(f"{folder.name}{ending}")


def key_of(folder: str | Path) -> Path:
    """Where the key to a frozen study lies, if nobody has moved it."""
    return beside(folder, ".key.json")


def freeze(plan: Plan, folder: str | Path, beside: str | Path = ".") -> Path:
    """Write the frozen study and its key; returns the folder.

    beside: the folder that the plan's paths of saved cases start from. Raises InputError for cases that do not fit
    each other or exist already, FileFormatError for one that is not sound, WritingError for a place that cannot be
    written; then neither of the two is there.
    """
    folder, key = to_path(folder), key_of(folder)
    if folder.exists() or key.exists():
        raise InputError(f"{folder.name} or its key exists already; a frozen study is never written over.")
    try_place(folder)
    frozen = _Frozen(plan, Path(beside))
    write(key, frozen.key, private=True)
    try:
        write(folder, frozen.files())
    except BaseException:
        key.unlink()
        raise
    return folder


def check_cases(plan: Plan, beside: str | Path = ".") -> list[str]:
    """Open all saved cases as `freeze` does, which raises its errors, and write nothing.

    Returns why images of cases are doubted, by their samples or by what they should show of them, a line each.
    """
    return _Frozen(plan, Path(beside)).doubts


def _opaque() -> str:
    return secrets.token_hex(16)


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)}\n".encode()


@contextmanager
def _of(entry: ReadingCase) -> Iterator[None]:
    """Name the case in what is said of its files."""
    try:
        yield
    except (InputError, FileFormatError) as error:
        if str(error).startswith(f"{entry.id}:"):
            raise
        raise type(error)(f"{entry.id}: {error}") from error


class _Slice:
    """The images of one slice of a case in all arms, checked against each other."""

    def __init__(self, entry: ReadingCase, arms: tuple[Arm, ...], folders: dict[str, Path]) -> None:
        from ..reports.case_images import CaseImages  # needs torch, which serving does not

        self.folders = folders
        opened = {folder: CaseImages(folder) for folder in dict.fromkeys(folders.values())}
        self.first = next(iter(opened.values()))
        self.regions = [_region(one.case) for one in opened.values()]
        for folder, other in opened.items():
            if other.case.matrix != self.first.case.matrix or not (
                other.content == self.first.content
                or np.allclose(other.target, self.first.target, rtol=1e-4, atol=1e-4 * float(self.first.target.max()))
            ):
                raise InputError(
                    f"{entry.id}: {folder.name} shows another slice than {self.first.name}; arms are compared on one."
                )
        warnings = [result["warnings"] for one in opened.values() for result in one.case.results]
        self.doubts = [found[name] for found in warnings for name in _DOUBTS if name in found]
        self.images = {}
        for arm in arms:
            shown = opened[folders[arm.name]]
            self.images[arm.name] = shown.image(arm.image, shown.number(arm.budget)).image


class _Case:
    """The images of one case in all arms, (slices, rows, columns); its slices are checked against each other.

    target: the images that it is windowed by. An image of a single arm is none of them: its own percentile would tell
    that arm from the others.
    """

    def __init__(self, entry: ReadingCase, arms: tuple[Arm, ...], beside: Path) -> None:
        self.entry = entry
        with _of(entry):
            self._open(arms, beside)

    def _open(self, arms: tuple[Arm, ...], beside: Path) -> None:
        entry = self.entry
        folders = {arm.name: [beside / folder for folder in entry.folders(arm.name)] for arm in arms}
        self.slices = [
            _Slice(entry, arms, {arm: several[at] for arm, several in folders.items()}) for at in range(entry.slices)
        ]
        self.first = self.slices[0].first
        for at, slice in enumerate(self.slices):
            self._check_fits(slice.first)
            for earlier in self.slices[:at]:
                self._check_differs(slice.first, earlier.first)
        self.images = {arm.name: np.stack([slice.images[arm.name] for slice in self.slices]) for arm in arms}
        reference = None if any(arm.image == "reference" for arm in arms) else self.reference
        self.target = np.stack(list(self.images.values())) if reference is None else reference

    def _check_fits(self, other: "CaseImages") -> None:
        """Slices of one case are shown in one view, so that they are of one scan, as far as that can be seen."""
        id, first = self.entry.id, self.first
        if other.case.matrix != first.case.matrix:
            sizes = f"{dimensions(other.case.matrix)} pixels and {first.name} {dimensions(first.case.matrix)}"
            raise InputError(f"{id}: {other.name} has {sizes}; the slices of a case are of one scan.")
        planes = [None if one.plane is None else one.plane.directions for one in (other, first)]
        turned = None not in planes and planes[0] != planes[1]
        if other.voxel != first.voxel or other.upside_down != first.upside_down or turned:
            raise InputError(
                f"{id}: {other.name} has another voxel size or orientation than {first.name}; the slices of a case are "
                "of one scan."
            )

    def _check_differs(self, other: "CaseImages", earlier: "CaseImages") -> None:
        if other.content == earlier.content:
            raise InputError(
                f"{self.entry.id}: {other.name} shows the same slice as {earlier.name}; name each slice once."
            )

    @property
    def doubts(self) -> list[str]:
        """Why its images are doubted, a line for each reason."""
        found = dict.fromkeys(words for slice in self.slices for words in slice.doubts)
        return [f"{self.entry.id}: {words}" for words in found]

    @property
    def anatomies(self) -> set[str]:
        """What tells its slices from those of others: SHA-256 of their samples, before lesions were inserted."""
        return {slice.first.anatomy for slice in self.slices}

    @property
    def reference(self) -> NDArray[np.float32] | None:
        """The fully sampled image, where it is known of each slice."""
        if not all(slice.first.has_reference for slice in self.slices):
            return None
        return np.stack([slice.first.image("reference", 0).image for slice in self.slices])

    @property
    def region(self) -> tuple[int, int, int, int]:
        """A square around the regions of all slices and arms, so that it tells none of them."""
        matrix = self.first.case.matrix
        inside = [region.mask(matrix).numpy() for slice in self.slices for region in slice.regions]
        return _around(np.logical_or.reduce(inside))

    @property
    def sources(self) -> dict[str, list[str]]:
        """SHA-256 of the description of each saved case, by arm and slice."""
        return {
            arm: [_hash(slice.folders[arm] / DESCRIPTION) for slice in self.slices] for arm in self.slices[0].folders
        }

    def truth(self) -> dict[str, Any]:
        """Whether there is a lesion, and the centre of each on each slice that shows it."""
        matrix, places = self.first.case.matrix, []
        for place in self.entry.places:
            for slice, region in sorted(place.items()):
                row, column = np.argwhere(region.mask(matrix).numpy()).mean(0)
                places.append([float(row), float(column), slice])
        return {"lesion": self.entry.lesion, "places": places}


class _Frozen:
    """The content of a frozen study, of cases that were opened and fit each other. key: to the blinding."""

    def __init__(self, plan: Plan, beside: Path) -> None:
        self.plan, self.beside, secret = plan, beside, _opaque()
        self.names = {(case.id, arm.name): _opaque() for case in plan.cases for arm in plan.arms}
        compared = plan.viewing.reference or any(question.reference for question in plan.questions)
        self.references = {case.id: _opaque() for case in plan.cases} if compared else {}
        known, anatomies, sources = {}, {}, {}
        self.doubts: list[str] = []
        for entry in plan.cases:  # all are opened before the first is written
            case = _Case(entry, plan.arms, beside)
            if self.references and case.reference is None:
                raise InputError(f"{entry.id} has no fully sampled image; ask without the reference, or leave it out.")
            self.doubts += case.doubts
            known[entry.id], anatomies[entry.id], sources[entry.id] = self._known(case), case.anatomies, case.sources
        slices = _sharing(anatomies)
        _check_patients(plan.cases, slices)
        names = {slice: _opaque() for slice in slices.values()}
        self.same = {id: names[slice] for id, slice in slices.items()}
        drawn = draw(plan, _opaque, secret, slices)
        shown = [self._shown(one, known[one.case]) for one in drawn]
        shown.sort(key=lambda one: (one.reader, one.sitting, one.number))
        self.presentations = _json([one.model_dump(mode="json") for one in shown])
        self.key = _json(
            {
                "schema": SCHEMA,
                "note": "Whoever reads this is no longer blind. Not for diagnostic use.",
                "plan": plan.model_dump(mode="json"),
                "secret": secret,
                "presentations": [asdict(one) for one in drawn],
                "images": {name: {"case": case, "arm": arm} for (case, arm), name in self.names.items()},
                "sources": sources,
            }
        )

    def _known(self, case: _Case) -> dict[str, Any]:
        """What all presentations of a case have in common."""
        first, entry, region = case.first, case.entry, case.region if self.plan.viewing.region else None
        if any(asks_place(question) or isinstance(question, FreeResponse) for question in self.plan.questions):
            _check_places(entry, first.case.matrix)
        if region is not None:
            _check_inside(entry, region, first.case.matrix)
        told = entry.lesion is not None or any(question.needs_truth for question in self.plan.questions)
        return {
            "slices": entry.slices,
            "rows": first.case.matrix[0],
            "columns": first.case.matrix[1],
            "voxel": first.voxel,
            "upside_down": first.upside_down,
            "window": astuple(Window.of(case.target)),
            "maximum": float(case.target.max()) or 1.0,
            "region": region,
            "truth": case.truth() if entry.training and told else None,
        }

    def _shown(self, one: Presentation, known: Mapping[str, Any]) -> Shown:
        return Shown(
            id=one.id,
            reader=one.reader,
            sitting=one.sitting,
            number=one.number,
            training=one.purpose == "training",
            images=tuple(self.names[one.case, arm] for arm in one.arms),
            reference=self.references.get(one.case, ""),
            same=self.same[one.case],
            **known,
        )

    @property
    def study(self) -> bytes:
        """What readers may know."""
        plan = self.plan
        sheet = Sheet(
            title=plan.title,
            consent=plan.consent,
            questions=plan.questions,
            viewing=plan.viewing,
            pilot=plan.design.pilot,
            back=plan.design.back,
            washout_days=plan.design.washout_days if plan.design.sittings == "separate" else 0,
        )
        return _json(sheet.model_dump(mode="json"))

    def files(self) -> Iterator[tuple[str, Content]]:
        """Each file with its name; images are read when they are asked for, and the manifest of all is the last."""
        hashes = {}
        for name, content in self._contents():
            hashes[name] = hashlib.sha256(content).hexdigest()
            yield name, content
        manifest = {
            "schema": _FORMATS[-1],
            "note": "Not for diagnostic use.",
            "version": __version__,
            "files": hashes,
            "key": hashlib.sha256(self.key).hexdigest(),
        }
        yield MANIFEST, _json(manifest)

    def _contents(self) -> Iterator[tuple[str, bytes]]:
        """Cases, and the images of a case, come in the order of their opaque names, not in that of the plan."""
        yield STUDY, self.study
        yield PRESENTATIONS, self.presentations
        for entry in sorted(self.plan.cases, key=lambda entry: (self.same[entry.id], self._first_name(entry))):
            case = _Case(entry, self.plan.arms, self.beside)
            images = {self.names[entry.id, arm]: image for arm, image in case.images.items()}
            if entry.id in self.references and case.reference is not None:
                images[self.references[entry.id]] = case.reference
            for name in sorted(images):
                yield f"{name}.f32", images[name].astype("<f4").tobytes()

    def _first_name(self, entry: ReadingCase) -> str:
        return min(self.names[entry.id, arm.name] for arm in self.plan.arms)


def _sharing(anatomies: Mapping[str, set[str]]) -> dict[str, str]:
    """Of each case the first one that shows a slice with it, directly or through others."""
    first = dict[str, str]()
    for id, slices in anatomies.items():
        shared = {first[other] for other in first if slices & anatomies[other]}
        first |= {other: id for other, one in first.items() if one in shared}
        first[id] = id
    return {id: next(other for other in first if first[other] == one) for id, one in first.items()}


def _check_patients(cases: Sequence[ReadingCase], slices: Mapping[str, str]) -> None:
    """Raise InputError for cases that share slices and are to count as several patients."""
    entries = {entry.id: entry for entry in cases}
    for entry in cases:
        first = entries[slices[entry.id]]
        if entry.patient != first.patient:
            raise InputError(
                f"{first.id} and {entry.id} show the same anatomy, and are of the patients {first.patient!r} and "
                f"{entry.patient!r}; give both the same patient."
            )


def _region(case: Case) -> ROI:
    """The region that a saved case is about."""
    own = own_region(case.results)
    return case.roi if own is None else ROI.model_validate(own)


def _check_places(entry: ReadingCase, matrix: tuple[int, int]) -> None:
    """A place that is the whole image would take any click for one on the lesion."""
    if any(of_slice.mask(matrix).all() for place in entry.places for of_slice in place.values()):
        raise InputError(f"{entry.id} has the whole image for the place of a lesion; give the lesion's own region.")


def _check_inside(entry: ReadingCase, region: tuple[int, int, int, int], matrix: tuple[int, int]) -> None:
    """Readers are told that only what is in the square counts, so that a lesion beside it could not be found."""
    top, left, height, width = region
    for place in entry.places:
        for of_slice in place.values():
            if not of_slice.mask(matrix)[top : top + height, left : left + width].any():
                raise InputError(
                    f"{entry.id} has a lesion outside of the square that shows where to look, around the region of its "
                    "saved case; leave `region` out of the plan's `viewing`, or correct the place."
                )


def _around(inside: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """A square around the pixels of a region, with a margin, so that it does not outline what is in it."""
    pixels, matrix = np.argwhere(inside), inside.shape
    low, high = pixels.min(0), pixels.max(0) + 1
    side = max(int((high - low).max()) + 2 * _MARGIN, 4 * _MARGIN)
    corner = np.rint((low + high - side) / 2).astype(int)
    corner = np.clip(corner, 0, np.maximum(np.array(matrix) - side, 0))
    return int(corner[0]), int(corner[1]), min(side, matrix[0]), min(side, matrix[1])


def _hash(path: Path) -> str:
    return hashlib.sha256(read(path)).hexdigest()


class Bundle:
    """A frozen study that was opened, and whose files are those of the freeze.

    Raises FileFormatError for a folder that is none, is of a newer version, or has a file that is missing or changed.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = to_path(folder)
        if not is_file(self.folder / MANIFEST):
            raise FileFormatError(
                f"{shown(self.folder)} is no frozen reader study, since it has no {MANIFEST}; `recon-robust review "
                "freeze` makes one of a plan."
            )
        with opening(self.folder, "a frozen reader study", _ADVICE):
            self.manifest = read_json(self.folder / MANIFEST, advice=_ADVICE)
            if self.manifest["schema"] not in _FORMATS:
                raise FileFormatError(
                    f"{self.folder.name} is a reader study of version {self.manifest['schema']!r}, and versions "
                    f"{_FORMATS[0]} to {_FORMATS[-1]} are read here; open it with the software that froze it."
                )
            self.hash_of_key = str(self.manifest["key"])
            self._check_files()
            try:
                self.study = Sheet.model_validate(self._told(STUDY))
                self.shown = [Shown.model_validate(one) for one in self._told(PRESENTATIONS)]
            except InputError as error:  # what it advises is for who writes a plan
                raise ValueError(str(error).partition(";")[0]) from error
            self._check_presentations()

    @property
    def id(self) -> str:
        """SHA-256 of the manifest: answers belong to exactly this study."""
        return _hash(self.folder / MANIFEST)

    @cached_property
    def questions(self) -> dict[str, Question]:
        """What is asked, by id."""
        return {question.id: question for question in self.study.questions}

    @cached_property
    def by_id(self) -> dict[str, Shown]:
        """The presentations by their names."""
        return {one.id: one for one in self.shown}

    @cached_property
    def readers(self) -> list[str]:
        """R1, R2, ... in the order of their numbers."""
        return list(dict.fromkeys(one.reader for one in sorted(self.shown, key=lambda one: int(one.reader[1:]))))

    def of_reader(self, reader: str) -> list[Shown]:
        """What a reader sees, in order."""
        return self._of_readers[reader]

    @cached_property
    def _of_readers(self) -> dict[str, list[Shown]]:
        return {reader: [one for one in self.shown if one.reader == reader] for reader in self.readers}

    def payload(self, name: str) -> bytes:
        """The bytes of an image; FileFormatError if they are no longer those of the freeze."""
        content = read(self.folder / f"{name}.f32")
        if hashlib.sha256(content).hexdigest() != self.manifest["files"].get(f"{name}.f32"):
            raise FileFormatError(f"an image of {self.folder.name} was changed after the freeze; {_ADVICE}.")
        return content

    @cached_property
    def slices(self) -> int:
        """The most slices of a case."""
        return max(one.slices for one in self.shown)

    def image(self, name: str, shown: Shown) -> NDArray[np.float32]:
        """An image (slices, rows, columns), float32, in the scan's units."""
        shape = (shown.slices, shown.rows, shown.columns)
        return np.frombuffer(self.payload(name), "<f4", math.prod(shape)).reshape(shape)

    def unsealed(self, key: str | Path | None = None) -> dict[str, Any]:
        """The key to the blinding; FileFormatError unless it is the one whose hash the freeze published."""
        path = key_of(self.folder) if key is None else to_path(key)
        if key is None and not path.exists():
            raise FileFormatError(f"the key {path.name} is not beside the study; say by --key where it is kept.")
        if _hash(path) != self.hash_of_key:
            raise FileFormatError(f"{path.name} is not the key that {self.folder.name} was frozen with; find that one.")
        found: dict[str, Any] = read_json(path)
        return found

    def _told(self, name: str) -> Any:
        """The value in a file of which readers are told; ValueError for what cannot be: NaN, or half of a letter."""
        found = read_json(self.folder / name, advice=_ADVICE)
        _json(found)
        return found

    def _check_files(self) -> None:
        for name, digest in self.manifest["files"].items():
            if Path(name).name != name or name.startswith("."):
                raise ValueError("it names a file outside itself")
            path = self.folder / name
            if not path.exists():
                raise FileFormatError(f"{self.folder.name} lacks {name}; {_ADVICE}.")
            content = read(path)
            if hashlib.sha256(content).hexdigest() != digest:
                raise FileFormatError(f"{name} of {self.folder.name} was changed after the freeze; {_ADVICE}.")
            if name.endswith(".f32") and not np.isfinite(np.frombuffer(content, "<f4", len(content) // 4)).all():
                raise ValueError("an image has pixels that are not finite numbers")

    def _check_presentations(self) -> None:
        if not self.shown or not all(re.fullmatch(r"R[1-9]\d{0,3}", one.reader) for one in self.shown):
            raise ValueError("its presentations have no readers R1, R2, ...")
        if len(self.by_id) < len(self.shown):
            raise ValueError("two of its presentations have one name")
        for one in self.shown:
            for name in (*one.images, *filter(None, [one.reference])):
                if f"{name}.f32" not in self.manifest["files"]:
                    raise ValueError("a presentation names an image that is not there")
                if (self.folder / f"{name}.f32").stat().st_size < 4 * one.slices * one.rows * one.columns:
                    raise ValueError("an image has fewer pixels than its presentation says")
