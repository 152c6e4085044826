"""fastMRI's HDF5 layout: one volume in each file, single- or multi-coil. M4Raw writes the same keys.

Source: Zbontar et al., fastMRI, arXiv:1811.08839; the header is ISMRMRD's XML.
"""

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.orientation import AS_STORED, FIRST_ROW_BELOW
from ..data.points import measured_points, within
from ..data.scan import Header, Scan
from ..ground.errors import InputError, ReconRobustError, dimensions
from ..ground.guard import closed_on_failure
from ..ground.hdf5 import complex_values, is_hdf5, open_hdf5, values
from ..ground.writing import write
from .fastmri_fields import KEY, checked_kspace, header_of, is_bare, mask_of, or_named, reference_of, voxel_of
from .format import Format
from .ismrmrd_header import PROTON_HZ_PER_TESLA
from .stored_mask import MaskedScan
from .third_axis import LINE_ENCODED, note_on

if TYPE_CHECKING:
    from torch import Tensor

SIMULATED = "simulated"  # the attribute of files that were computed
_LOOK = 16  # slices, at most, in which it is looked whether they are slices
_LARGEST_CHUNK = 2**20  # bytes of which a line is looked at: those of one coil, as of files that are written here
_SAMPLE_NORM = 0.06728658825159073  # by which the packaged sample is known, which is older than that attribute


class FastMRI(Format):
    """The format of fastMRI's HDF5 files."""

    label = "fastMRI HDF5"
    suffixes = (".h5", ".hdf5")
    expects = "an HDF5 file with `kspace` (slices, coils, readout, phase)"

    def recognises(self, path: Path) -> bool:
        """Whether it is an HDF5 file with the key `kspace`."""
        if not is_hdf5(path):
            return False
        with open_hdf5(path) as file:
            return KEY in file

    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Read all but most of the k-space; FileFormatError for a `kspace`, `mask` or header that does not fit."""
        self._refuse_axes(path, axes)
        with closed_on_failure(open_hdf5(path)) as file:
            return FastMRIScan(path.name, file)


class FastMRIScan(MaskedScan):
    """A fastMRI file; slices are read on demand."""

    def __init__(self, name: str, file: Any) -> None:
        self._file, self._kspace = file, checked_kspace(file, name)
        slices, *coils, readout, phase = self._kspace.shape
        described, notes = header_of(file, name)
        voxel, doubts = voxel_of(described, readout, phase)
        notes += doubts
        self._limits = described.measured(1, phase)
        self._mask = mask_of(file, name, readout, phase)
        self._reference, remarks = reference_of(file, (slices, readout, phase))
        notes += remarks
        if self._reference is not None:
            matrix = self._reference.shape[1:]
        elif described.reconstructed is not None and described.matrix is not None:
            matrix = _crop(described.matrix, readout, phase)
            notes += described.notes
        else:
            matrix = (readout, phase)
            notes.append("The file has no header and no reference that can be used, so the image is not cropped.")
        if not coils and slices > 1 and self._reference is None:
            notes.append(
                f"The first of the three axes of `kspace` is taken for {slices} slices of one coil; if it holds coils, "
                f"export it as (slices, coils, readout, phase){or_named(file)}."
            )
        super().__init__(
            name,
            Header(
                format=FastMRI.label,
                slices=slices,
                coils=coils[0] if coils else 1,
                readout=readout,
                phase=phase,
                matrix=matrix,
                voxel=voxel,
                contrast=_text(file.attrs.get("acquisition")) or described.protocol,
                field_strength=described.field_strength,
                upright=AS_STORED if is_bare(file) else FIRST_ROW_BELOW,
                simulated=_is_simulated(file),
                notes=(*notes, *note_on("slice", self._energies(), LINE_ENCODED)),
            ),
        )
        self._compare_mask()

    def _energies(self) -> NDArray[np.floating]:
        """The energy of the line through the centre of some slices, of one coil; 0 where it cannot be read.

        None of a file whose lines lie in large chunks, each of which would be read as a whole.
        """
        slices, *coils, readout, _ = self._kspace.shape
        if math.prod(self._kspace.chunks or ()) * self._kspace.dtype.itemsize > _LARGEST_CHUNK:
            return np.zeros(0)
        step = -(-slices // _LOOK)
        energies = []
        for slice in range(slices // 2 % step, slices, step):
            try:
                line = complex_values(self._kspace, (slice, *(0 for _ in coils), readout // 2))
            except (OSError, RuntimeError, ValueError, ReconRobustError):  # it is refused when that slice is read
                line = np.zeros(1)
            energies.append(np.sum(np.abs(line).astype(float) ** 2))
        return np.nan_to_num(np.array(energies), nan=0.0, posinf=0.0)

    def _read(self, slice: int) -> NDArray[np.complexfloating]:
        return complex_values(self._kspace, slice).reshape(self.header.coils, self.header.readout, self.header.phase)

    def _stored_reference(self, slice: int) -> NDArray[np.floating] | None:
        return None if self._reference is None else values(self._reference, slice)

    def _release(self) -> None:
        self._file.close()

    def _points(self, slice: int) -> "Tensor":
        """What has values: in one coil where that tells it, as it has some wherever there can be or the mask samples.

        A header whose limits leave out lines with values is wrong.
        """
        first = complex_values(self._kspace, (slice, 0)[: self._kspace.ndim - 2])
        if not np.isfinite(first).all():
            return super()._points(slice)  # which says so
        points = measured_points(first[None])
        if self._mask is not None and bool(points.any(0)[self._mask.any(0)].all()):
            return points
        if self._mask is None and bool(points[:, self._limits].all()):
            return within(self._limits, self.header.phase) | points.any(0)
        return super()._points(slice)


def _is_simulated(file: Any) -> bool:
    return np.array_equal(file.attrs.get("norm"), _SAMPLE_NORM) or str(file.attrs.get(SIMULATED)) == "True"


def _text(attribute: Any) -> str | None:
    """An attribute of the file, if it is a text."""
    if isinstance(attribute, str):  # with surrogates for what is no UTF-8, which no JSON takes
        attribute = attribute.encode(errors="surrogateescape")
    return attribute.decode(errors="replace") if isinstance(attribute, bytes) else None


def _crop(wanted: tuple[int, int], readout: int, phase: int) -> tuple[int, int]:
    """The output matrix (rows, columns); W x W where the k-space is narrower, as fastMRI crops."""
    rows, columns = wanted
    if phase < columns:
        rows = columns = phase
    return min(rows, readout), columns


def write_fastmri(
    path: Path,
    kspace: NDArray[np.complexfloating],
    reference: NDArray[np.floating] | None = None,
    *,
    encoded_mm: tuple[float, float, float],
    matrix: tuple[int, int],
    field_strength: float | None = None,
    attributes: Mapping[str, str | float] | None = None,
    rounding: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> None:
    """Write a volume as fastMRI stores it, as small as the noise allows.

    kspace: complex (slices, coils, readout, phase). reference: (slices, rows, columns), the RSS, or None.
    encoded_mm: field of view of the encoded matrix (readout, phase) and the slice thickness. matrix: (rows, columns)
    after the crop. attributes: those of the file, for instance `acquisition`.
    rounding: the largest step, for each coil or for all, to which real and imaginary part are rounded (a quarter of
    the noise is invisible). The next smaller power of two is used, so that the low bits of the floats are zero and
    compress well. Each slice and coil is one chunk, shuffled and deflated.
    Raises InputError for shapes that do not fit, WritingError if the file cannot be written.
    """
    import h5py

    if kspace.ndim != 4 or (reference is not None and (reference.ndim != 3 or len(reference) != len(kspace))):
        raise InputError(
            f"k-space of shape {dimensions(kspace.shape)} and {0 if reference is None else len(reference)} reference "
            "images came; (slices, coils, readout, phase) and (slices, rows, columns) are expected."
        )
    values = np.array(kspace, np.complex64)
    if rounding is not None:
        step = np.broadcast_to(2.0 ** np.floor(np.log2(np.asarray(rounding, float))), values.shape[1:2])
        step = step.astype(np.float32)[:, None, None]
        values.real = np.round(values.real / step) * step
        values.imag = np.round(values.imag / step) * step
    packed = {"shuffle": True, "compression": "gzip", "compression_opts": 9}
    content = BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("kspace", data=values, chunks=(1, 1, *values.shape[2:]), **packed)
        if reference is not None:
            images = np.asarray(reference, np.float32)
            file.create_dataset("reconstruction_rss", data=images, chunks=(1, *images.shape[1:]), **packed)
            file.attrs["max"] = float(images.max())
            file.attrs["norm"] = float(np.linalg.norm(images))
        if mask is not None:
            file["mask"] = np.asarray(mask, bool)
        file["ismrmrd_header"] = _header_xml(values.shape[2:], encoded_mm, matrix, field_strength)
        file.attrs.update(attributes or {})
    write(path, content.getbuffer())


def _header_xml(
    encoded: tuple[int, ...], encoded_mm: tuple[float, float, float], matrix: tuple[int, int], tesla: float | None
) -> str:
    root = ElementTree.Element("ismrmrdHeader", xmlns="http://www.ismrm.org/ISMRMRD")
    if tesla is not None:
        system = ElementTree.SubElement(root, "acquisitionSystemInformation")
        ElementTree.SubElement(system, "systemFieldStrength_T").text = f"{tesla:g}"
        conditions = ElementTree.SubElement(root, "experimentalConditions")  # without which ISMRMRD's own code stops
        ElementTree.SubElement(conditions, "H1resonanceFrequency_Hz").text = str(round(tesla * PROTON_HZ_PER_TESLA))
    encoding = ElementTree.SubElement(root, "encoding")
    cropped_mm = [mm * part / whole for mm, part, whole in zip(encoded_mm, matrix, encoded, strict=False)]
    for name, sizes, extents in (
        ("encodedSpace", encoded, encoded_mm),
        ("reconSpace", matrix, (*cropped_mm, encoded_mm[2])),
    ):
        space = ElementTree.SubElement(encoding, name)
        for child, triple in (("matrixSize", (*sizes, 1)), ("fieldOfView_mm", extents)):
            element = ElementTree.SubElement(space, child)
            for axis, number in zip("xyz", triple, strict=True):
                ElementTree.SubElement(element, axis).text = f"{number:g}"
    limits = ElementTree.SubElement(ElementTree.SubElement(encoding, "encodingLimits"), "kspace_encoding_step_1")
    for child, number in (("minimum", 0), ("maximum", encoded[1] - 1), ("center", encoded[1] // 2)):
        ElementTree.SubElement(limits, child).text = str(number)
    ElementTree.SubElement(encoding, "trajectory").text = "cartesian"
    return ElementTree.tostring(root, encoding="unicode")
