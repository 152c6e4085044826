"""The table of formats: content decides, other packages may add to it, annotations come along."""

import csv
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.io import FORMATS, format_of, open_scan, stamp, suffixes
from napari_recon_robust.io.annotations import COLUMNS
from napari_recon_robust.io.fastmri import write_fastmri
from napari_recon_robust.io.format import Format
from napari_recon_robust.io.numpy_array import NumpyScan


def test_content_decides_not_the_name(tmp_path, kspace):
    write_fastmri(tmp_path / "scan.npy", kspace, encoded_mm=(1, 1, 1), matrix=(24, 20))
    with (tmp_path / "array.h5").open("wb") as file:
        np.save(file, kspace)
    with open_scan(tmp_path / "scan.npy") as one, open_scan(str(tmp_path / "array.h5")) as other:
        assert (one.header.format, other.header.format) == ("fastMRI HDF5", "NumPy array")


@pytest.mark.parametrize("content", [b"", b"not k-space"])
def test_wrong_file(tmp_path, content):
    (tmp_path / "scan.h5").write_bytes(content)
    with pytest.raises(
        FileFormatError, match="scan.h5 is (of no format that is known here|empty); expected is a scan of"
    ) as error:
        open_scan(tmp_path / "scan.h5")
    said = str(error.value)
    for name in FORMATS.ids():
        assert FORMATS.get(name).label in said
    assert "expected is a scan of fastMRI HDF5 (an HDF5 file with `kspace`" in said  # what most users have
    assert said.endswith("docs/formats.md describes them.")
    assert len(said) < 300


def test_the_page_on_formats_has_what_each_expects():
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    for format in FORMATS:
        assert f"| {format.label} | {format.expects} |" in page


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileFormatError, match="there is no file scan.h5"):
        open_scan(tmp_path / "scan.h5")
    with pytest.raises(FileFormatError, match="is a folder"):
        open_scan(tmp_path)


class Text(Format):
    """Numbers in a text file."""

    label = "text"
    suffixes = (".txt",)
    expects = "a text file of numbers"

    def recognises(self, path):
        return path.suffix == ".txt"

    def open(self, path, axes=None):
        return NumpyScan(path.name, np.loadtxt(path, dtype=complex), ("readout", "phase"))


def test_another_package_adds_a_format(tmp_path, monkeypatch):
    np.savetxt(tmp_path / "scan.txt", np.ones((3, 4)))
    with pytest.raises(FileFormatError):
        open_scan(tmp_path / "scan.txt")
    point = EntryPoint("text", f"{__name__}:Text", FORMATS.group)
    assert FORMATS.group == "napari_recon_robust.formats"
    monkeypatch.setattr(FORMATS, "_entry_points", [point])
    monkeypatch.setattr(FORMATS, "_loaded", dict(FORMATS._loaded))
    with open_scan(tmp_path / "scan.txt") as scan:
        assert (scan.header.readout, scan.header.phase) == (3, 4)
    assert ".txt" in suffixes()
    assert format_of(tmp_path / "scan.txt").label == "text"


class Failing(Text):
    label = "failing"

    def recognises(self, path):
        raise AttributeError("'NoneType' object has no attribute 'shape'")


def test_a_format_of_a_package_that_fails_at_a_file_is_named_and_the_others_are_asked(tmp_path, monkeypatch, kspace):
    points = [EntryPoint("failing", f"{__name__}:Failing", ""), EntryPoint("text", f"{__name__}:Text", "")]
    monkeypatch.setattr(FORMATS, "_entry_points", points)
    monkeypatch.setattr(FORMATS, "_loaded", dict(FORMATS._loaded))
    path = tmp_path / "kspace.txt"
    path.write_text("of another package")
    with pytest.warns(UserWarning, match=r"'failing' of an installed package \(.*test_io\) fails at kspace.txt \(Attr"):
        assert format_of(path).label == "text"


@pytest.mark.filterwarnings("ignore:the file format 'broken' of an installed package")
def test_a_broken_package_stops_no_file(tmp_path, monkeypatch, kspace):
    """Only a file that no format knows, and the search for a scan's other files, came as far as the package."""
    np.save(tmp_path / "scan.npy", kspace)
    np.savetxt(tmp_path / "scan.txt", np.ones((3, 4)))
    points = [EntryPoint("broken", "no.such.module:Class", ""), EntryPoint("text", f"{__name__}:Text", "")]
    monkeypatch.setattr(FORMATS, "_entry_points", points)
    monkeypatch.setattr(FORMATS, "_loaded", dict(FORMATS._loaded))
    assert stamp(tmp_path / "scan.npy")[0] == (tmp_path / "scan.npy").stat().st_size
    assert ".txt" in suffixes()
    for name in ("scan.npy", "scan.txt"):
        open_scan(tmp_path / name).close()
    (tmp_path / "other.h5").write_bytes(b"no scan")
    with pytest.raises(FileFormatError, match="of no format that is known here"):
        open_scan(tmp_path / "other.h5")


@pytest.mark.slow
def test_files_are_offered_and_told_apart_without_torch(tmp_path, kspace):
    np.save(tmp_path / "scan.npy", kspace)
    code = (
        "import sys; from pathlib import Path; from napari_recon_robust import io;"
        f"assert io.format_of(Path({str(tmp_path / 'scan.npy')!r})).label == 'NumPy array';"
        "assert io.lacks_axes(Path('scan.npy')) and not io.lacks_axes(Path('scan.h5'));"
        "assert io.suffixes()[:2] == ['.h5', '.hdf5']; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_annotations_beside_the_scan_come_along(tmp_path, kspace):
    write_fastmri(tmp_path / "file1.h5", kspace, encoded_mm=(1, 1, 1), matrix=(24, 20))
    with (tmp_path / "lesions.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [COLUMNS, ["file1", 2, "No", 3, 4, 5, 6, "Cyst"], ["file2", 1, "No", 3, 4, 5, 6, "Cyst"]]
        )
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with open_scan(tmp_path / "file1.h5") as scan:
        (one,) = scan.annotations
        assert (one.label, one.slice) == ("Cyst", 2)
        rows, columns = one.box.mask(scan.header.matrix).nonzero().T
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (14, 19, 3, 7)
        assert not scan.header.notes


def test_a_damaged_table_beside_the_scan_is_told(tmp_path, kspace):
    write_fastmri(tmp_path / "file1.h5", kspace, encoded_mm=(1, 1, 1), matrix=(24, 20))
    with (tmp_path / "lesions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, ["file1", "two", "No", 3, 4, 5, 6, "Cyst"]])
    with open_scan(tmp_path / "file1.h5") as scan:
        assert not scan.annotations
        (note,) = scan.header.notes
        assert note.startswith("Annotations are left out: ")
        assert "lesions.csv has the slice 'two'" in note
