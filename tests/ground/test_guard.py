"""The guard: what is no regular file, what is declared and not there, and what a library raises."""

import logging
import os
import socket
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import napari_recon_robust as rr
from napari_recon_robust.ground import guard
from napari_recon_robust.ground.errors import LONGEST, FileFormatError, InputError, ReconRobustError, WeightsError
from napari_recon_robust.io.annotations import read_annotations
from napari_recon_robust.io.images import read_image
from napari_recon_robust.io.masks import read_mask
from napari_recon_robust.simulation.anatomy import load_volume
from napari_recon_robust.simulation.sample import SimulationRecipe
from napari_recon_robust.training.recipe import load_recipe
from napari_recon_robust.weights import store

Opener = Callable[[Path], object]
posix = pytest.mark.skipif(os.name != "posix", reason="such files are of Unix")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def listening(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket is short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def folder(path: Path) -> None:
    path.mkdir()


ODD = {fifo: "a pipe", device: "a device", listening: "a socket", folder: "a folder"}
OPENERS: dict[str, Opener] = {
    "scan.npy": rr.open_scan,
    "scan.h5": rr.open_scan,
    "scan.cfl": rr.open_scan,
    "mask.npy": read_mask,
    "mask.h5": read_mask,
    "table.csv": lambda path: read_annotations(path, "scan", 32),
    "recipe.yaml": lambda path: load_recipe(str(path)),
    "simulation.yaml": SimulationRecipe.read,
    "head.nii": load_volume,
    "head.nii.gz": load_volume,
    "target.png": read_image,
    "target.h5": read_image,
    "weights.safetensors": lambda path: store.load(str(path)),
    "weights.pt": lambda path: store.load(str(path)),
    "model.pt2": lambda path: rr.reconstructor(str(path)),
    "model.onnx": lambda path: rr.reconstructor(str(path)),
    "model.py": lambda path: rr.reconstructor(str(path)),
    "case": rr.load_case,
}


def refusal(open: Opener, path: Path) -> str:
    """The sentence by which a path is refused."""
    with pytest.raises(ReconRobustError) as error:
        open(path)
    said = str(error.value)
    assert said.endswith(".")
    assert said.isprintable()
    assert len(said) <= LONGEST
    assert not path.is_absolute() or str(path.parent) not in said
    return said


@posix
@pytest.mark.parametrize("name", ["scan.h5", "scan.npy"])
def test_a_link_to_a_file_that_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / "annex" / name)
    with pytest.raises(FileFormatError, match=rf"^{name} is a link to a file that is not there; fetch that"):
        OPENERS[name](tmp_path / name)


@posix
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", OPENERS)
def test_what_is_no_file_is_refused_without_waiting(name: str, odd: Opener, tmp_path: Path) -> None:
    odd(tmp_path / name)
    refusal(OPENERS[name], tmp_path / name)


@pytest.mark.parametrize("name", OPENERS)
def test_names_that_no_file_has(name: str, tmp_path: Path) -> None:
    for stem in ("x" * 5000, "a\0", "a\nb"):
        refusal(OPENERS[name], tmp_path / f"{stem}{name}")


@posix
@pytest.mark.parametrize("odd", ODD)
def test_what_lies_beside_a_scan_is_not_waited_for(odd: Opener, tmp_path: Path) -> None:
    np.save(tmp_path / "scan.npy", np.ones((4, 8, 8), np.complex64))
    odd(tmp_path / "lesions.csv")
    with rr.open_scan(tmp_path / "scan.npy") as scan:
        assert scan.annotations == ()
    (tmp_path / "kspace.cfl").write_bytes(bytes(8))
    odd(tmp_path / "kspace.hdr")
    assert "kspace.hdr is" in refusal(rr.open_scan, tmp_path / "kspace.cfl")


@posix
def test_the_kind_is_said(tmp_path: Path) -> None:
    for odd, words in ODD.items():
        path = tmp_path / odd.__name__
        odd(path)
        assert words in refusal(guard.status, path)
        assert guard.head(path, 4) == b""
        assert not guard.is_file(path)
    assert "there is no file none.h5" in refusal(guard.status, tmp_path / "none.h5")


def test_the_current_folder_is_no_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"{tmp_path.name} is a folder" in refusal(rr.open_scan, Path("."))
    for path in (None, 3, b"scan.h5", ["scan.h5"]):
        with pytest.raises(InputError, match="the path is"):
            rr.open_scan(path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "way",
    [
        'Traceback (most recent call last):\n  File "/home/a.py", line 9, in f\n    f(x)\n    ~ <--- HERE\n',
        "Traceback of TorchScript (most recent call last):\n/home/a.py(9): f\nC:\\b.py(7): <module>\n\n",
        'Original Traceback (most recent call last):\n  File "/home/a.py", line 9, in f\n    f(x)\n',
    ],
)
def test_of_an_error_in_an_error_the_way_is_not_told(way: str) -> None:
    said = guard.said_by(RuntimeError(f"It failed.\n{way}ValueError: eight coils expected\n"))
    assert said == "It failed. ValueError: eight coils expected"


def test_what_others_code_could_not_open_is_named_without_its_folder() -> None:
    error = FileNotFoundError(2, "No such file or directory", "/home/somebody/weights.pt")
    assert guard.said_by(error) == "No such file or directory: weights.pt"
    error = RuntimeError(
        'Traceback (most recent call last):\n  File "/home/a.py", line 9\nToo small (3): yes\nand thin'
    )
    assert guard.said_by(error) == "Too small (3): yes and thin"
    assert guard.said_by(ValueError("eight coils\nare expected:\n\tthere are four.\n")) == (
        "eight coils are expected: there are four"
    )
    assert guard.said_by(OSError(28, "No space left on device")) == "No space left on device"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("kspace"), "it lacks 'kspace'"),
        (FileNotFoundError(2, "No such file", "/home/somebody/secret.h5"), "No such file"),
        (OSError("cannot read '/home/somebody/secret.h5': broken\nTraceback"), "cannot read 'secret.h5': broken"),
        (ValueError(r"bad C:\Users\somebody\secret.h5"), "bad secret.h5"),
        (ValueError("no <b>luck</b> here"), "no <b>luck</b> here"),
        (ValueError("see https://x.org/a/b, https://x.org/~c/d"), "see https://x.org/a/b, https://x.org/~c/d"),
        (ValueError("at file:///home/somebody/a.h5, </home/somebody/b.h5>"), "at file://a.h5, <b.h5>"),
        (ValueError("dataset/data is 1/2 of a/b"), "dataset/data is 1/2 of a/b"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "it is no text in UTF-8"),
        (struct.error("unpack requires a buffer"), "it is damaged, or of another kind"),
        (TypeError("'NoneType' object is not subscriptable"), "it is damaged, or of another kind"),
        (RecursionError("maximum recursion depth exceeded"), "it is nested too deeply"),
        (MemoryError(), "it needs more memory than is free"),
        (ValueError("many words " * 500), "many words many words"),
        (ValueError(), "no message"),
    ],
)
def test_any_error_becomes_one_sentence_that_keeps_its_cause(
    error: Exception, words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        pytest.raises(WeightsError) as raised,
        guard.opening(tmp_path / "a.pt", "weights", "get it again", WeightsError),
    ):
        raise error
    said = str(raised.value)
    assert said.startswith(f"a.pt cannot be read as weights ({words}")
    assert said.endswith("; get it again.")
    assert len(said) <= LONGEST
    assert "somebody" not in said
    assert raised.value.__cause__ is error
    assert caplog.records[0].exc_info is not None


def test_our_own_errors_and_a_cancel_pass() -> None:
    for error in (InputError("ours."), KeyboardInterrupt(), GeneratorExit()):
        with pytest.raises(type(error)) as raised, guard.opening("it"):
            raise error
        assert raised.value is error


def test_declared_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    guard.check_stored("a", 2**20, 0)
    guard.check_stored("a", 10**10, 10**7, guard.PACKED)
    with pytest.raises(FileFormatError, match="a declares 10 GB and holds only 1 MB"):
        guard.check_stored("a", 10**10, 10**6, guard.PACKED)
    monkeypatch.setattr(guard, "free_memory", lambda: 10**9)
    guard.check_memory("a", 9 * 10**8)
    with pytest.raises(WeightsError, match="a needs 34 GB of memory, and 1 GB are free"):
        guard.check_memory("a", 34 * 10**9, WeightsError)


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.py").open("wb") as file:
        file.truncate(3 * 2**30)  # a hole
    for name in ("a.pt", "a.safetensors", "a.pt2", "a.yaml", "a.csv"):
        (tmp_path / "a.py").rename(tmp_path / name)
        opener = OPENERS[next(one for one in OPENERS if one.endswith(Path(name).suffix))]
        assert "3.22 GB" in refusal(opener, tmp_path / name)
        (tmp_path / name).rename(tmp_path / "a.py")
    assert "3.22 GB" in refusal(OPENERS["model.py"], tmp_path / "a.py")


def test_an_archive_that_is_packed() -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10**6))
    with pytest.raises(FileFormatError, match=r"bomb is compressed, 1 MB in 1\.\d+ kB"):
        guard.check_zip(packed.getvalue(), "bomb")


@pytest.mark.parametrize(("count", "words"), [(5, "5 bytes"), (999, "999 bytes"), (34e9, "34 GB"), (2**63, "9.22 EB")])
def test_bytes_in_words(count: int, words: str) -> None:
    assert guard.in_words(int(count)) == words
