"""Packing the anatomies of a bank into one small file, from which another machine simulates its cases.

Nothing is simulated on the GPU: `refresh.start_refreshing` makes the cases, with most of the machine's cores.
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np

from ..ground.errors import FileFormatError, InputError
from ..ground.guard import in_words, open_file, opening, shown
from ..ground.progress import Job, Progress
from ..ground.writing import write
from .contents import Anatomy
from .people import Split
from .sources import PACKED, Origin, Packed, Source, find_sources

_MOST_UNPACKED = 2**34  # bytes; a pack of 25 MB holds some hundred MB
_LEVELS = (255, 191, 127, 95, 63)  # numbers of intensity levels; the largest that fits is taken


def pack(data: Path, file: Path, split: Split, megabytes: float = 25) -> Job[Path]:
    """Write what `data` holds for training and validation as a zip of NIfTI volumes of up to 8 bits.

    Names and folders are kept, and with them uses and persons; the record has the SHA-256 of the original files. Files
    that are held out are left out. Raises InputError for scans, which are carried as they are, and if the file would
    exceed `megabytes`.
    """
    sources = yield from find_sources(data, split)
    size = 0.0
    for number, levels in enumerate(_LEVELS):
        yield Progress(number / len(_LEVELS), f"packing {len(sources)} volumes with {levels} levels of intensity")
        content = _packed(sources, levels)
        size = len(content) / 1e6
        if size <= megabytes:
            write(file, content)
            return file
    raise InputError(f"the pack has {size:.1f} MB, more than {megabytes:g}; exclude some of the people.")


def _packed(sources: Sequence[Source], levels: int) -> bytes:
    written = io.BytesIO()
    origins: dict[str, Origin] = {}
    with zipfile.ZipFile(written, "w", zipfile.ZIP_BZIP2) as archive:
        for number, source in enumerate(sources):
            if not isinstance(source.content, Anatomy):
                raise InputError(
                    f"{source.origin.name} is a scan, and only volumes can be packed; carry scans as they are."
                )
            volume = source.content.volume
            values = np.round(volume.data * (levels / volume.data.max())).astype(np.uint8)
            stem = "/".join(source.parts).removesuffix(".gz").removesuffix(".nii")
            # The same volume may be there with and without compression.
            name = f"{stem}.nii" if f"{stem}.nii" not in origins else f"{stem}-{number}.nii"
            archive.writestr(name, nibabel.Nifti1Image(values, np.diag([*volume.voxel, 1])).to_bytes())
            origins[name] = source.origin
        archive.writestr(PACKED, Packed(origins=origins).model_dump_json(indent=1))
    return written.getvalue()


def unpack(file: Path, folder: Path) -> None:
    """Make a folder of training volumes from a packed file; FileFormatError for another file or a damaged one."""
    with (
        opening(file, "packed anatomies", "copy it again"),
        open_file(file) as content,
        zipfile.ZipFile(content) as archive,
    ):
        if PACKED not in archive.namelist():
            raise FileFormatError(f"{shown(file)} holds no packed anatomies; give a file that was packed for training.")
        size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_UNPACKED:
            raise FileFormatError(
                f"{shown(file)} declares {in_words(size)}, and at most {in_words(_MOST_UNPACKED)} are unpacked; check "
                "the file."
            )
        archive.extractall(folder)
