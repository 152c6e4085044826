"""The files in a folder that cases are drawn from, and which of them belong together.

A folder may mix them: NIfTI volumes and DICOM series of magnitudes, and fully sampled multi-coil k-space in HDF5
(fastMRI's layout, which M4Raw shares, and ISMRMRD). K-space may be undersampled if the training sees no truth.
"""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import is_file, shown
from ..ground.hdf5 import is_hdf5
from ..ground.progress import Job, Progress
from ..io.fastmri import FastMRI
from ..simulation import anatomy, dicom
from .contents import Acquired, Anatomy, Content, of_voxels, patient_of_scan
from .people import Split, Use, check_apart

# M4Raw: one file for each repetition of a contrast, counted by the last two digits.
_REPETITION = re.compile(r"(.+_(?:T1|T2|FLAIR|GRE))\d\d")


@dataclass(frozen=True, eq=False)
class Found:
    """The files of one source: a volume, the images of a series, or the repetitions of a scan.

    parts: the folders below that of the data, and the name, of the first one. read: it takes whether scans may be
    undersampled.
    """

    files: Sequence[Path]
    parts: tuple[str, ...]
    use: Use
    read: Callable[[bool], Content]


def find_files(data: Path, split: Split) -> Job[tuple[list[Found], list[Path]]]:
    """What a folder and its subfolders hold for training or validation, and the files that are held out.

    No content is read but the headers of DICOM. Raises InputError if there is no such folder, and if the names say that
    a person has files of two uses.
    """
    if not os.path.isdir(data):  # False for a name that none can have
        raise InputError(
            f"there is no folder {shown(data)} at that place; give one that holds volumes or scans to train on."
        )
    paths = [path for path in sorted(data.rglob("*")) if is_file(path)]
    parts = {path: path.relative_to(data).parts for path in paths}
    uses = {path: split.use(parts[path]) for path in paths if not any(part.startswith(".") for part in parts[path])}
    check_apart((split.person(parts[path]).id, path.name, use) for path, use in uses.items())

    groups: list[tuple[Sequence[Path], Callable[[bool], Content]]] = []
    scans: dict[str, list[Path]] = {}
    images = []
    files = [path for path, use in uses.items() if use != "test"]
    for number, path in enumerate(files):
        yield Progress(number / len(files), f"looking at file {number + 1} of {len(files)}")
        if path.name.endswith(anatomy.SUFFIXES):
            groups.append(([path], partial(_nifti, path)))
        elif _is_scan(path):
            repetition = _REPETITION.fullmatch(path.stem)
            scans.setdefault(str(path.with_name(repetition[1] if repetition else path.name)), []).append(path)
        elif dicom.is_dicom(path):
            images.append(path)
    groups += [(series, partial(_series, series)) for series in dicom.find_series(images)]
    groups += [(repetitions, partial(Acquired, repetitions)) for repetitions in scans.values()]
    found = [Found(group, parts[group[0]], uses[group[0]], read) for group, read in groups]
    return found, [path for path, use in uses.items() if use == "test"]


def patient_of(path: Path) -> str:
    """The patient in a file; "" if it has none or cannot be read, since a file that is held out may be anything."""
    with suppress(ReconRobustError):
        if _is_scan(path):
            return patient_of_scan(path)
        if dicom.is_dicom(path):
            return dicom.patient(path)
    return ""


def voxels_of(path: Path) -> str:
    """The hash of a NIfTI volume's voxels, however its file is packed; "" for others, and if it cannot be read."""
    with suppress(ReconRobustError):
        if path.name.endswith(anatomy.SUFFIXES):
            return of_voxels(anatomy.load_volume(path))
    return ""


def _is_scan(path: Path) -> bool:
    return path.suffix.lower() in FastMRI.suffixes or is_hdf5(path)


def _series(images: Sequence[Path], undersampled: bool) -> Content:
    content = Anatomy(dicom.load_series(images), "DICOM", images[0].name)
    content.patient = dicom.patient(images[0])
    return content


def _nifti(path: Path, undersampled: bool) -> Content:
    return Anatomy(anatomy.load_volume(path), "NIfTI", path.name)
