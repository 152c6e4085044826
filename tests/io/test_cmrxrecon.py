"""Files in the layout of CMRxRecon, as MATLAB 7.3 writes complex arrays."""

import h5py
import numpy as np
import pytest

from napari_recon_robust.io import open_scan


def write(path, key, array, matlab=True):
    """As MATLAB does: pairs of numbers, with their class, in an HDF5 file behind a block of text."""
    pairs = np.empty(array.shape, [("real", "f4"), ("imag", "f4")])
    pairs["real"], pairs["imag"] = array.real, array.imag
    with h5py.File(path, "w", userblock_size=512) as file:
        file[key] = pairs
        if matlab:
            file[key].attrs["MATLAB_class"] = np.bytes_("single")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(128))
    return path


@pytest.fixture
def frames(kspace):
    """Three frames of four slices: (frames, slices, coils, readout, phase)."""
    return np.stack([kspace, 2 * kspace, 1j * kspace])


def test_the_frames_of_a_slice_follow_one_another(tmp_path, frames):
    with open_scan(write(tmp_path / "cine_sax.mat", "kspace_full", frames.swapaxes(-1, -2))) as scan:
        facts = scan.header
        assert (facts.slices, facts.coils, facts.readout, facts.phase) == (12, 5, 48, 20)
        assert facts.notes == ("3 frames of 4 slices: those of a slice follow one another.",)
        for slice in range(4):
            for frame in range(3):
                np.testing.assert_array_equal(scan.kspace(3 * slice + frame).numpy(), frames[frame, slice])


@pytest.mark.parametrize("key", ["kspace_sub04", "kus"])
def test_lines_that_were_left_out(tmp_path, frames, key):
    kept = np.arange(20) % 4 == 0
    kept[7:13] = True
    path = write(tmp_path / "cine_lax.mat", key, (frames * kept).swapaxes(-1, -2))
    with open_scan(path) as scan:
        assert scan.acquired.tolist() == [kept.tolist()]
        assert not scan.fully_sampled


def test_without_frames_and_without_coils(tmp_path, frames):
    slices = frames[0].swapaxes(-1, -2)
    with open_scan(write(tmp_path / "blackblood.mat", "kspace", slices)) as scan:
        assert (scan.header.slices, scan.header.coils) == (4, 5)
        np.testing.assert_array_equal(scan.kspace(2).numpy(), frames[0, 2])
    single = frames[:, :, 0].swapaxes(-1, -2)
    with open_scan(write(tmp_path / "single.mat", "kspace_single_full", single)) as scan:
        assert (scan.header.slices, scan.header.coils) == (12, 1)
        np.testing.assert_array_equal(scan.kspace(4).numpy(), frames[1, 1, :1])


@pytest.mark.parametrize(
    ("key", "matlab", "said"),
    [
        ("kspace", True, "The axes of 48 x 20 x 5 x 4 are taken as readout, phase, coil, slice, as CMRxRecon has them"),
        (
            "kspace",
            False,
            "The axes of 4 x 5 x 20 x 48 are taken as slice, coil, phase, readout, as CMRxRecon has them",
        ),
    ],
)
def test_axes_that_may_be_others_are_told_in_the_order_in_which_they_are_named(tmp_path, kspace, key, matlab, said):
    path = write(tmp_path / "own.mat", key, kspace.swapaxes(-1, -2), matlab)
    with open_scan(path) as scan:
        assert scan.header.notes == (f"{said}; name them (axes) if that is wrong.",)
    names = said.partition(" are taken as ")[2].partition(", as CMRxRecon")[0].split(", ")
    with open_scan(path, axes=names) as scan:
        np.testing.assert_allclose(scan.kspace(2).numpy(), kspace[2], rtol=1e-6)


def test_frames_without_a_sign_of_matlab_are_told(tmp_path, frames):
    with open_scan(write(tmp_path / "cine.mat", "kspace_full", frames.swapaxes(-1, -2), matlab=False)) as scan:
        assert scan.header.notes[1].startswith(
            "The axes of 3 x 4 x 5 x 20 x 48 are taken as frame, slice, coil, phase, readout, as CMRxRecon has them;"
        )


def test_pairs_beside_a_mask_are_of_fastmri(tmp_path, kspace):
    """CMRxRecon has its masks in files of their own."""
    mask = np.arange(20) % 2 == 0
    path = write(tmp_path / "test.h5", "kspace", kspace * mask, matlab=False)
    with h5py.File(path, "r+") as file:
        file["mask"] = mask
    with open_scan(path) as scan:
        assert (scan.header.format, scan.header.readout, scan.header.phase) == ("fastMRI HDF5", 48, 20)
        assert scan.acquired[0].tolist() == mask.tolist()


@pytest.mark.parametrize(("key", "single"), [("kspace", False), ("kspace_full", False), ("kspace_single_full", True)])
def test_a_mask_beside_what_fastmri_cannot_have_is_told_and_not_used(tmp_path, frames, key, single):
    kept = np.arange(20) % 2 == 0
    stored = (frames * kept)[:, :, 0] if single else frames * kept
    path = write(tmp_path / "cine.mat", key, stored.swapaxes(-1, -2))
    with h5py.File(path, "r+") as file:
        file["mask"] = np.ones((20, 48))
    with open_scan(path) as scan:
        assert (scan.header.format, scan.header.slices) == ("CMRxRecon", 12)
        assert scan.acquired[0].tolist() == kept.tolist()
        assert "The file's `mask` is not used: what is zero was not sampled." in scan.header.notes


def test_more_coils_than_samples_are_an_axis_of_the_image(tmp_path, kspace):
    """MATLAB's (slices, coils, readout, phase) would be 20 slices of 96 coils."""
    wide = kspace.repeat(2, axis=2)
    with open_scan(write(tmp_path / "own.mat", "kspace", wide.T)) as scan:
        facts = scan.header
        assert (facts.format, facts.slices, facts.coils, facts.readout, facts.phase) == ("HDF5", 4, 5, 96, 20)
        np.testing.assert_array_equal(scan.kspace(2).numpy(), wide[2])
