"""The saved case: one folder that says what was done, to what, and what came out.

    case.json    schema version, recipe, ROI, results (metrics, budgets), hashes of itself and the files beside it
    kspace.h5    clean, perturbed and random samples, sampling mask, full k-space where it is known
    images.npz   the images that were compared

The window, the command line and replay share this layout. It holds no identifiers, dates or paths of the input.
"""

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, field_validator

from ..data.roi import ROI
from ..ground.arguments import as_kind
from ..ground.arrays import read_npz
from ..ground.errors import FileFormatError, InputError, dimensions
from ..ground.guard import check_length, is_file, open_file, opening, read, shown, to_path
from ..ground.hdf5 import open_hdf5, values
from ..ground.specification import Specification
from ..ground.writing import Content, WritingError, write
from ..own_models.opening import in_short

SCHEMA = 1
DESCRIPTION, KSPACE, IMAGES = FILES = ("case.json", "kspace.h5", "images.npz")
_LONGEST_DESCRIPTION = 2**28  # bytes; the losses on the way of an attack can be many
PACKAGES = ("napari-recon-robust", "torch", "numpy", "numba", "scipy")

Array = NDArray[Any]


class CaseRecipe(Specification):
    """What makes a case again: perturbation and method with all their knobs, their input and their environment.

    perturbation: its id, or "" while nothing was perturbed. input: SHA-256 of the clean samples and the mask. source:
    plain facts for the reader (slice, sampling), never a path. weights: the SHA-256 of files and the versions of
    packages, by name. threads: torch's, on which the last bits depend.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    perturbation: str
    perturbation_knobs: dict[str, Any] = Field(default_factory=dict)
    budgets: tuple[float, ...] = ()
    method: str
    method_knobs: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    input: str
    source: dict[str, Any] = Field(default_factory=dict)
    weights: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    threads: int = 1

    @field_validator("method")
    @classmethod
    def _in_short(cls, method: str) -> str:
        """As own models are called now; earlier versions named the default function, too."""
        return in_short(method)


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """A case in memory; arrays are numpy's, as they are stored.

    kspace: "clean", "mask", "perturbed" and "random" (one for each budget along the first axis), "full" and
    "perturbed_full" where the fully sampled k-space is known, "acquired" where a full scan leaves points out,
    "sensitivities" and "noise" where the measurement came with its own calibration, "noise_covered" where that says so,
    "acs" where calibration lines were measured apart. images: (rows, columns), or one for each budget. results: one
    JSON object each.
    """

    recipe: CaseRecipe
    roi: ROI
    results: list[dict[str, Any]]
    matrix: tuple[int, int]
    kspace: Mapping[str, Array]
    images: Mapping[str, Array] = field(default_factory=dict)

    def __repr__(self) -> str:
        """In a line; `recipe` has all that makes it again."""
        recipe = self.recipe
        return f"Case(perturbation={recipe.perturbation!r}, budgets={recipe.budgets}, method={recipe.method!r})"


def save_case(case: Case, folder: str | Path) -> Path:
    """Write the case as a new folder, completely or not at all.

    Raises InputError for what is no case, for one that `load_case` would refuse, and if the folder exists already, and
    WritingError if it cannot be written or lies in another case.
    """
    as_kind(case, Case, "the case", "what rr.make_case returns")
    try:
        _check_samples(case)
    except (KeyError, ValueError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"the case cannot be saved, since {what}; make it with rr.make_case.") from None
    folder = to_path(folder)
    check_outside(folder)
    if os.path.exists(folder) and (not folder.is_dir() or any(folder.iterdir())):  # False for a name that none can have
        raise InputError(f"{folder.name} exists and is not empty; name a new folder for the case.")
    images = BytesIO()
    np.savez_compressed(images, allow_pickle=False, **case.images)
    files: dict[str, Content] = {KSPACE: _packed(case.kspace), IMAGES: images.getbuffer()}
    description = {
        "schema": SCHEMA,
        "note": "Not for diagnostic use.",
        "recipe": case.recipe.model_dump(mode="json"),
        "roi": case.roi.model_dump(mode="json"),
        "matrix": list(case.matrix),
        "results": case.results,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    description["seal"] = _seal(description)
    text = json.dumps(description, indent=2, allow_nan=False)
    write(folder, {**files, DESCRIPTION: f"{text}\n".encode()})
    return folder


def check_outside(folder: Path) -> None:
    """Raise WritingError for a new folder that would lie in a saved case, of which the gallery lists the case alone."""
    case = next((one for one in Path(os.path.abspath(folder)).parents if is_file(one / DESCRIPTION)), None)
    if case is not None:
        reason = f"it would lie in the saved case {case.name}, in which the gallery looks for no other"
        raise WritingError(f"{folder.name} cannot be written: {reason}; name a new folder beside {case.name}.", reason)


def own_region(results: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The region that the first result concerns where the case's is another one: that of an inserted feature."""
    return results[0].get("roi") if results else None


def load_case(folder: str | Path) -> Case:
    """Read a case and verify it; FileFormatError names a file that is missing, damaged or altered."""
    folder = to_path(folder)
    with opening(folder, "a saved case", "restore it"):
        folder = folder.resolve()  # "." has no name to say
        description = read_description(folder)
        for name in (KSPACE, IMAGES):
            if not os.path.lexists(folder / name):
                raise FileFormatError(missing(name, folder))
            check_length(folder / name)
            if file_hash(folder / name) != description["files"].get(name):
                raise FileFormatError(altered(name, folder))
        try:
            recipe, roi = CaseRecipe(**description["recipe"]), ROI.model_validate(description["roi"])
        except InputError as error:  # what it advises is for who makes one
            raise ValueError(str(error).partition(";")[0]) from error
        case = Case(
            recipe=recipe,
            roi=roi,
            results=list(description["results"]),
            matrix=(int(description["matrix"][0]), int(description["matrix"][1])),
            kspace=_read_kspace(folder / KSPACE),
            images=read_npz(folder / IMAGES),
        )
        _check_samples(case)
        return case


def reading() -> AbstractContextManager[None]:
    """Within it an error in results or facts, which `load_case` does not check, becomes a FileFormatError."""
    return opening("the saved case", advice="restore it")


def _check_samples(case: Case) -> None:
    """Raise ValueError for arrays that cannot be those of a case, KeyError for one that is missing."""
    clean, mask = case.kspace["clean"], case.kspace["mask"]
    if clean.ndim != 3 or not clean.size:
        raise ValueError(f"its clean samples have shape {dimensions(clean.shape)}")
    if not all(0 < side <= whole for side, whole in zip(case.matrix, clean.shape[1:], strict=True)):
        raise ValueError(f"its images have {dimensions(case.matrix)} pixels")
    for name, points in (("mask", mask), ("acquired", case.kspace.get("acquired", mask))):
        if points.dtype != bool or points.shape not in ((1, clean.shape[2]), clean.shape[1:]):
            raise ValueError(f"its {name} is {points.dtype} of shape {dimensions(points.shape)}")
    several = (len(case.results), *clean.shape)
    # The model's images have all rows for points; lines, which a partial echo may shorten, have those of the matrix.
    whole = mask.shape[0] > 1 and case.kspace.get("sensitivities", clean).shape[1] == clean.shape[1]
    rows = clean.shape[1] if whole else case.matrix[0]
    layout = {
        **dict.fromkeys(("clean", "full"), (clean.shape, np.complex64)),
        **dict.fromkeys(("perturbed", "random", "perturbed_full"), (several, np.complex64)),
        "acs": (clean.shape, np.complex64),
        "sensitivities": ((len(clean), rows, clean.shape[2]), np.complex64),
        "noise": (clean.shape[:1], np.float32),
        "noise_covered": ((1,), np.bool_),
    }
    needed = {"noise"} if "sensitivities" in case.kspace else set[str]()
    for name in sorted(layout.keys() & (case.kspace.keys() | needed)):
        shape, kind = layout[name]
        array = case.kspace[name]
        if array.shape != shape or array.dtype != kind:
            raise ValueError(f"its {name} is {array.dtype} of shape {dimensions(array.shape)}")


def read_description(folder: Path) -> dict[str, Any]:
    """What case.json holds; FileFormatError if it is missing, damaged or altered.

    The files beside it are not looked at.
    """
    path = folder / DESCRIPTION
    if not is_file(path):
        raise FileFormatError(f"{shown(folder)} holds no {DESCRIPTION}; choose the folder of a saved case.")
    with opening(f"{DESCRIPTION} of {shown(folder)}", "JSON", "restore it"):
        description = json.loads(read(path, _LONGEST_DESCRIPTION))
    if not isinstance(description, dict) or not isinstance(description.get("files"), dict):
        raise FileFormatError(f"{DESCRIPTION} of {folder.name} does not describe a saved case; choose another folder.")
    if description.get("schema") != SCHEMA:
        raise FileFormatError(
            f"the case {folder.name} has schema {description.get('schema', 'no number')} and {SCHEMA} is read here; "
            "open it with the version that saved it."
        )
    seal = description.pop("seal", None)
    if seal != _seal(description):
        raise FileFormatError(altered(DESCRIPTION, folder))
    return {**description, "seal": seal}


def missing(name: str, folder: Path) -> str:
    """The sentence that says that a file of a case is missing."""
    return f"{name} is missing from the saved case {shown(folder)}; restore it or save again."


def altered(name: str, folder: Path) -> str:
    """The sentence that says that a file of a case is not as it was saved."""
    return f"{name} of the saved case {shown(folder)} was altered after saving; restore it."


def array_hash(*arrays: Array) -> str:
    """SHA-256 of the types, shapes and values of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def slice_hash(case: Case) -> str:
    """SHA-256 of the slice's fully sampled samples, which all masks and perturbations of one slice have in common.

    Of the measured samples where no full ones are known.
    """
    return array_hash(case.kspace["full" if "full" in case.kspace else "clean"])


def anatomy_hash(case: Case) -> str:
    """Likewise of the slice before a lesion was inserted into it, where the case says so under source, `anatomy`."""
    return str(case.recipe.source.get("anatomy") or slice_hash(case))


def file_hash(*paths: Path) -> str:
    """SHA-256 of the content of a file, or of several, one behind the other."""
    digest = hashlib.sha256()
    for path in paths:
        with open_file(path) as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that compute."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _seal(description: Mapping[str, Any]) -> str:
    """SHA-256 of a description."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def _packed(kspace: Mapping[str, Array]) -> memoryview:
    """The content of an HDF5 file."""
    import h5py

    content = BytesIO()
    with h5py.File(content, "w") as file:
        for name, array in kspace.items():
            chunks = (1,) * (array.ndim - 2) + array.shape[-2:] if array.ndim > 2 else None
            options = {"chunks": chunks, "compression": "lzf", "shuffle": True} if chunks else {}
            file.create_dataset(name, data=array, **options)
    return content.getbuffer()


def _read_kspace(path: Path) -> dict[str, Array]:
    with open_hdf5(path) as file:
        return {name: values(dataset) for name, dataset in file.items()}
