"""k-space in plain HDF5 files, whose axes the user names."""

import h5py
import numpy as np
import pytest

from napari_recon_robust.data.orientation import AS_STORED
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.io import guessed_axes, lacks_axes, open_scan

AXES = ("slice", "coil", "readout", "phase")


@pytest.mark.parametrize("matlab", [False, True])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 1, 0)])
def test_axes_are_named_as_the_program_has_them_that_wrote_the_file(tmp_path, kspace, matlab, order):
    """MATLAB's first axis is HDF5's last, and its complex numbers are pairs."""
    names, stored = [AXES[axis] for axis in order], kspace.transpose(order)
    path = tmp_path / "mine.mat"
    with h5py.File(path, "w") as file:
        if matlab:
            pairs = np.empty(stored.T.shape, [("real", "<f8"), ("imag", "<f8")])
            pairs["real"], pairs["imag"] = stored.T.real, stored.T.imag
            file["kspace"] = pairs
            file["kspace"].attrs["MATLAB_class"] = np.bytes_("double")
        else:
            file["kspace"] = stored
    with open_scan(path, axes=names) as scan:
        assert (scan.name, scan.header.format, len(scan)) == ("mine.mat", "HDF5", len(kspace))
        assert scan.header.notes == ()
        np.testing.assert_allclose(scan.kspace(2).numpy(), kspace[2], rtol=1e-6)
    with pytest.raises(InputError, match="axes"):
        open_scan(path, axes=names[:2])


def test_axes_that_are_named_as_they_are_taken_turn_no_picture(tmp_path, kspace):
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["kspace"] = kspace
    for axes in (None, AXES):
        with open_scan(tmp_path / "mine.h5", axes=axes) as scan:
            assert scan.header.upright == AS_STORED, "nothing says that fastMRI wrote it"


@pytest.mark.parametrize("order", ["readout,phase,coil", "coil,readout,phase", "phase,readout"])
def test_axes_of_matlab_are_guessed_as_matlab_has_them(tmp_path, kspace, order):
    """They were taken for fastMRI's, turned, so that coils were slices."""
    names = order.split(",")
    slice = dict(zip(AXES[1:], range(3), strict=True))
    stored = (kspace[1] if len(names) == 3 else kspace[1, 0]).transpose(
        [slice[name] - (len(names) == 2) for name in names]
    )
    path = tmp_path / "mine.mat"
    with h5py.File(path, "w") as file:
        file["kspace"] = stored.T
        file["kspace"].attrs["MATLAB_class"] = np.bytes_("single")
    with open_scan(path) as scan:
        assert (scan.header.slices, scan.header.readout, scan.header.phase) == (1, 48, 20)
        (note,) = scan.header.notes
        assert f"are taken as {', '.join(names)}, which is a guess" in note
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[1, : scan.header.coils])
    assert lacks_axes(path), "a user is to be asked"
    assert guessed_axes(path) == (stored.shape, tuple(names))


def test_of_files_with_one_suffix_those_that_name_their_axes_are_told_apart(tmp_path, kspace):
    with h5py.File(tmp_path / "its_own.mat", "w") as file:
        file["kspace"] = kspace
    assert not lacks_axes(tmp_path / "its_own.mat")
    assert guessed_axes(tmp_path / "its_own.mat") is None


def test_two_axes_of_another_program_are_to_be_named(tmp_path, kspace):
    pairs = np.empty((48, 20), [("real", "<f4"), ("imag", "<f4")])
    pairs["real"], pairs["imag"] = kspace[0, 0].real, kspace[0, 0].imag
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["kspace"] = pairs
    with pytest.raises(FileFormatError, match=r"is complex pairs of shape 48×20; .* or name its axes \(axes\)\."):
        open_scan(tmp_path / "mine.h5")
    with open_scan(tmp_path / "mine.h5", axes=("readout", "phase")) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy()[0], kspace[0, 0])


@pytest.mark.parametrize("key", ["ismrmrd_header", "reconstruction_rss"])
def test_fastmri_names_its_own_axes(tmp_path, kspace, key):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"], file[key] = kspace, 0
    with pytest.raises(InputError, match="names its own axes; leave the axes out"):
        open_scan(tmp_path / "scan.h5", axes=AXES)
