"""Reading scans: one module for each file format, and one table of all formats.

Other packages add formats, classes derived from `Format`, by the entry point group `napari_recon_robust.formats`.
"""

from collections.abc import Sequence
from pathlib import Path

from ..data.scan import Scan
from ..ground.errors import FileFormatError
from ..ground.hdf5 import described, is_hdf5, open_hdf5
from ..ground.registry import Registry
from .annotations import beside
from .format import Format

FORMATS: Registry[Format] = Registry(
    "file format",
    __name__,
    {
        "fastmri": "fastmri:FastMRI",
        "ismrmrd": "ismrmrd:ISMRMRD",
        "bart": "bart:BART",
        "numpy": "numpy_array:NumpyArray",
    },
    group="napari_recon_robust.formats",
)


def open_scan(path: str | Path, axes: Sequence[str] | None = None) -> Scan:
    """Open a file of any known format, told by its content; annotations in a CSV file beside it come along.

    axes: names of the axes of a raw array, for instance ("coil", "phase", "readout"); guessed if left out.
    Raises FileFormatError for a file of another format, or a damaged or incomplete one; InputError for axes that do
    not fit.
    """
    path = Path(path)
    if not path.exists() and not path.with_name(path.name + ".hdr").exists():
        raise FileFormatError(f"there is no file {path.name} in that folder; check its name.")
    formats = [FORMATS.get(name) for name in FORMATS.ids()]
    for format in formats:
        if format.recognises(path):
            scan = format.open(path, axes)
            scan.annotations = beside(path, *scan.header.matrix)
            return scan
    known = "; ".join(f"{format.label}: {format.expects}" for format in formats)
    came = "a folder" if path.is_dir() else "of no format that is known here"
    if path.is_file() and is_hdf5(path):
        with open_hdf5(path) as file:
            came = f"an HDF5 file with {described(file)}"
    raise FileFormatError(f"{path.name} is {came}; expected is one of {known}.")
