"""Files in the layout of Calgary-Campinas: readout transformed, coils' parts in turn, origin at the first pixel."""

import h5py
import numpy as np
import pytest

from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.io import open_scan

AXES = (-3, -2)


@pytest.fixture
def images():
    """Coil images (slices, lines, partitions, coils) of a smooth object in the middle of the field of view."""
    y, z = np.meshgrid(np.linspace(-1, 1, 22, endpoint=False), np.linspace(-1, 1, 18, endpoint=False), indexing="ij")
    object = ((1.5 * y - 0.2) ** 2 + z**2 < 0.6) * (1 + 0.5 * y)
    turns = np.exp(2j * np.pi * np.arange(12) / 12)
    coils = 1 + 0.4 * (y[..., None] * turns + z[..., None] * turns**2)
    return np.stack([(1 + number) * object[..., None] * coils for number in range(3)])


def written(path, images):
    """As the challenge stores it: the image is np.fft.ifft2 of k-space whose centre was shifted to the middle."""
    kspace = np.fft.fftshift(np.fft.fft2(images, axes=AXES, norm="ortho"), axes=AXES)
    parts = np.stack([kspace.real, kspace.imag], -1).reshape(*kspace.shape[:-1], -1)
    with h5py.File(path, "w") as file:
        file["kspace"] = parts.astype(np.float32)
    return kspace


@pytest.mark.parametrize("lines", [22, 21], ids=["even", "odd"])
def test_images_lie_where_the_challenge_shows_them(tmp_path, images, lines):
    images = images[:, :lines]
    kspace = written(tmp_path / "e14089s3.h5", images)
    kspace[..., 16:, :] = 0
    expected = np.fft.ifft2(np.fft.ifftshift(kspace, axes=AXES), axes=AXES, norm="ortho")
    with open_scan(tmp_path / "e14089s3.h5") as scan:
        facts = scan.header
        assert (facts.slices, facts.coils, facts.readout, facts.phase) == (3, 12, lines, 18)
        assert facts.notes == (
            "Of 18 partitions the first 16 count as measured, as in the Calgary-Campinas challenge.",
        )
        assert scan.fully_sampled
        assert scan.acquired[0].tolist() == 16 * [True] + 2 * [False]
        for number in range(3):
            rss = scan.measurement(number).reference("rss").numpy()
            np.testing.assert_allclose(rss, np.linalg.norm(expected[number], axis=-1), atol=1e-5)


def test_undersampled_files_of_the_test_set(tmp_path, images):
    points = np.random.default_rng(0).uniform(size=(22, 18)) < 0.6
    points[8:14, 6:12] = True
    kspace = np.fft.fftshift(np.fft.fft2(images, axes=AXES, norm="ortho"), axes=AXES) * points[..., None]
    with h5py.File(tmp_path / "test.h5", "w") as file:
        file["kspace"] = np.stack([kspace.real, kspace.imag], -1).reshape(*kspace.shape[:-1], -1).astype(np.float32)
    points[:, 16:] = False
    with open_scan(tmp_path / "test.h5") as scan:
        assert not scan.fully_sampled
        np.testing.assert_array_equal(scan.acquired.numpy(), points)
        assert scan.measurement(1).acquired[0].tolist() == 16 * [True] + 2 * [False]


def test_an_empty_file(tmp_path):
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file["kspace"] = np.zeros((0, 22, 18, 24), np.float32)
    with pytest.raises(FileFormatError, match="is empty, of shape 0×22×18×24"):
        open_scan(tmp_path / "empty.h5")


def test_the_real_part_of_64_columns_in_a_file_of_its_own_key_is_no_k_space_of_32_coils(tmp_path):
    with h5py.File(tmp_path / "parts.h5", "w") as file:
        file["kspace_real"] = file["kspace_imag"] = np.ones((2, 4, 32, 64), np.float32)
    with pytest.raises(FileFormatError, match="an HDF5 file with kspace_imag, kspace_real; expected"):
        open_scan(tmp_path / "parts.h5")
