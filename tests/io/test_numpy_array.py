"""Raw arrays: axes that are named, axes that are guessed, arrays that are no k-space."""

from itertools import permutations

import numpy as np
import pytest

from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.io import open_scan
from napari_recon_robust.io.numpy_array import AXES, guess_axes


def save(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_named_axes(tmp_path, kspace, order):
    path = save(tmp_path / "scan.npy", kspace.transpose(order))
    with open_scan(path, axes=[AXES[axis] for axis in order]) as scan:
        assert scan.header.notes == ()
        np.testing.assert_array_equal(scan.kspace(2).numpy(), kspace[2])


def test_axes_in_one_text_and_axes_that_are_no_names(tmp_path, kspace):
    path = save(tmp_path / "a.npy", kspace)
    with open_scan(path, axes="slice, coil,readout,phase") as scan:
        np.testing.assert_array_equal(scan.kspace(1).numpy(), kspace[1])
    with pytest.raises(InputError, match="one of the axes is 0; give a text"):
        open_scan(path, axes=(0, 1, 2, 3))


@pytest.mark.parametrize("order", [("phase", "readout", "coil"), ("readout", "coil", "phase")])
def test_names_that_the_energy_contradicts_are_told(tmp_path, kspace, order):
    path = save(tmp_path / "scan.npy", kspace[1])
    with open_scan(path, axes=order) as scan:
        (note,) = scan.header.notes
    assert note.startswith(
        f"The axes are named {', '.join(order)}, but the energy of the k-space is in the centre as if"
    )
    assert "were coil, readout, phase; name them so" in note


def test_fewer_axes(tmp_path, kspace):
    with open_scan(save(tmp_path / "a.npy", kspace[0, 0]), axes=("readout", "phase")) as scan:
        assert (len(scan), scan.header.coils) == (1, 1)
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[0, :1])
    with open_scan(save(tmp_path / "b.npy", kspace[:, 0].swapaxes(1, 2)), axes=("slices", " phase", "Readout")) as scan:
        assert (len(scan), scan.header.coils) == (4, 1)
        np.testing.assert_array_equal(scan.kspace(1).numpy(), kspace[1, :1])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_guess_finds_coils_and_the_oversampled_readout(tmp_path, kspace, order):
    names = ("coil", "readout", "phase")
    path = save(tmp_path / "scan.npy", kspace[1].transpose(order))
    with open_scan(path) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[1])
        assert scan.name == "scan.npy"
        assert f"taken as {', '.join(names[axis] for axis in order)}, which is a guess" in scan.header.notes[0]


@pytest.mark.parametrize("coils", range(4, 9))
def test_one_strong_coil_in_the_middle_is_no_centre_of_an_axis(coils):
    """Of seven coils it had the energy of an axis' centre seven times over."""
    row, column = np.ogrid[-1:1:64j, -1:1:48j]
    noise = np.random.default_rng(0).normal(size=(coils, 64, 48))
    kspace = np.fft.fftshift(np.fft.fft2((row**2 + column**2 < 0.6) + 0.01 * noise), (1, 2))
    kspace[coils // 2] *= 2.5
    assert guess_axes(kspace) == ("coil", "readout", "phase")


def test_guess_with_slices_and_with_more_coils_than_lines(kspace):
    many = np.concatenate([kspace] * 2)
    assert guess_axes(many) == ("slice", "coil", "readout", "phase")
    assert guess_axes(kspace[:1]) == ("slice", "coil", "readout", "phase"), "one slice, and not one coil"
    assert guess_axes(kspace[:1].swapaxes(0, 1)) == ("coil", "slice", "readout", "phase")
    more = np.concatenate([kspace[:2]] * 2, axis=1)
    assert more.shape[0] < more.shape[1]
    assert guess_axes(more) == ("slice", "coil", "readout", "phase"), "the order of fastMRI"
    assert guess_axes(more.transpose(2, 3, 0, 1)) == ("readout", "phase", "coil", "slice"), "the shorter one"
    assert guess_axes(np.concatenate([kspace[0]] * 11)) == ("coil", "readout", "phase")


def test_a_guess_that_may_exchange_coils_and_slices_says_so(tmp_path, kspace):
    for array, said in ((kspace, True), (kspace.transpose(0, 2, 3, 1), True), (kspace[:1], False), (kspace[0], False)):
        with open_scan(save(tmp_path / "scan.npy", array)) as scan:
            assert ("of coil and slice by their place and length alone" in scan.header.notes[0]) == said


def test_slices_of_one_coil_that_are_taken_for_coils_are_told_so(tmp_path, kspace):
    """An axis of one entry is taken for the slice wherever it stands, as in sigpy; fastMRI's order has coils there."""
    said = "4 coils of one slice might be 4 slices of one coil; name them (axes)"
    for array in (kspace[:, :1], kspace[:, 0], kspace[:, :1].transpose(2, 3, 0, 1)):
        path = save(tmp_path / "scan.npy", array)
        with open_scan(path) as scan:
            assert (len(scan), scan.header.coils) == (1, 4)
            assert said in scan.header.notes[0]
    for array in (kspace[:1], kspace[:1, :1], kspace[0, 0]):  # fastMRI's order, and nothing to exchange
        with open_scan(save(tmp_path / "scan.npy", array)) as scan:
            assert "might be" not in scan.header.notes[0]


def test_a_point_that_is_not_a_number_does_not_change_the_guess(kspace):
    for bad in (np.nan, np.inf):
        spoilt = kspace[1].copy()
        spoilt[1, 3:5, 3:5] = bad
        assert guess_axes(spoilt) == ("coil", "readout", "phase")


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 1, 0), (1, 0, 3, 2)])
def test_kspace_whose_centre_was_not_shifted_is_told_so_and_not_taken_for_other_axes(tmp_path, kspace, order):
    unshifted = np.fft.ifftshift(kspace, axes=(-2, -1)).transpose(order)
    with (
        open_scan(save(tmp_path / "scan.npy", unshifted)) as scan,
        pytest.raises(InputError, match="largest values at the ends of readout and phase"),
    ):
        scan.measurement(0)


def test_guess_knows_the_axis_that_lines_are_missing_along():
    kspace = np.zeros((3, 16, 16), complex)
    kspace[:, [0, 4, 7, 8, 9, 12]] = np.hanning(18)[1:-1] ** 4
    assert guess_axes(kspace) == ("coil", "phase", "readout")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("coils", [0, 4])
def test_kspace_of_three_dimensions_is_told_and_slices_are_not(tmp_path, order, coils):
    """Its partitions along the third axis opened as slices, or as coils."""
    z, y, x = np.mgrid[-1:1:24j, -1:1:40j, -1:1:32j]
    volume = (z / 0.9) ** 2 + (y / 0.8) ** 2 + (x / 0.6) ** 2 < 1
    volume = volume * (1 + 0.3 * np.cos(8 * x + 5 * y + 3 * z))
    if coils:
        volume = volume * np.exp(-((y - np.arange(coils)[:, None, None, None] / 2 + 0.7) ** 2))
    order = (*range(volume.ndim - 3), *(axis + volume.ndim - 3 for axis in order))
    for axes, told in (((-3, -2, -1), True), ((-2, -1), False)):
        kspace = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(volume, axes), axes=axes), axes)
        with open_scan(save(tmp_path / "scan.npy", kspace.transpose(order))) as scan:
            assert any("as k-space of three dimensions has" in note for note in scan.header.notes) == told
            names = scan._axes
        with open_scan(tmp_path / "scan.npy", axes=names) as scan:
            assert any("as k-space of three dimensions has" in note for note in scan.header.notes) == told, "named"


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("brain_16coil_128x128_full", ("coil", "readout", "phase")),
        ("phantom_2coil_160x320_full", ("coil", "phase", "readout")),
    ],
)
def test_guess_on_real_scans(shared, name, axes):
    assert guess_axes(np.load(shared / "data" / "kspace" / f"{name}.npy")) == axes


def test_real_undersampled_scan(shared):
    with open_scan(shared / "data" / "kspace" / "brain_8coil_230x180_undersampled.npy") as scan:
        assert scan.header.coils == 8
        assert not scan.fully_sampled
        measurement = scan.measurement(0)
        assert measurement.mask.shape == (scan.header.readout, scan.header.phase)
        assert 1 / measurement.acceleration == pytest.approx(0.124, abs=5e-4)
        assert measurement.full is None


@pytest.mark.parametrize(
    "axes", [("coil", "phase"), ("coil", "phase", "phase"), ("coil", "slice", "phase"), ("coil", "x", "phase")]
)
def test_axes_that_do_not_fit(tmp_path, kspace, axes):
    with pytest.raises(InputError, match="do not fit an array of 3 axes"):
        open_scan(save(tmp_path / "scan.npy", kspace[0]), axes=axes)


@pytest.mark.parametrize(
    "array", [np.ones((3, 8, 8)), np.ones(8, complex), np.ones((2, 2, 2, 8, 8), complex), np.ones((0, 8, 8), complex)]
)
def test_array_that_is_no_kspace(tmp_path, array):
    with pytest.raises(FileFormatError, match="scan.npy holds .*; complex k-space"):
        open_scan(save(tmp_path / "scan.npy", array))


def test_truncated_array(tmp_path, kspace):
    path = save(tmp_path / "scan.npy", kspace)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(FileFormatError, match="scan.npy has 4,872 bytes for an array of 153,600 bytes"):
        open_scan(path)


def test_pickled_objects_are_not_run(tmp_path):
    np.save(tmp_path / "scan.npy", np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(FileFormatError, match="cannot be read as a NumPy array"):
        open_scan(tmp_path / "scan.npy")


def test_real_and_imaginary_parts_apart_are_to_be_joined(tmp_path):
    path = save(tmp_path / "parts.npy", np.ones((4, 8, 6, 2), np.float32))
    with pytest.raises(FileFormatError, match="is expected; join real and imaginary parts, as in k"):
        open_scan(path)
    fields = np.ones((4, 8, 6), [("re", "f4"), ("im", "f4")])
    with pytest.raises(FileFormatError, match=r"as in k\['re'\] \+ 1j \* k\['im'\], and save that\.$"):
        open_scan(save(tmp_path / "fields.npy", fields))
    fields = np.ones((4, 8, 6), [("imag", "f4"), ("real", "f4")])
    with pytest.raises(FileFormatError, match=r"as in k\['real'\] \+ 1j \* k\['imag'\], and save that\.$"):
        open_scan(save(tmp_path / "fields.npy", fields))
    path = save(tmp_path / "image.npy", np.ones((4, 8, 6), np.float32))
    with pytest.raises(FileFormatError, match=r"is expected\.$"):
        open_scan(path)
