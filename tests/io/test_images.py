from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import torch
from skimage.io import imread

from napari_recon_robust.errors import InputError
from napari_recon_robust.io.images import write_image

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


def test_png_is_the_windowed_magnitude(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", IMAGE)
    picture = imread(tmp_path / "a.png").astype(float)
    expected = IMAGE.abs().numpy() / np.percentile(IMAGE.abs().numpy(), 99.9)
    np.testing.assert_allclose(picture / 255, np.clip(expected, 0, 1), atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(("name", "cause"), [("a.tiff", "suffix"), ("missing/a.npy", "folder")])
def test_a_name_that_cannot_be_written_is_refused(tmp_path: Path, name: str, cause: str) -> None:
    with pytest.raises(InputError, match=cause):
        write_image(tmp_path / name, IMAGE)
