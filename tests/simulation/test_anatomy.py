"""Volumes, their orientation, and what makes an image as rough as life."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.random import default_rng

from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.simulation import anatomy
from napari_recon_robust.simulation.anatomy import Volume


@pytest.fixture
def marked() -> Volume:
    """A bright box with three brighter marks: at the right, at the front, at the top."""
    data = np.zeros((40, 50, 60), np.float32)
    data[5:35, 5:45, 5:55] = 0.5
    data[30:35, 23:27, 28:32] = data[18:22, 40:45, 28:32] = data[18:22, 23:27, 50:55] = 1
    return anatomy.volume(data, (1.0, 1.0, 1.0))


def test_slices_are_seen_as_a_radiologist_does(marked: Volume) -> None:
    axial, _ = marked.slice("axial", 30)
    assert axial.shape == (50, 40)
    assert axial[24, 4:10].max() > axial[24, 30:].max(), "the patient's right is on the left"
    assert axial[5:10, 20].max() > axial[40:45, 20].max(), "the front is up"
    coronal, _ = marked.slice("coronal", 25)
    assert coronal.shape == (60, 40)
    assert coronal[5:10, 20].max() > coronal[50:55, 20].max(), "the top is up"


def test_air_is_set_to_zero_and_the_head_is_kept(marked: Volume) -> None:
    noise = np.abs(default_rng(0).normal(0, 0.03, marked.data.shape)).astype(np.float32)
    cleaned = anatomy.volume(np.maximum(marked.data, noise), marked.voxel).data
    assert cleaned[0].max() < 1e-3 < noise[0].max()
    inside = (slice(8, 32), slice(8, 42), slice(8, 52))
    np.testing.assert_allclose(cleaned[inside], marked.data[inside], rtol=0.02)


def test_an_infinite_voxel_counts_for_nothing_and_a_far_too_large_one_is_refused(marked: Volume) -> None:
    spoilt = marked.data.copy()
    spoilt[0, 0, 0] = np.inf
    np.testing.assert_allclose(
        anatomy.volume(spoilt, marked.voxel).data, anatomy.volume(marked.data, marked.voxel).data
    )
    spoilt[0, 0, 0] = 1e30
    with pytest.raises(ValueError, match="set them to 0"):
        anatomy.volume(spoilt, marked.voxel)


def test_coarse_slices_average_what_lies_between_their_pixels() -> None:
    data = 0.5 + default_rng(0).uniform(0, 0.5, (96, 96, 3)).astype(np.float32)
    volume = Volume(data, (1.0, 1.0, 1.0))
    (fine,) = anatomy.slices(volume, "axial", 1, (96, 96), fill=1.0)
    (coarse,) = anatomy.slices(volume, "axial", 1, (32, 32), fill=1.0)
    assert coarse[8:24, 8:24].std() < 0.5 * fine[24:72, 24:72].std()


def test_a_file_in_another_orientation_gives_the_same_volume(marked: Volume, tmp_path: Path) -> None:
    expected = anatomy.volume(marked.data, marked.voxel).data
    for name, data, affine in (
        ("ras.nii.gz", marked.data, np.diag([1, 1.0, 1, 1])),
        ("las.nii", marked.data[::-1], np.diag([-1, 1.0, 1, 1])),
        ("one_time.nii", marked.data[..., None], np.eye(4)),
        ("psr.nii", marked.data[:, ::-1].transpose(1, 2, 0), np.eye(4)[[2, 0, 1, 3]] * [[1], [-1], [1], [1]]),
    ):
        nibabel.save(nibabel.Nifti1Image(data, affine), tmp_path / name)
        loaded = anatomy.load_volume(tmp_path / name)
        np.testing.assert_allclose(loaded.data, expected, atol=1e-6)


def test_of_complex_values_the_magnitudes_are_taken_and_one_slice_is_a_thin_volume(tmp_path: Path) -> None:
    values = default_rng(0).random((24, 20, 3)) * np.exp(2j * default_rng(1).random((24, 20, 3)))
    for name, array in (("complex", values), ("plain", np.abs(values)), ("flat", np.abs(values[..., 0]))):
        nibabel.save(nibabel.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0])), tmp_path / f"{name}.nii.gz")
    found = {name: anatomy.load_volume(tmp_path / f"{name}.nii.gz") for name in ("complex", "plain", "flat")}
    np.testing.assert_allclose(found["complex"].data, found["plain"].data, rtol=1e-5)
    assert found["flat"].data.shape == (24, 20, 1)


def test_what_is_no_volume_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.nii").write_text("no image")
    with pytest.raises(FileFormatError, match=r"text\.nii cannot be read as NIfTI"):
        anatomy.load_volume(tmp_path / "text.nii")
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4, 2), np.float32), np.eye(4)), tmp_path / "four.nii")
    with pytest.raises(FileFormatError, match="has 4 axes"):
        anatomy.load_volume(tmp_path / "four.nii")
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.float32), np.eye(4)), tmp_path / "empty.nii")
    with pytest.raises(FileFormatError, match=r"empty\.nii .* no positive values"):
        anatomy.load_volume(tmp_path / "empty.nii")


def test_a_volume_whose_middle_is_empty_counts_as_not_interpolated() -> None:
    data = np.zeros((48, 48, 48), np.float32)
    data[:10, :10, :10] = 1
    assert [anatomy.volume(data, (1, 1, 1)).resolved(axis) for axis in range(3)] == [48, 48, 48]


def test_slices_have_square_pixels_whatever_the_voxels() -> None:
    """A ball stays round, and as large as asked for, when its voxels are twice as high as wide."""
    x, y, z = np.ogrid[-40:40, -40:40, -20:20]
    ball = anatomy.volume((x**2 + y**2 + (2 * z) ** 2 < 30**2).astype(float), (1.0, 1.0, 2.0))
    (image,) = anatomy.slices(ball, "coronal", 1, (100, 120), fill=0.8)
    height, width = ((image > 0.5).any(axis).sum() for axis in (1, 0))
    assert image.shape == (100, 120)
    assert height == pytest.approx(80, abs=4)
    assert width == pytest.approx(80, abs=4)


def test_thick_slices_are_cut_only_in_their_own_plane() -> None:
    assert anatomy.volume(np.ones((8, 8, 4)), (0.75, 0.75, 5.5)).planes == ("axial",)
    assert anatomy.volume(np.ones((8, 8, 8)), (1.0, 0.5, 0.5)).planes == ("axial", "coronal", "sagittal")


def test_thin_volumes_are_cut_only_in_their_own_plane() -> None:
    assert anatomy.volume(np.ones((64, 64, 1)), (1.0, 1.0, 1.0)).planes == ("axial",)
    assert anatomy.volume(np.ones((12, 64, 60)), (1.0, 1.0, 1.0)).planes == ("sagittal",)
    assert anatomy.volume(np.ones((24, 64, 60)), (1.0, 1.0, 1.0)).planes == ("axial", "coronal", "sagittal")
    assert anatomy.volume(np.ones((40, 40, 40)), (2.0, 2.0, 2.0)).planes == ()


@pytest.mark.parametrize("kept", [0.5, 0.65, 0.8])
def test_what_the_scanner_interpolated_is_found(kept: float) -> None:
    """An image with the power spectrum of anatomies, k^-3 summed over lines, zero-filled along its columns."""
    shape = (160, 200, 4)
    frequencies = np.meshgrid(*(np.fft.fftfreq(n) for n in shape[:2]), indexing="ij")
    k = np.hypot(*frequencies)[..., None]
    spectrum = np.fft.fft2(default_rng(0).normal(size=shape), axes=(0, 1)) / np.maximum(k, 1 / 200) ** 2
    whole = Volume(np.fft.ifft2(spectrum, axes=(0, 1)).real.astype(np.float32), (1.0, 1.0, 5.0))
    inside = np.abs(frequencies[1])[..., None] < kept / 2
    filled = Volume(np.fft.ifft2(spectrum * inside, axes=(0, 1)).real.astype(np.float32), (1.0, 1.0, 5.0))
    assert [whole.resolved(axis) for axis in range(3)] == list(shape)
    assert filled.resolved(0) == 160
    assert filled.resolved(1) == pytest.approx(kept * 200, abs=8)


def test_random_slices_differ_and_repeat_with_their_seed(marked: Volume) -> None:
    first, again, other = (anatomy.random_slice(marked, (64, 72), default_rng(seed)) for seed in (0, 0, 1))
    assert first.shape == (64, 72)
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert min(first.min(), other.min()) >= 0


def test_another_contrast_keeps_air_dark_and_values_in_range() -> None:
    image = np.linspace(0, 1.2, 400, dtype=np.float32).reshape(20, 20)
    changed = [anatomy.contrast(image, default_rng(seed)) for seed in range(30)]
    assert all(each[image < 0.02].max() < 0.03 for each in changed)
    assert all(each.min() >= 0 and each.max() < 2 for each in changed)
    falling = sum(
        float(each[image > 0.9].mean()) < float(each[(image > 0.1) & (image < 0.3)].mean()) for each in changed
    )
    assert 3 <= falling <= 20, "some contrasts are inverted, most are not"


def test_roughness_and_softening() -> None:
    rows = np.linspace(1, 3, 100, dtype=np.float32)
    ramp = np.broadcast_to(rows[:, None], (100, 100)).copy()
    assert anatomy.roughness(ramp) == pytest.approx((2 / 99) / 2, rel=1e-4)
    noisy = ramp * default_rng(0).uniform(0.6, 1.4, ramp.shape).astype(np.float32)
    assert anatomy.roughness(noisy) > 0.12
    assert anatomy.roughness(anatomy.soften(noisy, 0.12)) <= 0.12
    assert anatomy.soften(ramp, 0.12) is ramp
    assert anatomy.roughness(np.zeros((5, 5), np.float32)) == 0


def test_the_real_brains_roughness_lies_in_the_range_of_real_brains(shared: Path) -> None:
    import torch

    from napari_recon_robust.physics import fourier
    from napari_recon_robust.physics.model import root_sum_of_squares

    kspace = torch.from_numpy(np.load(shared / "data/kspace/brain_16coil_128x128_full.npy"))
    low, high = anatomy.ROUGHNESS_RANGE
    assert low < anatomy.roughness(root_sum_of_squares(fourier.ifft(kspace)).numpy()) < high


@pytest.mark.thorough
def test_the_held_out_anatomy_gives_slices(shared: Path) -> None:
    volume = anatomy.load_volume(shared / "data/anatomy/brain_t1_b.nii.gz")
    images = list(anatomy.slices(volume, "axial", 3, (128, 128)))
    assert len(images) == 3
    for image in images:
        assert image.dtype == np.float32
        assert 0.15 < (image > 0.15).mean() < 0.7
        assert 0.5 < np.quantile(image, 0.99) < 1.5
