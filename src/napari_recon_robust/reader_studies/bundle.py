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
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from ..cases.record import file_hash
from ..data.orientation import Directions, Turn
from ..ground.cached_property import cached_property
from ..ground.documents import read_json
from ..ground.errors import FileFormatError, InputError
from ..ground.guard import is_file, opening, read, shown, to_path
from ..ground.specification import Specification
from .plan import MOST_SLICES, SCHEMA, Viewing
from .questions import RANKED, Question, steps

STUDY, PRESENTATIONS, MANIFEST = "study.json", "presentations.json", "manifest.json"
FORMATS = (1, 2)  # of the folder: since 2 a case may have several slices
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
    turn: Turn
    directions: Directions | None = None
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
        row, column = pixel_of(mark)
        return 0 <= row - top < height and 0 <= column - left < width


def pixel_of(mark: Mapping[str, float]) -> tuple[int, int]:
    """Row and column of the pixel that a mark lies on. Its upper and its left edge belong to it, as on the page.

    Marks that keys move lie on edges. `round` gives every second pixel both of its edges, and the others none.
    """
    return math.floor(mark["row"] + 0.5), math.floor(mark["column"] + 0.5)


def beside(folder: str | Path, ending: str) -> Path:
    """A file beside the folder of a study, called like it with an ending."""
    folder = Path(folder)
    if folder.name in ("", ".."):  # such as "." for who stands in it
        folder = Path(os.path.abspath(folder))  # and follows no link, beside which the files lie
    return folder.with_name(f"{folder.name}{ending}")


def key_of(folder: str | Path) -> Path:
    """Where the key to a frozen study lies, if nobody has moved it."""
    return beside(folder, ".key.json")


def to_json(value: Any) -> bytes:
    """A value as it stands in a file of the folder; ValueError for NaN and for half of a letter."""
    return f"{json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)}\n".encode()


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
            if self.manifest["schema"] not in FORMATS:
                raise FileFormatError(
                    f"{self.folder.name} is a reader study of version {self.manifest['schema']!r}, and versions "
                    f"{FORMATS[0]} to {FORMATS[-1]} are read here; open it with the software that froze it."
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
        return file_hash(self.folder / MANIFEST)

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
        if file_hash(path) != self.hash_of_key:
            raise FileFormatError(f"{path.name} is not the key that {self.folder.name} was frozen with; find that one.")
        found: dict[str, Any] = read_json(path)
        return found

    def _told(self, name: str) -> Any:
        """The value in a file of which readers are told; ValueError for what cannot be: NaN, or half of a letter."""
        found = read_json(self.folder / name, advice=_ADVICE)
        to_json(found)
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
