from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import torch
from skimage.io import imread, imsave

from napari_recon_robust.data.orientation import FIRST_ROW_BELOW, Directions, Plane, Turn
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.io.images import VOLUME_SUFFIXES, read_image, write_image, write_volume

IMAGE = torch.complex(torch.rand(6, 5) * 1e-5, torch.rand(6, 5) * 1e-5)


def test_numpy_and_hdf5_keep_the_complex_values(tmp_path: Path) -> None:
    write_image(tmp_path / "a.npy", IMAGE)
    write_image(tmp_path / "a.h5", IMAGE)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), IMAGE.numpy())
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["image"][:], IMAGE.numpy())
        np.testing.assert_allclose(file["magnitude"][:], IMAGE.abs().numpy(), rtol=1e-6)


def test_nifti_has_the_voxel_size_of_rows_and_columns(tmp_path: Path) -> None:
    write_image(tmp_path / "a.nii.gz", IMAGE, voxel=(0.5, 0.7, 5.0))
    stored = nibabel.load(tmp_path / "a.nii.gz")
    assert stored.header.get_zooms() == pytest.approx((0.7, 0.5, 5.0))
    np.testing.assert_allclose(np.asarray(stored.dataobj)[..., 0].T, IMAGE.abs().numpy(), rtol=1e-6)


def test_nifti_claims_no_orientation_that_is_not_known(tmp_path: Path) -> None:
    write_image(tmp_path / "a.nii.gz", IMAGE, voxel=(0.5, 0.7, 5.0))
    header = nibabel.load(tmp_path / "a.nii.gz").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (0, 0)
    plane = Plane(directions=Directions(row=(0, 1, 0), column=(1, 0, 0)), first=(-10.0, 4.0, 6.0))
    write_image(tmp_path / "b.nii.gz", IMAGE, (0.5, 0.7, 5.0), plane)
    stored = nibabel.load(tmp_path / "b.nii.gz")
    assert nibabel.aff2axcodes(stored.affine) == ("L", "P", "S")
    np.testing.assert_allclose(stored.affine[:3, 3], (10.0, -4.0, 6.0))
    assert (int(stored.header["sform_code"]), int(stored.header["qform_code"])) == (1, 1)


def stacked(step: tuple[float, float, float], slices: int = 3) -> list[Plane]:
    """Planes that are tilted about x by 30°, each a step from the one before."""
    directions = Directions(row=(0, 3**0.5 / 2, 0.5), column=(1, 0, 0))
    firsts = [tuple(np.array((-10.0, 4.0, 6.0)) + n * np.array(step)) for n in range(slices)]
    return [Plane(directions=directions, first=first) for first in firsts]


@pytest.mark.parametrize("step", [(0, -2.5, 2.5 * 3**0.5), (0, 2.5, -2.5 * 3**0.5), (0.0, 0.0, 6.0)])
def test_a_volume_lies_where_its_slices_do(tmp_path: Path, step: tuple[float, float, float]) -> None:
    """Whichever way the slices were taken, apart by more than their thickness, and not along their normal either."""
    planes, voxel = stacked(step), (0.5, 0.7, 4.0)
    images = torch.stack([(n + 1) * IMAGE for n in range(3)])
    write_volume(tmp_path / "all.nii.gz", images, voxel, planes)
    whole = nibabel.load(tmp_path / "all.nii.gz")
    assert whole.shape == (5, 6, 3)
    for slice, plane in enumerate(planes):
        write_image(tmp_path / "one.nii.gz", images[slice], voxel, plane)
        one = nibabel.load(tmp_path / "one.nii.gz")
        np.testing.assert_array_equal(np.asarray(whole.dataobj)[..., slice], np.asarray(one.dataobj)[..., 0])
        for column, row in ((0, 0), (4, 0), (2, 5)):
            there = whole.affine @ (column, row, slice, 1)
            np.testing.assert_allclose(there, one.affine @ (column, row, 0, 1), atol=1e-4)
    assert int(whole.header["sform_code"]) == 1
    assert whole.header.get_zooms()[2] == pytest.approx(np.linalg.norm(step), rel=1e-5)


def test_slices_that_are_unevenly_apart_have_directions_and_no_place(tmp_path: Path) -> None:
    planes = stacked((0, 0, 5.0))
    planes[2] = planes[2].model_copy(update={"first": (-10.0, 4.0, 40.0)})
    write_volume(tmp_path / "a.nii.gz", IMAGE.expand(3, 6, 5), (0.5, 0.7, 4.0), planes)
    stored = nibabel.load(tmp_path / "a.nii.gz")
    assert int(stored.header["sform_code"]) == 2
    assert stored.header.get_zooms() == pytest.approx((0.7, 0.5, 4.0))
    write_volume(tmp_path / "b.nii.gz", IMAGE.expand(3, 6, 5), (0.5, 0.7, 4.0), [None] * 3)
    assert int(nibabel.load(tmp_path / "b.nii.gz").header["sform_code"]) == 0


def test_a_volume_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=", ".join(VOLUME_SUFFIXES)):
        write_volume(tmp_path / "a.png", IMAGE.expand(3, 6, 5))


def test_png_is_the_windowed_magnitude(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", IMAGE)
    picture = imread(tmp_path / "a.png").astype(float)
    expected = IMAGE.abs().numpy() / np.percentile(IMAGE.abs().numpy(), 99.9)
    np.testing.assert_allclose(picture / 255, np.clip(expected, 0, 1), atol=0.5 / 255 + 1e-6)


def test_a_picture_shows_the_image_as_it_is_seen_and_is_read_as_they_are_stored(tmp_path: Path) -> None:
    write_image(tmp_path / "stored.png", IMAGE)
    expected = read_image(tmp_path / "stored.png")
    for turn in (FIRST_ROW_BELOW, Turn(quarters=1)):
        write_image(tmp_path / "seen.png", IMAGE, turn=turn)
        np.testing.assert_array_equal(imread(tmp_path / "seen.png"), turn.shown(imread(tmp_path / "stored.png")))
        torch.testing.assert_close(read_image(tmp_path / "seen.png", turn=turn), expected)
        write_image(tmp_path / "a.npy", IMAGE, turn=turn)
        torch.testing.assert_close(read_image(tmp_path / "a.npy", turn=turn), IMAGE.abs())


@pytest.mark.parametrize(
    ("name", "cause"), [("a.tiff", "suffix"), ("file/a.npy", "a file is in the place of its folder")]
)
def test_a_name_that_cannot_be_written_is_refused(tmp_path: Path, name: str, cause: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=cause):
        write_image(tmp_path / name, IMAGE)


@pytest.mark.parametrize("name", ["a.npy", "a.h5", "a.nii.gz", "a.nii"])
def test_what_was_written_is_read_again(tmp_path: Path, name: str) -> None:
    written = tmp_path / name.replace(".nii", ".nii.gz").replace(".gz.gz", ".gz")
    write_image(written, IMAGE)
    if name == "a.nii":
        nibabel.save(nibabel.load(written), tmp_path / name)
    image = read_image(tmp_path / name)
    assert image.dtype == torch.float32
    torch.testing.assert_close(image, IMAGE.abs())


def test_a_picture_is_read_as_its_grey_values(tmp_path: Path) -> None:
    grey = np.array([[0, 255, 51], [102, 204, 0]], np.uint8)
    opaque = grey * 0 + 255
    kinds = [grey], [grey, grey, grey], [grey, grey, grey, opaque], [grey, opaque]
    for name, kind in zip("abcd", kinds, strict=True):
        pixels = np.squeeze(np.stack(kind, -1))
        imsave(tmp_path / f"{name}.png", pixels, check_contrast=False)
        np.testing.assert_allclose(read_image(tmp_path / f"{name}.png").numpy(), grey / 255, atol=1e-6)


@pytest.mark.parametrize("name", ["a.npy", "a.h5", "a.nii.gz", "a.png"])
def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"neither this nor that")
    with pytest.raises(FileFormatError, match=f"{name} cannot be read"):
        read_image(tmp_path / name)


def test_what_is_not_one_image_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "stack.npy", np.zeros((3, 4, 5)))
    np.save(tmp_path / "words.npy", np.array([["a", "b"]]))
    for name in ("stack.npy", "words.npy"):
        with pytest.raises(InputError, match="give a single image"):
            read_image(tmp_path / name)
    with pytest.raises(InputError, match="is no image"):
        read_image(tmp_path / "a.tiff")
