"""A volume written as DICOM in the planes that scanners use comes back turned as the patient lies."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.simulation import dicom

Writer = Callable[..., list[Path]]

SIZE = (14, 18, 10)  # right, anterior, superior


@pytest.fixture
def head() -> NDArray[np.uint16]:
    """(right, anterior, superior), different along each axis and direction."""
    x, y, z = np.meshgrid(*(np.linspace(0.3, 1, n) for n in SIZE), indexing="ij")
    return np.round(1000 * x * y**2 * z**3 + 20).astype(np.uint16)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_series_is_turned_to_the_patient(
    head: NDArray[np.uint16], plane: str, tmp_path: Path, write_dicom: Writer
) -> None:
    (series,) = dicom.find_series(write_dicom(tmp_path, head, plane))
    volume = dicom.load_series(series)
    assert volume.voxel == pytest.approx((1, 2, 3))
    assert volume.data.shape == SIZE
    inside = volume.data > 0.5 * volume.data.max()
    ratio = volume.data[inside] / head[inside]
    assert inside.sum() > 20
    assert ratio.std() / ratio.mean() < 0.01


def test_series_are_told_apart_and_small_ones_left_out(
    head: NDArray[np.uint16], tmp_path: Path, write_dicom: Writer
) -> None:
    for name in ("a", "b", "localizer"):
        (tmp_path / name).mkdir()
    one, other = write_dicom(tmp_path / "a", head, "axial"), write_dicom(tmp_path / "b", head, "coronal")
    few = write_dicom(tmp_path / "localizer", head, "axial")[:3]
    assert sorted(dicom.find_series([*other, *few, *one])) == [one, other]


def test_what_is_wrong_with_a_series_is_said(head: NDArray[np.uint16], tmp_path: Path, write_dicom: Writer) -> None:
    paths = write_dicom(tmp_path, head, "axial")
    with pytest.raises(FileFormatError, match="several images at one place"):
        dicom.load_series([*paths, paths[0]])
    paths[0].write_bytes(paths[0].read_bytes()[:-80])
    with pytest.raises(FileFormatError, match="the pixels of .* cannot be read"):
        dicom.load_series(paths)
    text = tmp_path / "text"
    text.write_text("DICM")
    assert not dicom.is_dicom(text)
    assert dicom.is_dicom(paths[1])


def test_without_pydicom_it_says_what_to_install(
    head: NDArray[np.uint16], tmp_path: Path, write_dicom: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_dicom(tmp_path, head, "axial")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match=r"pip install 'napari-recon-robust\[dicom\]'"):
        dicom.find_series(paths)
