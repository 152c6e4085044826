"""The ISMRMRD header (XML), which fastMRI files carry too.

Elements are found under any namespace prefix, and each may be missing.
Source: the schema at https://ismrmrd.readthedocs.io, ismrmrd.xsd.
"""

import math
from typing import Any, Self
from xml.etree import ElementTree

import numpy as np

from ..ground.errors import FileFormatError, dimensions
from ..ground.hdf5 import values
from ..ground.specification import Specification

PROTON_HZ_PER_TESLA = 42.577e6
_SAME = 0.01  # relative difference of pixel sizes that come from rounding


class Space(Specification):
    """Matrix size and field of view in mm as (x, y, z) = (readout, phase, slice)."""

    matrix: tuple[int, int, int]
    field_of_view: tuple[float, float, float]


class Limits(Specification):
    """The first and last encoding step of an axis, and the one in the centre of k-space.

    None where the header does not say; the first is 0 then.
    """

    first: int | None = None
    last: int | None = None
    centre: int | None = None


class AcquisitionHeader(Specification):
    """The part of the header that is used here.

    limits: those of kspace_encoding_step_1 and 2, the lines and the partitions.
    calibration: the parallel imaging's calibration mode. alternating: whether every other (line, partition) has the
    other sign, as where GE's excitations were not chopped: mridata.org's scans say so by ChopY = 0 and ChopZ = 0.
    """

    encoded: Space | None = None
    reconstructed: Space | None = None
    limits: tuple[Limits, Limits] = (Limits(), Limits())
    alternating: tuple[bool, bool] = (False, False)
    trajectory: str | None = None
    calibration: str | None = None
    field_strength: float | None = None
    protocol: str | None = None

    @classmethod
    def parse(cls, xml: bytes | str, name: str) -> Self:
        """Read the XML; FileFormatError, which gives the file's name, if it is not valid."""
        try:
            root = ElementTree.fromstring(xml)
        except (ElementTree.ParseError, TypeError, ValueError) as error:
            raise FileFormatError(f"the ISMRMRD header of {name} is no XML ({error}); export the file again.") from None
        field = _number(root, "acquisitionSystemInformation/systemFieldStrength_T")
        hertz = _number(root, "experimentalConditions/H1resonanceFrequency_Hz")
        if field is None and hertz is not None and hertz > 1e5:
            field = hertz / PROTON_HZ_PER_TESLA
        return cls(
            encoded=_space(root, "encoding/encodedSpace"),
            reconstructed=_space(root, "encoding/reconSpace"),
            limits=(_limits(root, 1), _limits(root, 2)),
            alternating=(_parameter(root, "ChopY") == 0, _parameter(root, "ChopZ") == 0),
            trajectory=_text(root, "encoding/trajectory"),
            calibration=_text(root, "encoding/parallelImaging/calibrationMode"),
            field_strength=field,
            protocol=_text(root, "measurementInformation/protocolName"),
        )

    def measured(self, axis: int, size: int) -> slice:
        """Which places of `size` along the phase encoding (1) or the partitions (2) are measured, the rest is padding.

        All if nothing says so.
        """
        limits = self.limits[axis - 1]
        if self.encoded is None or limits.centre is None or limits.last is None:
            return slice(0, size)
        begin = self.encoded.matrix[axis] // 2 - limits.centre
        places = slice(begin + (limits.first or 0), begin + limits.last + 1)
        return places if 0 <= places.start < places.stop <= size else slice(0, size)

    @property
    def matrix(self) -> tuple[int, int] | None:
        """(rows, columns) of the output image of a 2-D scan; see `volume`."""
        return None if self.volume is None else self.volume[:2]

    @property
    def volume(self) -> tuple[int, int, int] | None:
        """(readout, phase, partitions) of the output: the reconstructed field of view in encoded pixels.

        The header's own matrix has that size unless the scanner interpolated. None if the header has neither space.
        """
        space = self.reconstructed or self.encoded
        if space is None:
            return None
        x, y, z = (self._pixels(axis, space) for axis in range(3))
        return x, y, z

    @property
    def notes(self) -> list[str]:
        """A sentence on the output matrix of a 2-D scan where it is not the header's own."""
        return self.notes_on(2)

    def notes_on(self, axes: int) -> list[str]:
        """A sentence on the output matrix, of so many axes, where it is not the header's own."""
        space, volume = self.reconstructed, self.volume
        if space is None or volume is None or volume[:axes] == space.matrix[:axes]:
            return []
        return [
            f"The header's output matrix of {dimensions(space.matrix[:axes])} has other pixels than the measured ones, "
            f"of which its field of view holds {dimensions(volume[:axes])}."
        ]

    def _pixels(self, axis: int, space: Space) -> int:
        """How many encoded pixels lie in a space along an axis; its own number where that is the same or not known."""
        declared, extent = space.matrix[axis], space.field_of_view[axis]
        if self.encoded is None or min(extent, self.encoded.field_of_view[axis]) <= 0:
            return declared
        exact = extent / self.encoded.field_of_view[axis] * self.encoded.matrix[axis]
        same = not math.isfinite(exact) or abs(exact - declared) <= _SAME * declared
        return declared if same else max(1, round(exact))

    @property
    def voxel(self) -> tuple[float, float, float] | None:
        """(row, column, slice) size in mm, that of the encoded space, which a crop does not change."""
        encoded, reconstructed = self.encoded, self.reconstructed or self.encoded
        if encoded is None or reconstructed is None:
            return None
        row, column = (encoded.field_of_view[axis] / encoded.matrix[axis] for axis in (0, 1))
        thickness = reconstructed.field_of_view[2] / reconstructed.matrix[2]
        return (row, column, thickness) if min(row, column, thickness) > 0 else None

    @property
    def volume_voxel(self) -> tuple[float, float, float] | None:
        """(line, partition, readout) size in mm of a 3-D scan, that of the encoded space."""
        if self.encoded is None or min(self.encoded.field_of_view) <= 0:
            return None
        x, y, z = (extent / size for extent, size in zip(self.encoded.field_of_view, self.encoded.matrix, strict=True))
        return y, z, x


def stored_xml(dataset: Any) -> Any:
    """The text of a header in an HDF5 file, which holds it as one value or as the first of several; b"" without one."""
    return next(iter(np.asarray(values(dataset)).ravel()), b"")


def _find_all(root: ElementTree.Element, path: str) -> list[ElementTree.Element]:
    """The elements at a path, whatever their namespace."""
    elements = [root]
    for part in path.split("/"):
        elements = [child for element in elements for child in element if child.tag.rpartition("}")[2] == part]
    return elements


def _text(root: ElementTree.Element, path: str) -> str | None:
    element = next(iter(_find_all(root, path)), None)
    return element.text.strip() if element is not None and element.text else None


def _number(root: ElementTree.Element, path: str) -> float | None:
    """The number at a path; None for one that is missing, no number, or infinite."""
    try:
        number = float(_text(root, path) or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _parameter(root: ElementTree.Element, name: str) -> int | None:
    """A whole number among the parameters that a scanner's converter has added."""
    for element in _find_all(root, "userParameters/userParameterLong"):
        if _text(element, "name") == name:
            return _whole(element, "value")
    return None


def _whole(root: ElementTree.Element, path: str) -> int | None:
    number = _number(root, path)
    return None if number is None else round(number)


def _limits(root: ElementTree.Element, axis: int) -> Limits:
    path = f"encoding/encodingLimits/kspace_encoding_step_{axis}"
    first, last, centre = (_whole(root, f"{path}/{name}") for name in ("minimum", "maximum", "center"))
    return Limits(first=first, last=last, centre=centre)


def _space(root: ElementTree.Element, path: str) -> Space | None:
    x, y, z = (_whole(root, f"{path}/matrixSize/{axis}") or 0 for axis in "xyz")
    width, height, depth = (_number(root, f"{path}/fieldOfView_mm/{axis}") or 0.0 for axis in "xyz")
    return Space(matrix=(x, y, z), field_of_view=(width, height, depth)) if min(x, y, z) > 0 else None
