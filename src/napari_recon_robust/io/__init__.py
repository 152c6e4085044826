"""Reading scans: one module for each file format, and one table of all formats.

Other packages add formats, classes derived from `Format`, by the entry point group `napari_recon_robust.formats`.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..ground.errors import FileFormatError, PackageWarning
from ..ground.guard import opening, said_by, shown, status, to_path
from ..ground.registry import Registry
from .format import Format

if TYPE_CHECKING:
    from ..data.scan import Scan

# A file is of the first format that recognises it; any other k-space under fastMRI's key is told what fastMRI expects.
FORMATS: Registry[Format] = Registry(
    "file format",
    __name__,
    {
        "calgary-campinas": "calgary_campinas:CalgaryCampinas",
        "skm-tea": "skm_tea:SKMTEA",
        "cmrxrecon": "cmrxrecon:CMRxRecon",
        "matlab": "hdf5_array:MATLABArray",
        "fastmri": "fastmri:FastMRI",
        "ismrmrd": "ismrmrd:ISMRMRD",
        "bart": "bart:BART",
        "numpy": "numpy_array:NumpyArray",
    },
    group="napari_recon_robust.formats",
)


def format_of(path: Path) -> Format | None:
    """The format of a file, told by its content; None for any other file, and for one that is not there."""
    with opening(path):
        return next((format for format in FORMATS if _recognises(format, path)), None)


def _recognises(format: Format, path: Path) -> bool:
    """Whether a format recognises a file. One of another package that fails at it does not; a warning names it."""
    try:
        return format.recognises(path)
    except Exception as error:
        module = type(format).__module__
        if module.startswith(f"{__name__}."):
            raise
        warnings.warn(
            f"the file format {format.label!r} of an installed package ({module}) fails at {shown(path)} "
            f"({type(error).__name__}: {said_by(error)}); mend that package, or uninstall it.",
            PackageWarning,
            stacklevel=2,
        )
        return False


def known_formats() -> list[Format]:
    """All formats as users are told of them: fastMRI, which recognises files after its kin, before these."""
    return sorted(FORMATS, key=lambda format: format is not FORMATS.get("fastmri"))


def files_of(path: Path) -> tuple[Path, ...]:
    """The files of the scan that opens by this path: all that belong together, such as BART's pairs, else the file.

    Only formats whose scans have several files look at the content, so that no library opens the others for it.
    """
    with opening(path):
        several = (format for format in FORMATS if len(format.files(path)) > 1)
        return next((format.files(path) for format in several if _recognises(format, path)), (path,))


def stamp(path: Path) -> tuple[int, int]:
    """Bytes of a scan's files, and their times of change in nanoseconds: sums, which change with any of the files.

    Raises FileFormatError if one of them is not there.
    """
    found = [status(file) for file in files_of(path)]
    return sum(one.st_size for one in found), sum(one.st_mtime_ns for one in found)


def suffixes() -> list[str]:
    """The suffixes of all formats."""
    return list(dict.fromkeys(suffix for format in FORMATS for suffix in format.suffixes))


def lacks_axes(path: Path) -> bool:
    """Whether a file does not say which of its axes is which, so that the user is to be asked.

    Its content is looked at only where its name leaves that open.
    """
    named = {format.names_axes for format in FORMATS if path.suffix in format.suffixes}
    if len(named) < 2:
        return named == {False}
    format = format_of(path)
    return format is not None and not format.names_axes


def takes_axes(path: Path) -> bool:
    """Whether names may be given to a file's axes: to a raw array's, and those of `kspace` in a plain HDF5 file."""
    format = format_of(path)
    if format is None:
        return False
    from .hdf5_array import holds_array

    return not format.names_axes or holds_array(path)


def guessed_axes(path: Path) -> tuple[tuple[int, ...], tuple[str, ...]] | None:
    """The shape of a file's k-space and a guess at its axes' names; None where it names them, or holds none."""
    format = format_of(path)
    return None if format is None else format.guessed_axes(path)


def open_scan(path: str | Path, axes: Sequence[str] | None = None) -> "Scan":
    """Open a file of any known format, told by its content; annotations in a CSV file beside it come along.

    axes: names of the axes of a raw array, for instance ("coil", "phase", "readout"), or of `kspace` in a plain HDF5
    file, such as MATLAB's; guessed, or taken as the format has them, if left out.
    Raises FileFormatError for a file of another format, or a damaged or incomplete one; InputError for axes that do
    not fit.
    """
    path = to_path(path)
    format = format_of(path)
    if format is not None:
        from .annotations import beside
        from .hdf5_array import open_array

        with opening(path, format.label):
            scan = (axes and format.names_axes and open_array(path, axes)) or format.open(path, axes)
        scan.annotations, notes = beside(path, *scan.header.matrix)
        scan.header = scan.header.model_copy(update={"notes": (*scan.header.notes, *notes)})
        return scan
    from .unknown import what_it_is

    first, *others = known_formats()
    *several, last = (format.label for format in others)
    raise FileFormatError(
        f"{shown(path)} is {what_it_is(path)}; expected is a scan of {first.label} ({first.expects}), "
        f"{', '.join(several)} or {last}: docs/formats.md describes them."
    )
