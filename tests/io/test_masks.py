from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_recon_robust.ground.errors import FileFormatError, PackageWarning
from napari_recon_robust.io.masks import read_mask


def test_lines_and_points_are_read_from_both_formats(tmp_path: Path) -> None:
    lines = np.array([1, 0, 1, 1], np.uint8)
    points = np.eye(4, 3, dtype=bool)
    np.save(tmp_path / "points.npy", points)
    with h5py.File(tmp_path / "test.h5", "w") as file:
        file["mask"] = lines
    np.testing.assert_array_equal(read_mask(tmp_path / "points.npy").numpy(), points)
    np.testing.assert_array_equal(read_mask(tmp_path / "test.h5").numpy(), lines[None].astype(bool))


@pytest.mark.parametrize("shape", [(1, 4, 1), (1, 1, 4, 1)])
def test_lines_with_the_further_axes_of_fastmri_are_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    lines = np.array([True, False, True, True])
    np.save(tmp_path / "lines.npy", lines.reshape(shape))
    np.testing.assert_array_equal(read_mask(tmp_path / "lines.npy").numpy(), lines[None])


@pytest.mark.parametrize("shape", [(5, 5), (1, 5), (5, 1)])
def test_a_mask_from_matlab_has_its_axes_as_matlab_has_them(tmp_path: Path, shape: tuple[int, int]) -> None:
    """MATLAB stores them the other way round; the mask of a square matrix went across the lines."""
    mask = np.zeros(shape, bool)
    mask.flat[[1, 3]] = True
    with h5py.File(tmp_path / "mask.mat", "w") as file:
        stored = file.create_dataset("mask", data=mask.T.astype(np.uint8))
        stored.attrs["MATLAB_class"] = np.bytes_("logical")
    expected = mask if min(shape) > 1 else mask.reshape(1, -1)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.mat").numpy(), expected)


def test_other_files_are_refused_with_what_came(tmp_path: Path) -> None:
    np.save(tmp_path / "volume.npy", np.ones((2, 3, 4)))
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(FileFormatError, match="shape 2×3×4"):
        read_mask(tmp_path / "volume.npy")
    for values in (np.ones(4, complex), np.array(["1", "0"])):
        np.save(tmp_path / "other.npy", values)
        with pytest.raises(FileFormatError, match=f"other.npy is {values.dtype} of shape"):
            read_mask(tmp_path / "other.npy")
    with pytest.raises(FileFormatError, match=r"text.npy cannot be read as a"):
        read_mask(tmp_path / "text.npy")
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"] = np.ones((1, 4))
    with pytest.raises(FileFormatError, match=r"\(it has kspace\); give a .npy array or an HDF5 file with `mask`"):
        read_mask(tmp_path / "scan.h5")


@pytest.mark.parametrize(("values", "words"), [([0.5] * 4, "0.5, .* 4 of 4;"), ([0, 1, -1, 0], "-1, .* 2 of 4;")])
def test_values_that_no_mask_has_are_told(tmp_path: Path, values: list[float], words: str) -> None:
    np.save(tmp_path / "odd.npy", np.array(values))
    with pytest.warns(PackageWarning, match=f"the mask in odd.npy has values such as {words}"):
        read_mask(tmp_path / "odd.npy")


@pytest.mark.filterwarnings("error")
def test_masks_that_were_pictures_need_no_word(tmp_path: Path) -> None:
    np.save(tmp_path / "mask.npy", np.array([0, 255, 255], np.uint8))
    assert read_mask(tmp_path / "mask.npy").tolist() == [[False, True, True]]


def test_values_that_were_never_stored(tmp_path: Path) -> None:
    """3·10⁹ of them, which HDF5 would make up."""
    path = tmp_path / "mask.h5"
    for chunks in (None, (2**20,)):
        with h5py.File(path, "w") as file:
            file.create_dataset("mask", (3_000_000_000,), np.float32, chunks=chunks)
        with pytest.raises(FileFormatError, match="`mask` in mask.h5 declares 12 GB and holds only 0 bytes"):
            read_mask(path)
    with h5py.File(path, "w") as file:
        file["mask"] = h5py.Empty("f")
        file["group/mask"] = [1]
    with pytest.raises(FileFormatError, match="`mask` in mask.h5 holds no values"):
        read_mask(path)
