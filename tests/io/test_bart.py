"""BART's pairs of files, ours and BART's own."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from napari_recon_robust.data.orientation import AS_STORED
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.guard import open_file
from napari_recon_robust.io import bart, open_scan


def write(base, kspace, sizes=None):
    """(slices, coils, readout, phase), stored with the first of BART's 16 sizes fastest."""
    slices, coils, readout, phase = kspace.shape
    sizes = sizes or [readout, phase, 1, coils, *[1] * 9, slices, 1, 1]
    base.with_name(base.name + ".hdr").write_text("# Dimensions\n" + " ".join(map(str, sizes)) + " \n# Command\nx\n")
    kspace.transpose(0, 1, 3, 2).astype(np.complex64).tofile(base.with_name(base.name + ".cfl"))
    return base


@pytest.mark.parametrize("suffix", [".cfl", ".hdr", ""])
def test_slices_and_coils(tmp_path, kspace, suffix):
    write(tmp_path / "scan.v2", kspace)
    with open_scan(tmp_path / f"scan.v2{suffix}") as scan:
        facts = scan.header
        assert (facts.format, facts.slices, facts.coils, facts.readout, facts.phase) == ("BART", 4, 5, 48, 20)
        assert (facts.matrix, facts.upright) == ((48, 20), AS_STORED)
        assert scan.fully_sampled
        np.testing.assert_array_equal(scan.kspace(3).numpy(), kspace[3])


def test_trailing_sizes_may_be_left_out(tmp_path, kspace):
    write(tmp_path / "scan", kspace[:1], [48, 20, 1, 5])
    with open_scan(tmp_path / "scan.cfl") as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[0])


def test_file_of_bart_itself(tmp_path):
    bart = shutil.which("bart")
    if bart is None:
        pytest.skip("BART is not installed")
    for command in ("phantom -k -s 3 -x 64 k", "fft -i -u 3 k x", "rss 8 x r"):
        subprocess.run([bart, *command.split()], cwd=tmp_path, check=True, capture_output=True)
    with open_scan(tmp_path / "k.hdr") as scan, open_scan(tmp_path / "r.hdr") as rss:
        assert (scan.header.coils, scan.header.readout, scan.header.phase) == (3, 64, 64)
        expected = rss.kspace(0)[0].abs()
        np.testing.assert_allclose(
            scan.measurement(0).reference("rss").numpy(), expected.numpy(), atol=1e-5 * float(expected.max())
        )


@pytest.mark.parametrize("lost", [".hdr", ".cfl"])
def test_one_of_the_two_is_missing(tmp_path, kspace, lost):
    write(tmp_path / "scan", kspace)
    (tmp_path / f"scan{lost}").unlink()
    with pytest.raises(FileFormatError, match=f"came without scan{lost}"):
        open_scan(tmp_path / ("scan.cfl" if lost == ".hdr" else "scan.hdr"))


def test_size_of_the_data_does_not_fit(tmp_path, kspace):
    write(tmp_path / "scan", kspace, [48, 21, 1, 5, *[1] * 9, 4, 1, 1])
    with pytest.raises(FileFormatError, match="has 153600 bytes and its header asks for 161280"):
        open_scan(tmp_path / "scan.cfl")


@pytest.mark.parametrize("text", ["", "# Dimensions\n", "# Dimensions\n3 x 4\n", "# Dimensions\n3 0 4\n"])
def test_broken_header(tmp_path, kspace, text):
    write(tmp_path / "scan", kspace)
    (tmp_path / "scan.hdr").write_text(text)
    with pytest.raises(FileFormatError, match="scan.hdr is no BART header"):
        open_scan(tmp_path / "scan.cfl")


def test_partitions_are_a_3d_scan(tmp_path, kspace):
    """A slice is what numpy's transform of the readout gives of all lines."""
    write(tmp_path / "scan", kspace, [48, 20, 4, 5])
    stored = np.fromfile(tmp_path / "scan.cfl", np.complex64).reshape((48, 20, 4, 5), order="F").transpose(3, 0, 1, 2)
    planes = np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(stored, 1), axis=1, norm="ortho"), 1)
    with open_scan(tmp_path / "scan.cfl") as scan:
        facts = scan.header
        assert (facts.slices, facts.coils, facts.readout, facts.phase) == (48, 5, 20, 4)
        assert "bart transpose 2 13" in facts.notes[0]
        for slice in (0, 24, 47):
            np.testing.assert_allclose(scan.kspace(slice).numpy(), planes[:, slice], atol=1e-6 * np.abs(stored).max())


def test_a_file_that_turns_out_to_be_bad_is_closed(tmp_path, kspace, monkeypatch):
    """The last of the data is gone when they are looked at."""
    write(tmp_path / "scan", kspace[:1], [1, 48, 20, 5])
    opened = []

    def shortened(path):
        opened.append(open_file(path))
        os.truncate(path, 8)
        return opened[-1]

    monkeypatch.setattr(bart, "open_file", shortened)
    with pytest.raises(FileFormatError, match="it is truncated"):
        open_scan(tmp_path / "scan.cfl")
    assert [file.closed for file in opened] == [True]


def test_spokes_in_the_place_of_partitions_are_told(tmp_path, kspace):
    """Each is a line through the centre; Cartesian points of two phase encodings have the same sizes."""
    for name, stored in (("cartesian", kspace[:1]), ("radial", np.repeat(kspace[:1, :, :, 10:11], 20, 3))):
        write(tmp_path / name, stored, [1, 48, 20, 5])
        with open_scan(tmp_path / f"{name}.cfl") as scan:
            told = any("if they are the spokes of a radial scan" in note for note in scan.header.notes)
            assert told == (name == "radial")


def test_undersampled_partitions_are_no_spokes(tmp_path, kspace):
    """The centre was left out, so that the energy lies beside it."""
    write(tmp_path / "scan", kspace[:1] * (abs(np.arange(20) - 10) > 3), [1, 48, 20, 5])
    with open_scan(tmp_path / "scan.cfl") as scan:
        assert len(scan.header.notes) == 1


@pytest.mark.parametrize(
    ("sizes", "advice"), [([48, 20, 2, 5, *[1] * 9, 2], "bart slice 13 0"), ([48, 20, 1, 5, 4], "bart slice 4 0")]
)
def test_what_is_more_than_a_slice_or_a_volume(tmp_path, kspace, sizes, advice):
    write(tmp_path / "scan", kspace, sizes)
    with pytest.raises(FileFormatError, match=advice):
        open_scan(tmp_path / "scan.cfl")


def test_another_program_s_hdr(tmp_path):
    (tmp_path / "scan.hdr").write_bytes(b"\x5c\x01\x00\x00 an Analyze header")
    with pytest.raises(FileFormatError, match="of no format that is known here"):
        open_scan(tmp_path / "scan.hdr")


def test_axes_are_for_raw_arrays(tmp_path, kspace):
    write(tmp_path / "scan", kspace)
    with pytest.raises(InputError, match="names its own axes"):
        open_scan(tmp_path / "scan.cfl", axes=("coil", "phase", "readout"))
