"""What a file in fastMRI's layout holds, each checked before it is used."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..ground.errors import FileFormatError, dimensions
from ..ground.hdf5 import check_dataset, is_complex, values
from .ismrmrd_header import AcquisitionHeader, stored_xml
from .numpy_array import or_joined

if TYPE_CHECKING:
    from torch import Tensor

KEY, MASK, HEADER, REFERENCES = "kspace", "mask", "ismrmrd_header", ("reconstruction_rss", "reconstruction_esc")
_MANY_COILS = 64  # so many, with fewer lines than that, are an axis of the image
_PADDED = 0.02  # of an axis: as much more or less of it than the header says comes of padding


def is_bare(file: Any) -> bool:
    """Whether a file has neither header nor references, so that its axes may be other ones, which the user names."""
    return not {HEADER, *REFERENCES} & set(file)


def checked_kspace(file: Any, name: str) -> Any:
    """The data set (slices, coils, readout, phase), or without coils; FileFormatError for anything else."""
    kspace = file[KEY]
    axes = getattr(kspace, "ndim", 0)
    joined = axes > 0 and is_complex(kspace)
    if axes not in (3, 4) or not joined:
        advice = or_joined(kspace) if not joined else or_named(file) if axes == 2 else ""
        raise FileFormatError(
            f"`kspace` in {name} is {_described(kspace)}; complex numbers (slices, coils, readout, phase), or "
            f"(slices, readout, phase) from a single coil, are expected{advice}."
        )
    check_dataset(kspace)
    if min(kspace.shape) < 1:
        raise FileFormatError(f"`kspace` in {name} is empty, of shape {dimensions(kspace.shape)}; export it again.")
    _, *coils, readout, phase = kspace.shape
    if coils and too_many(coils[0], phase):
        raise FileFormatError(
            f"`kspace` in {name} would have {coils[0]} coils of {dimensions((readout, phase))} points; if the "
            f"coils stand last, export it as (slices, coils, readout, phase){or_named(file)}."
        )
    return kspace


def too_many(coils: int, last: int) -> bool:
    """Whether an axis that is taken for coils is rather one of the image, as the last axis is so short."""
    return coils >= _MANY_COILS > last and coils > 2 * last


def or_named(file: Any) -> str:
    """Words that follow an advice, where axes can be named."""
    return ", or name its axes (axes)" if is_bare(file) else ""


def _described(item: Any) -> str:
    if not hasattr(item, "dtype"):
        return "a group"
    kind = item.dtype if item.dtype.names is None else "complex pairs" if is_complex(item) else "a table"
    return f"{kind} of shape {dimensions(item.shape)}"


def header_of(file: Any, name: str) -> tuple[AcquisitionHeader, list[str]]:
    """The header, or the first of several, and a note on an empty one; FileFormatError if it is no XML."""
    if HEADER not in file:
        return AcquisitionHeader(), []
    text = stored_xml(file[HEADER])
    if isinstance(text, bytes | str) and not text.strip():
        return AcquisitionHeader(), [f"The file's `{HEADER}` is empty and not used."]
    return AcquisitionHeader.parse(text, name), []


def voxel_of(
    described: AcquisitionHeader, readout: int, phase: int
) -> tuple[tuple[float, float, float] | None, list[str]]:
    """The (row, column, slice) size in mm; None, with a note, where the header is that of another k-space.

    Each axis of k-space has the length of the encoded matrix, or that of the output where the oversampling was removed.
    """
    if described.encoded is None or described.matrix is None:
        return None, []
    encoded = described.encoded.matrix[:2]
    axes = zip((readout, phase), encoded, described.matrix, strict=True)
    if all(min(abs(size - said) for said in both) <= _PADDED * size for size, *both in axes):
        return described.voxel, []
    return None, [
        f"The file's header is of k-space of {dimensions(encoded)}, and its k-space has "
        f"{dimensions((readout, phase))}: the size of a pixel in mm is not known, and the crop may be wrong."
    ]


def mask_of(file: Any, name: str, readout: int, phase: int) -> "Tensor | None":
    """The mask that test files carry, bool (1, phase), or (readout, phase) where points were sampled."""
    if MASK not in file:
        return None
    mask = file[MASK]
    check_dataset(mask)
    if mask.size != phase and (mask.shape[-2:] != (readout, phase) or mask.size != readout * phase):
        raise FileFormatError(
            f"`mask` in {name} has shape {dimensions(mask.shape)}; one value for each of the {phase} phase-encoding "
            f"lines, or for each of the {dimensions((readout, phase))} points (readout, phase), is expected."
        )
    from torch import from_numpy

    return from_numpy(np.asarray(values(mask)).reshape(-1, phase) != 0)


def reference_of(file: Any, kspace: tuple[int, int, int]) -> tuple[Any, list[str]]:
    """The data set of reference images (slices, rows, columns) or None, and a note on one that cannot be used.

    Files of an emulated single coil have the RSS of all coils, too, which is no image of their samples.
    kspace: (slices, readout, phase).
    """
    keys = REFERENCES[::-1] if file[KEY].ndim == 3 else REFERENCES
    key = next((key for key in keys if key in file), None)
    if key is None:
        return None, []
    reference = file[key]
    check_dataset(reference)
    slices, readout, phase = kspace
    came = f"The file's `{key}` is {reference.dtype} of shape {dimensions(reference.shape)}"
    if reference.ndim != 3 or len(reference) != slices or min(reference.shape) < 1 or reference.dtype.kind not in "fiu":
        return None, [
            f"{came}, and not used: real images (rows, columns) are expected for its {slices} slices of k-space."
        ]
    if reference.shape[1] > readout or reference.shape[2] > phase:
        return None, [f"{came}, larger than the k-space, and not used."]
    return reference, []
