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
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from ..data.roi import ROI
from ..ground.errors import FileFormatError, InputError
from ..ground.hdf5 import open_hdf5
from ..ground.specification import Specification

SCHEMA = 1
DESCRIPTION, KSPACE, IMAGES = "case.json", "kspace.h5", "images.npz"
PACKAGES = ("napari-recon-robust", "torch", "numpy", "numba", "scipy")

Array = NDArray[Any]


class CaseRecipe(Specification):
    """What makes a case again: perturbation and method with all their knobs, their input and their environment.

    input: SHA-256 of the clean samples and the mask. source: plain facts for the reader (slice, sampling), never a
    path. weights: the SHA-256 of files and the versions of packages, by name. threads: torch's, on which the last
    bits depend.
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


@dataclass(frozen=True, eq=False)
class Case:
    """A case in memory; arrays are numpy's, as they are stored.

    kspace: "clean", "mask", "perturbed" and "random" (one for each budget along the first axis), "full" and
    "perturbed_full" where the fully sampled k-space is known, "sensitivities" and "noise" where the measurement came
    with its own calibration. images: (rows, columns), or one for each budget. results: one JSON object each.
    """

    recipe: CaseRecipe
    roi: ROI
    results: list[dict[str, Any]]
    matrix: tuple[int, int]
    kspace: Mapping[str, Array]
    images: Mapping[str, Array] = field(default_factory=dict)


def save_case(case: Case, folder: str | Path) -> Path:
    """Write the case as a new folder, completely or not at all; InputError if the folder exists already."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder.name} exists and is not empty; name a new folder for the case.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write_kspace(made / KSPACE, case.kspace)
        np.savez_compressed(made / IMAGES, allow_pickle=False, **case.images)
        description = {
            "schema": SCHEMA,
            "note": "Not for diagnostic use.",
            "recipe": case.recipe.model_dump(mode="json"),
            "roi": case.roi.model_dump(mode="json"),
            "matrix": list(case.matrix),
            "results": case.results,
            "files": {name: file_hash(made / name) for name in (KSPACE, IMAGES)},
        }
        description["seal"] = _seal(description)
        text = json.dumps(description, indent=2, allow_nan=False)
        (made / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        made.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        os.replace(made, folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return folder


def load_case(folder: str | Path) -> Case:
    """Read a case and verify it; FileFormatError names a file that is missing, damaged or altered."""
    folder = Path(folder).resolve()  # "." has no name to say
    description = read_description(folder)
    for name in (KSPACE, IMAGES):
        if not (folder / name).is_file():
            raise FileFormatError(missing(name, folder))
        if file_hash(folder / name) != description["files"].get(name):
            raise FileFormatError(altered(name, folder))
    with np.load(folder / IMAGES, allow_pickle=False) as stored:
        images = {name: stored[name] for name in stored.files}
    try:
        return Case(
            recipe=CaseRecipe(**description["recipe"]),
            roi=ROI.model_validate(description["roi"]),
            results=list(description["results"]),
            matrix=(int(description["matrix"][0]), int(description["matrix"][1])),
            kspace=_read_kspace(folder / KSPACE),
            images=images,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{DESCRIPTION} of {folder.name} is damaged ({error}); restore it.") from None


def read_description(folder: Path) -> dict[str, Any]:
    """What case.json holds; FileFormatError if it is missing, damaged or altered.

    The files beside it are not looked at.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise FileFormatError(f"{folder.name} holds no {DESCRIPTION}; choose the folder of a saved case.")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise FileFormatError(f"{DESCRIPTION} of {folder.name} is not readable JSON; restore it.") from None
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
    return f"{name} is missing from the saved case {folder.name}; restore it or save again."


def altered(name: str, folder: Path) -> str:
    """The sentence that says that a file of a case is not as it was saved."""
    return f"{name} of the saved case {folder.name} was altered after saving; restore it."


def array_hash(*arrays: Array) -> str:
    """SHA-256 of the types, shapes and values of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def _write_kspace(path: Path, kspace: Mapping[str, Array]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, array in kspace.items():
            chunks = (1,) * (array.ndim - 2) + array.shape[-2:] if array.ndim > 2 else None
            options = {"chunks": chunks, "compression": "lzf", "shuffle": True} if chunks else {}
            file.create_dataset(name, data=array, **options)


def _read_kspace(path: Path) -> dict[str, Array]:
    with open_hdf5(path) as file:
        return {name: dataset[()] for name, dataset in file.items()}
