"""A volume written as DICOM in the planes that scanners use comes back turned as the patient lies."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_recon_robust.errors import FileFormatError, InputError
from napari_recon_robust.io import dicom

pydicom = pytest.importorskip("pydicom")

SIZE = (14, 18, 10)  # right, anterior, superior
# Row and column direction of the images in the patient's (left, posterior, superior).
PLANES = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}


@pytest.fixture
def head() -> NDArray[np.uint16]:
    """(right, anterior, superior), different along each axis and direction."""
    x, y, z = np.meshgrid(*(np.linspace(0.3, 1, n) for n in SIZE), indexing="ij")
    return np.round(1000 * x * y**2 * z**3 + 20).astype(np.uint16)


def write(folder: Path, head: NDArray[np.uint16], plane: str) -> list[Path]:
    """Each slice as an image, in an order of its own; voxels of 1, 2 and 3 mm."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    along, down = (np.array(direction) for direction in PLANES[plane])
    spacing = np.array([1.0, 2.0, 3.0])
    flipped = head[::-1, ::-1]  # index 0 is the leftmost, hindmost, lowest voxel in (left, posterior, superior)
    axis = int(np.argmax(np.abs(np.cross(along, down))))
    series, paths = generate_uid(), []
    for n in range(head.shape[axis]):
        section = np.take(flipped, n, axis)
        corner = np.zeros(3)
        corner[axis] = n * spacing[axis]
        rest = [a for a in range(3) if a != axis]
        for direction in (along, down):
            which = int(np.argmax(np.abs(direction)))
            if direction[which] < 0:
                section = np.flip(section, rest.index(which))
                corner[which] = (head.shape[which] - 1) * spacing[which]
        rows_first = section.T if rest.index(int(np.argmax(np.abs(down)))) == 1 else section
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = MRImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid()
        path = folder / f"{(7 * n) % 31:02d}.dcm"
        image = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        image.SeriesInstanceUID, image.Modality = series, "MR"
        image.ImageOrientationPatient = [*map(float, along), *map(float, down)]
        image.ImagePositionPatient = [*map(float, corner)]
        image.PixelSpacing = [float(spacing[int(np.argmax(np.abs(d)))]) for d in (down, along)]
        image.Rows, image.Columns = rows_first.shape
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
        image.RescaleSlope, image.RescaleIntercept = 2, 0
        image.PixelData = np.ascontiguousarray(rows_first).tobytes()
        pydicom.dcmwrite(path, image, enforce_file_format=True)
        paths.append(path)
    return sorted(paths)


@pytest.mark.parametrize("plane", PLANES)
def test_a_series_is_turned_to_the_patient(head: NDArray[np.uint16], plane: str, tmp_path: Path) -> None:
    (series,) = dicom.find_series(write(tmp_path, head, plane))
    volume = dicom.load_series(series)
    assert volume.voxel == pytest.approx((1, 2, 3))
    assert volume.data.shape == SIZE
    inside = volume.data > 0.5 * volume.data.max()
    ratio = volume.data[inside] / head[inside]
    assert inside.sum() > 20
    assert ratio.std() / ratio.mean() < 0.01


def test_series_are_told_apart_and_small_ones_left_out(head: NDArray[np.uint16], tmp_path: Path) -> None:
    for name in ("a", "b", "localizer"):
        (tmp_path / name).mkdir()
    one, other = write(tmp_path / "a", head, "axial"), write(tmp_path / "b", head, "coronal")
    few = write(tmp_path / "localizer", head, "axial")[:3]
    assert sorted(dicom.find_series([*other, *few, *one])) == [one, other]


def test_what_is_wrong_with_a_series_is_said(head: NDArray[np.uint16], tmp_path: Path) -> None:
    paths = write(tmp_path, head, "axial")
    with pytest.raises(FileFormatError, match="several images at one place"):
        dicom.load_series([*paths, paths[0]])
    paths[0].write_bytes(paths[0].read_bytes()[:-80])
    with pytest.raises(FileFormatError, match="cannot be decoded"):
        dicom.load_series(paths)
    text = tmp_path / "text"
    text.write_text("DICM")
    assert not dicom.is_dicom(text)
    assert dicom.is_dicom(paths[1])


def test_without_pydicom_it_says_what_to_install(
    head: NDArray[np.uint16], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write(tmp_path, head, "axial")
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(InputError, match=r"pip install 'napari-recon-robust\[dicom\]'"):
        dicom.find_series(paths)
