"""Files in the layout of SKM-TEA: readout transformed, two echoes, coils last."""

import h5py
import numpy as np
import pytest

from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.io import open_scan


def test_slices_of_the_first_echo(tmp_path, kspace):
    """`kspace` is (slices, coils, lines, partitions); its first and last lines are padding."""
    padded = kspace.copy()
    padded[:, :, :5] = padded[:, :, -5:] = 0
    echoes = np.stack([padded, 3 * padded], 1)  # (slices, echoes, coils, lines, partitions)
    with h5py.File(tmp_path / "MTR_001.h5", "w") as file:
        file["kspace"] = echoes.transpose(0, 3, 4, 1, 2)
        file["target"] = np.ones((4, 48, 20, 2, 1), np.complex64)
    with open_scan(tmp_path / "MTR_001.h5") as scan:
        facts = scan.header
        assert (facts.format, facts.slices, facts.coils) == ("SKM-TEA", 4, 5)
        assert (facts.readout, facts.phase, facts.matrix) == (48, 20, (48, 20))
        assert facts.notes == ("Of 2 echoes the first is used.",)
        assert scan.fully_sampled
        for number in range(4):
            np.testing.assert_array_equal(scan.kspace(number).numpy(), padded[number])


def test_five_other_axes_are_not_taken_for_it(tmp_path):
    """Frames, slices, coils, readout and phase became 24 coils of 2 x 5 points."""
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"] = np.ones((3, 2, 5, 32, 24), np.complex64)
    with pytest.raises(FileFormatError, match=r"complex64 of shape 3×2×5×32×24; complex numbers \(slices, coils"):
        open_scan(tmp_path / "scan.h5")
