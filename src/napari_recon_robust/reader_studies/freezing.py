"""Freezes a study: opens the cases of a plan, checks them against each other, and writes the folder of `bundle`."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..cases.record import DESCRIPTION, Case, file_hash, own_region
from ..data.caution_names import DISAGREEMENT, OF_SAMPLES
from ..data.roi import ROI
from ..data.window import Window
from ..ground.errors import FileFormatError, InputError, dimensions
from ..ground.guard import to_path
from ..ground.writing import Content, try_place, write
from ..reports.case_images import CaseImages
from .bundle import FORMATS, MANIFEST, PRESENTATIONS, STUDY, Sheet, Shown, key_of, to_json
from .order import Presentation, draw
from .plan import SCHEMA, Arm, Plan, ReadingCase
from .questions import FreeResponse, asks_place

_DOUBTS = (*OF_SAMPLES, DISAGREEMENT)
_MARGIN = 8  # pixels between a region and the square that shows where to look


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

    def _check_fits(self, other: CaseImages) -> None:
        """Slices of one case are shown in one view, so that they are of one scan, as far as that can be seen."""
        id, first = self.entry.id, self.first
        if other.case.matrix != first.case.matrix:
            sizes = f"{dimensions(other.case.matrix)} pixels and {first.name} {dimensions(first.case.matrix)}"
            raise InputError(f"{id}: {other.name} has {sizes}; the slices of a case are of one scan.")
        planes = [None if one.plane is None else one.plane.directions for one in (other, first)]
        turned = None not in planes and planes[0] != planes[1]
        if other.voxel != first.voxel or other.turn != first.turn or turned:
            raise InputError(
                f"{id}: {other.name} has another voxel size or orientation than {first.name}; the slices of a case are "
                "of one scan."
            )

    def _check_differs(self, other: CaseImages, earlier: CaseImages) -> None:
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
        arms = self.slices[0].folders
        return {arm: [file_hash(slice.folders[arm] / DESCRIPTION) for slice in self.slices] for arm in arms}

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
        self.presentations = to_json([one.model_dump(mode="json") for one in shown])
        self.key = to_json(
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
            "turn": first.turn,
            "directions": None if first.plane is None else first.plane.directions,
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
        return to_json(sheet.model_dump(mode="json"))

    def files(self) -> Iterator[tuple[str, Content]]:
        """Each file with its name; images are read when they are asked for, and the manifest of all is the last."""
        hashes = {}
        for name, content in self._contents():
            hashes[name] = hashlib.sha256(content).hexdigest()
            yield name, content
        manifest = {
            "schema": FORMATS[-1],
            "note": "Not for diagnostic use.",
            "version": __version__,
            "files": hashes,
            "key": hashlib.sha256(self.key).hexdigest(),
        }
        yield MANIFEST, to_json(manifest)

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


def _opaque() -> str:
    return secrets.token_hex(16)
