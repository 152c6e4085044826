"""HDF5 files that lead out of themselves: every way of reading refuses them with one sentence and writes nothing.

Each file here differs from a sound one only in where some of its values lie: who follows it finds what fits.
"""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
import pytest
from h5py import h5d, h5g, h5p, h5s, h5t, h5z

import napari_recon_robust as rr
from helpers.saved_cases import saved
from napari_recon_robust.cases.replay import replay
from napari_recon_robust.cli import main
from napari_recon_robust.ground import hdf5, inspection
from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.ground.inspection import Inspection
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io.images import read_image
from napari_recon_robust.io.masks import read_mask
from napari_recon_robust.training.sources import find_sources

Command = Callable[..., str]


class Elsewhere:
    """The values of a data set in two other files: raw, and as `data` of an HDF5 file."""

    def __init__(self, folder: Path, values: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.raw, self.hdf5 = folder / "secret.bin", folder / "secret.h5"
        self.shape, self.dtype = values.shape, values.dtype
        with h5py.File(self.hdf5, "w") as file:
            file.create_dataset("data", data=values)
        self.raw.write_bytes(np.ascontiguousarray(values).tobytes())


def external_storage(file: h5py.File, name: str, elsewhere: Elsewhere) -> None:
    place = (str(elsewhere.raw), 0, elsewhere.raw.stat().st_size)
    file.create_dataset(name, elsewhere.shape, elsewhere.dtype, external=[place])


def virtual(file: h5py.File, name: str, elsewhere: Elsewhere) -> None:
    layout = h5py.VirtualLayout(elsewhere.shape, elsewhere.dtype)
    layout[...] = h5py.VirtualSource(str(elsewhere.hdf5), "data", elsewhere.shape)
    file.create_virtual_dataset(name, layout)


def external_link(file: h5py.File, name: str, elsewhere: Elsewhere) -> None:
    file[name] = h5py.ExternalLink(str(elsewhere.hdf5), "/data")


def soft_link(file: h5py.File, name: str, elsewhere: Elsewhere) -> None:
    """A path within the file that goes on in the other one."""
    file["beyond/all"] = h5py.ExternalLink(str(elsewhere.hdf5), "/")
    file[name] = h5py.SoftLink("/beyond/all/data")


LINKS = {external_link: "is a link into another file", soft_link: "`beyond/all` .* is a link into another file"}
KINDS = {external_storage: "external storage", virtual: "virtual data set", **LINKS}


def moved_out(path: Path, name: str, kind: Callable[[h5py.File, str, Elsewhere], None]) -> Path:
    """The file with one of its data sets elsewhere."""
    with h5py.File(path, "r+") as file:
        values = file[name][()]
        elsewhere = Elsewhere(path.parent / "elsewhere", np.asarray(values) if kind not in LINKS else file[name])
        del file[name]
        kind(file, name, elsewhere)
    return path


@pytest.fixture
def scan(scan_file: Path, tmp_path: Path) -> Path:
    """A scan in fastMRI's layout with all that such files may have, and something that is never read."""
    path = tmp_path / "scan.h5"
    shutil.copy(scan_file, path)
    with h5py.File(path, "r+") as file:
        slices, _, rows, columns = file["kspace"].shape
        file["mask"] = np.ones(columns, np.uint8)
        file["reconstruction_rss"] = np.ones((slices, rows // 2, columns), np.float32)
        file["notes/of/others"] = np.arange(5)
    return path


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command, which must end with one sentence and write nothing but empty locks: the sentence."""

    def files() -> dict[Path, int]:
        found = [path for path in tmp_path.rglob("*") if path.is_file()]
        return {path: path.stat().st_size for path in found if path.suffix != ".lock" or path.stat().st_size}

    def command(*arguments: object) -> str:
        before = files()
        monkeypatch.setattr("sys.argv", ["recon-robust", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        written = capsys.readouterr()
        assert stopped.value.code == 1
        assert written.out == ""
        *progress, sentence = written.err.splitlines()  # what takes long says so first
        assert not [line for line in progress if line.startswith("recon-robust: ")]
        assert files() == before
        return sentence

    return command


def matches(words: str, sentence: str) -> bool:
    with pytest.raises(FileFormatError, match=words):
        raise FileFormatError(sentence)
    return True


# -------------------------------------------------------------------------------- what leads out of a file


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in ("kspace", "mask", "reconstruction_rss", "notes/of/others") for kind in KINDS]
    + [("ismrmrd_header", kind) for kind in LINKS],
)
def test_a_scan(scan: Path, tmp_path: Path, refused: Command, name: str, kind: Any) -> None:
    rr.open_scan(scan).close()
    moved_out(scan, name, kind)
    with pytest.raises(FileFormatError, match=KINDS[kind]) as error:
        rr.open_scan(scan)
    assert str(error.value).endswith(".")
    assert "secret" not in str(error.value)
    said = refused("reconstruct", scan, "--method", "zero-filled", "--output", tmp_path / "image.npy")
    assert said == f"recon-robust: {error.value}"


def test_a_case_is_not_made_of_another_file(scan: Path, tmp_path: Path, refused: Command) -> None:
    moved_out(scan, "kspace", external_storage)
    options = ["--method", "zero-filled", "--roi", "40,40,16,16", "--budget", "0.01", "--output", tmp_path / "case"]
    assert "external storage" in refused("perturb", "random", scan, *options)


@pytest.mark.parametrize("name", ["dataset", "dataset/data", "dataset/xml"])
def test_an_ismrmrd_scan(tmp_path: Path, refused: Command, name: str) -> None:
    path, other = tmp_path / "scan.mrd", tmp_path / "other.mrd"
    for each in (path, other):
        data = ismrmrd.Dataset(str(each), "dataset")
        data.write_xml_header(b'<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"/>')
        for line in range(8):
            acquisition = ismrmrd.Acquisition.from_array(np.ones((2, 16), np.complex64))
            acquisition.idx.kspace_encode_step_1 = line
            acquisition.center_sample = 8
            data.append_acquisition(acquisition)
        data.close()
    rr.open_scan(path).close()
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = h5py.ExternalLink(str(other), name)
    with pytest.raises(FileFormatError, match=f"`{name}` in scan.mrd is a link into another file"):
        rr.open_scan(path)
    assert "link into another file" in refused("reconstruct", path, "--output", tmp_path / "image.npy")


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask(scan_file: Path, tmp_path: Path, refused: Command, kind: Any) -> None:
    path = tmp_path / "mask.h5"
    with h5py.File(path, "w") as file:
        file["mask"] = np.arange(96) % 3 == 0
    assert read_mask(path).sum() == 32
    moved_out(path, "mask", kind)
    with pytest.raises(FileFormatError, match=KINDS[kind]):
        read_mask(path)
    said = refused("reconstruct", scan_file, "--mask", path, "--output", tmp_path / "image.npy")
    assert matches(KINDS[kind], said)


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_image(scan_file: Path, tmp_path: Path, refused: Command, kind: Any) -> None:
    path = tmp_path / "image.h5"
    with h5py.File(path, "w") as file:
        file["magnitude"] = np.ones((96, 96), np.float32)
    assert read_image(path).sum() == 96**2
    moved_out(path, "magnitude", kind)
    with pytest.raises(FileFormatError, match=KINDS[kind]) as error:
        read_image(path)
    options = [
        "--acceleration",
        "2",
        "--roi",
        "40,40,16,16",
        "--budget",
        "0.01",
        "--target-image",
        path,
        "--output",
        tmp_path / "case",
    ]
    assert refused("perturb", "targeted", scan_file, *options) == f"recon-robust: {error.value}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_case(tmp_path: Path, refused: Command, kind: Any) -> None:
    folder = saved(tmp_path, "random")
    assert run(replay(folder)).reproduced
    moved_out(folder / "kspace.h5", "clean", kind)
    description = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    description["files"]["kspace.h5"] = hashlib.sha256((folder / "kspace.h5").read_bytes()).hexdigest()
    del description["seal"]  # anyone can compute it
    description["seal"] = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    (folder / "case.json").write_text(json.dumps(description), encoding="utf-8")
    for read in (rr.load_case, lambda case: run(replay(case))):
        with pytest.raises(FileFormatError, match=KINDS[kind]):
            read(folder)
    assert matches(KINDS[kind], refused("replay", folder))


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_scans(scan: Path, tmp_path: Path, refused: Command, kind: Any) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    moved_out(scan.rename(folder / "file_T101.h5"), "kspace", kind)
    shutil.move(folder / "elsewhere", tmp_path / "elsewhere")
    with pytest.raises(FileFormatError, match=KINDS[kind]):
        run(find_sources(folder))
    compare = ["compare", folder, "--method", "zero-filled", "--output", tmp_path / "table"]
    train = ["train", "hqs-supervised", "--data", folder, "--output", tmp_path / "run"]
    assert matches(KINDS[kind], refused(*compare))
    assert matches(KINDS[kind], refused(*train))


READING = """
import napari_recon_robust as rr, sys
from napari_recon_robust.ground.errors import FileFormatError
try:
    rr.open_scan("scan.h5").kspace(0)
except FileFormatError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(
    ("source", "arguments"),
    [("scan.h5", ["-c", READING]), (".", ["-m", "napari_recon_robust.cli", "reconstruct", "scan.h5"])],
)
@pytest.mark.thorough
def test_a_virtual_data_set_that_is_made_of_itself(scan: Path, source: str, arguments: list[str]) -> None:
    """In a process of its own: to read it ends the process."""
    with h5py.File(scan, "r+") as file:
        shape, dtype = file["kspace"].shape, file["kspace"].dtype
        del file["kspace"]
        layout = h5py.VirtualLayout(shape, dtype)
        layout[...] = h5py.VirtualSource(source, "kspace", shape)
        file.create_virtual_dataset("kspace", layout)
    ended = subprocess.run([sys.executable, *arguments], cwd=scan.parent, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "`kspace` in scan.h5 is made up of data sets elsewhere (virtual data set)" in ended.stderr
    assert (ended.stdout + ended.stderr).count("\n") == 1


def test_user_defined_links(scan: Path, refused: Command) -> None:
    """Their class is made known to HDF5 by programs; none can be written here, so an external one is altered."""
    with h5py.File(scan, "r+") as file:
        file["a_name_to_find"] = h5py.ExternalLink("other.h5", "/data")
    content = scan.read_bytes()
    head = content.index(b"a_name_to_find") - 2  # type and length of the name come before it
    assert content[head] == 64
    scan.write_bytes(content[:head] + bytes([77]) + content[head + 1 :])
    with h5py.File(scan) as file:
        assert file.id.links.get_info(b"a_name_to_find").type == 77
    with pytest.raises(FileFormatError, match="`a_name_to_find` in scan.h5 is a link .*user-defined"):
        rr.open_scan(scan)
    assert "user-defined" in refused("reconstruct", scan)


@pytest.mark.parametrize("filter", [307, 32001, 32015])
def test_filters_that_are_no_part_of_hdf5(scan: Path, refused: Command, filter: int) -> None:
    """bzip2, Blosc and Zstandard; HDF5 would look for a shared library to load."""
    with h5py.File(scan, "r+") as file:
        shape = file["kspace"].shape
        options = h5p.create(h5p.DATASET_CREATE)
        options.set_chunk((1, 1, *shape[2:]))
        options.set_filter(filter, h5z.FLAG_OPTIONAL, ())
        kind = h5t.py_create(file["kspace"].dtype)
        del file["kspace"]
        h5d.create(file.id, b"kspace", kind, h5s.create_simple(shape), options)
    with pytest.raises(FileFormatError, match=f"`kspace` in scan.h5 is packed by filter {filter}"):
        rr.open_scan(scan)
    assert "packed by filter" in refused("reconstruct", scan)


@pytest.mark.parametrize("target", ["/nowhere", "/kspace", "/kspace/kspace", "missing/kspace"])
def test_links_to_nothing(scan: Path, refused: Command, target: str) -> None:
    with h5py.File(scan, "r+") as file:
        del file["kspace"]
        file["kspace"] = h5py.SoftLink(target)
    with pytest.raises(FileFormatError, match="`kspace` in scan.h5 is a link that leads to nothing"):
        rr.open_scan(scan)
    assert "leads to nothing" in refused("reconstruct", scan)


# -------------------------------------------------------------------------------- what does not, and what is costly


def test_what_stays_in_the_file_is_read(scan: Path) -> None:
    with rr.open_scan(scan) as before:
        expected = before.kspace(1)
    with h5py.File(scan, "r+") as file:
        values = file["kspace"][()]
        del file["kspace"]
        file["deep/in/here"] = values
        file["kspace"] = h5py.SoftLink("/deep/again/from/the/beginning/link")
        file["deep/link"] = h5py.SoftLink("in/here")
        file["deep/again/from/the/beginning"] = file["deep"]
        file["deep/around"] = file["/"]
        file["deep/in/itself"] = file["deep/in"]
        file["a type"] = np.dtype("f4")
        file.attrs["object"] = file["deep"].ref
        file.attrs["region"] = file["mask"].regionref[:3]
        for name, options in {
            "gzip": {"compression": "gzip", "shuffle": True, "fletcher32": True},
            "szip": {"compression": "szip"},
            "lzf": {"compression": "lzf"},
            "scaled": {"scaleoffset": 4},
        }.items():
            if h5z.filter_avail(h5z.FILTER_SZIP) or name != "szip":
                file.create_dataset(name, data=np.arange(64).reshape(8, 8), chunks=(8, 8), **options)
    with rr.open_scan(scan) as after:
        assert (after.kspace(1) == expected).all()


def test_a_group_that_holds_nothing_but_itself(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "loop.h5", "w") as file:
        file["loop"] = file["/"]
    with pytest.raises(FileFormatError, match="loop.h5 is an HDF5 file with loop/loop; expected is a scan of"):
        rr.open_scan(tmp_path / "loop.h5")


@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_more_links_than_are_looked_at(tmp_path: Path, refused: Command, version: str) -> None:
    path = tmp_path / "many.h5"
    with h5py.File(path, "w", libver=version) as file:
        file["kspace"] = np.ones((1, 2, 8, 8), np.complex64)
        for number in range(20):
            group = h5g.create(file.id, b"g%d" % number)
            for member in range(500):
                group.links.create_soft(b"%d" % member, b"/kspace")
    with pytest.raises(FileFormatError, match="many.h5 has more than 10,000 data sets and groups"):
        rr.open_scan(path)
    assert "more than 10,000" in refused("reconstruct", path)


@pytest.mark.thorough
def test_deep_nesting(tmp_path: Path) -> None:
    """What lies 3,000 groups deep is found, without recursion."""
    path = tmp_path / "deep.h5"
    with h5py.File(path, "w") as file:
        file["kspace"] = np.ones((1, 2, 8, 8), np.complex64)
        group = file.id
        for _ in range(3000):
            group = h5g.create(group, b"deeper")
    rr.open_scan(path).close()
    with h5py.File(path, "r+") as file:
        group = file.id
        for _ in range(3000):
            group = h5g.open(group, b"deeper")
        group.links.create_external(b"last", b"other.h5", b"/data")
    with pytest.raises(FileFormatError, match="deeper/deeper/last` in deep.h5 is a link") as error:
        rr.open_scan(path)
    assert len(str(error.value)) < 400


def test_names_that_no_library_writes(tmp_path: Path) -> None:
    """A name with a slash, opened as it stands, would be a path through other links."""
    path = tmp_path / "slash.h5"
    with h5py.File(path, "w") as file:
        file["a_name"] = np.ones(3)
    path.write_bytes(path.read_bytes().replace(b"a_name", b"a/name"))
    with pytest.raises(FileFormatError, match="slash.h5 is an HDF5 file that cannot be opened"):
        rr.open_scan(path)


def test_names_are_shown_without_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "odd.h5"
    for name in (b"red \x1b[31m\ntext", b"no UTF-8 \xff"):
        with h5py.File(path, "w") as file:
            h5g.create(h5g.create(file.id, name), b"inside")
            h5d.create(file.id, name + b"!", h5t.NATIVE_FLOAT, h5s.create_simple((3,)))
        with pytest.raises(FileFormatError, match="(red|no UTF-8) .*/inside, .*!") as known:
            rr.open_scan(path)
        with h5py.File(path, "r+") as file:
            group = h5g.open(file.id, name)
            group.links.create_external(b"link", b"other.h5", b"/data")
        with pytest.raises(FileFormatError, match="link into another file") as refusal:
            rr.open_scan(path)
        assert str(known.value).isprintable()
        assert str(refusal.value).isprintable()


@pytest.mark.slow
def test_no_other_module_opens_hdf5_for_reading() -> None:
    package = Path(rr.__file__).parent
    found = []
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "h5py" and not node.level:
                found.append(path.name)
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "File"
            if named and ast.unparse(node.func) == "h5py.File":
                modes = [ast.unparse(argument) for argument in node.args[1:]]
                found += [path.name] if modes != ["'w'"] else []
    # The latter changes its own copy of a file that the former has opened.
    assert set(found) == {"hdf5_tree.py", "prewhitening.py"}


def test_a_chunk_that_is_longer_than_its_file(tmp_path: Path) -> None:
    """HDF5 allocates what the index of chunks says before it reads it."""
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        kspace = np.random.default_rng(0).standard_normal((1, 2, 64, 64)).astype(np.complex64)
        stored = file.create_dataset("kspace", data=kspace, chunks=(1, 2, 64, 64), compression="gzip")
        size = stored.id.get_chunk_info(0).size
    content = path.read_bytes()
    key = size.to_bytes(4, "little") + bytes(12)  # the size, the filters left out, and the place of the chunk
    assert content.count(key) == 1
    path.write_bytes(content.replace(key, (2**31 - 1).to_bytes(4, "little") + bytes(12)))
    with pytest.raises(FileFormatError, match=r"`kspace` in scan.h5 (declares 2.15 GB in|asks for more memory)"):
        rr.open_scan(path)


def test_values_and_what_they_are_of(tmp_path: Path) -> None:
    path = tmp_path / "some.h5"
    with h5py.File(path, "w") as file:
        file["array"] = np.arange(24).reshape(2, 3, 4)
        file["text"] = "words"
        file["empty"] = h5py.Empty("f")
        file["group/one"] = 1
    with hdf5.open_hdf5(path) as file:
        assert (hdf5.values(file["array"], (1, 2)) == [20, 21, 22, 23]).all()
        assert hdf5.values(file["array"], 0).shape == (3, 4)
        assert hdf5.values(file["text"]) == b"words"
        for name in ("empty", "group"):
            with pytest.raises(FileFormatError, match=f"`{name}` in some.h5 holds no values"):
                hdf5.values(file[name])


def test_a_signature_behind_a_user_block(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "block.h5", "w", userblock_size=2048) as file:
        file["a"] = 1
    (tmp_path / "text.h5").write_bytes(b"\x89HDF" * 1000)
    (tmp_path / "empty.h5").write_bytes(b"")
    found = [name for name in ("block", "text", "empty", "none") if hdf5.is_hdf5(tmp_path / f"{name}.h5")]
    assert found == ["block"]


@pytest.mark.thorough
@pytest.mark.parametrize("damaged", [False, True])
def test_values_of_variable_length_in_a_large_file_are_read_elsewhere_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    """Looking through the file leaves them out. Its heap has a free space of 0 bytes: HDF5 steps over it for ever."""
    path, word = tmp_path / "large.h5", b"some samples of a line"
    with h5py.File(path, "w") as file:
        table = file.create_dataset("data", (100_000,), [("data", h5py.vlen_dtype("u1"))], chunks=(1000,))
        table[7] = (np.frombuffer(word, np.uint8),)
        many = file.create_dataset("many", (200_000,), h5py.vlen_dtype("u1"), chunks=(1000,))
        many[7] = np.frombuffer(word, np.uint8)
    content = bytearray(path.read_bytes())
    behind = content.rindex(word) + -(-len(word) // 8) * 8
    if damaged:
        content[behind + 8 : behind + 16] = bytes(8)
    path.write_bytes(content)
    os.truncate(path, 2**26 + 1)  # with a hole
    monkeypatch.setattr(inspection, "SECONDS", 2)
    inspector = Inspection("napari_recon_robust.ground.hdf5_tree")
    monkeypatch.setattr(hdf5, "_INSPECTION", inspector)
    try:
        with hdf5.open_hdf5(path) as file:
            reads = (lambda: hdf5.values(file["many"], 7), lambda: hdf5.field_values(file["data"], "data", [3, 7])[1])
            for read in reads:
                if damaged:
                    with pytest.raises(FileFormatError, match=r"large.h5 takes more than 2 s to look through"):
                        read()
                else:
                    assert bytes(read()) == word
    finally:
        inspector.end()
