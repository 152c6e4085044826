"""Files in the layout of CMRxRecon, as MATLAB 7.3 writes complex arrays."""

import h5py
import numpy as np
import pytest

from napari_recon_robust.io import open_scan


def write(path, key, array):
    """As MATLAB does: pairs of numbers in an HDF5 file behind a block of text."""
    pairs = np.empty(array.shape, [("real", "f4"), ("imag", "f4")])
    pairs["real"], pairs["imag"] = array.real, array.imag
    with h5py.File(path, "w", userblock_size=512) as file:
        file[key] = pairs
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
        assert (scan.header.slices, scan.header.coils, scan.header.notes) == (4, 5, ())
        np.testing.assert_array_equal(scan.kspace(2).numpy(), frames[0, 2])
    single = frames[:, :, 0].swapaxes(-1, -2)
    with open_scan(write(tmp_path / "single.mat", "kspace_single_full", single)) as scan:
        assert (scan.header.slices, scan.header.coils) == (12, 1)
        np.testing.assert_array_equal(scan.kspace(4).numpy(), frames[1, 1, :1])
