"""NIfTI from elsewhere: what the header declares is compared with the file before anything is read."""

import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_recon_robust.ground import guard
from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.io.nifti import load_nifti
from napari_recon_robust.simulation.anatomy import load_volume


@pytest.fixture(params=["head.nii", "head.nii.gz"])
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    nibabel.save(nibabel.Nifti1Image(np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6), np.eye(4)), path)
    return path


def rewrite(path: Path, place: int, value: bytes, length: int | None = None) -> None:
    packed = path.suffix == ".gz"
    content = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    content[place : place + len(value)] = value
    content = content[:length]
    path.write_bytes(gzip.compress(content) if packed else bytes(content))


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_sound_files_are_read_into_memory(tmp_path: Path, kind: type) -> None:
    for name in ("a.nii", "a.nii.gz"):
        nibabel.save(kind(np.arange(24.0, dtype=np.float32).reshape(2, 3, 4), np.eye(4)), tmp_path / name)
        values = np.asanyarray(load_nifti(tmp_path / name).dataobj)
        assert not isinstance(values, np.memmap)
        np.testing.assert_array_equal(values, np.arange(24.0).reshape(2, 3, 4))


def test_more_is_declared_than_the_file_holds(volume: Path) -> None:
    rewrite(volume, 42, struct.pack("<3h", 32767, 32767, 30))
    with pytest.raises(FileFormatError, match=rf"{volume.name} declares 64.4 GB and holds only"):
        load_nifti(volume)


def test_a_bomb_of_zeros_meets_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 MB that stand for 2 GB: sound, as far as deflate goes."""
    path = tmp_path / "head.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), path)
    rewrite(path, 42, struct.pack("<3h", 1000, 1000, 1000))
    with path.open("ab") as file:
        file.write(bytes(2 * 10**6))
    monkeypatch.setattr(guard, "free_memory", lambda: 10**9)
    with pytest.raises(FileFormatError, match="needs 8 GB of memory, and 1 GB are free"):
        load_nifti(path)


def test_extensions_as_long_as_a_bomb(volume: Path) -> None:
    for offset in (2e9, -1.0, float("inf"), float("nan")):
        rewrite(volume, 108, struct.pack("<f", offset))
        with pytest.raises(FileFormatError, match="cannot be read as NIfTI"):
            load_nifti(volume)


@pytest.mark.parametrize("length", [0, 3, 347, 400])
def test_a_file_that_is_cut_off(volume: Path, length: int) -> None:
    rewrite(volume, 0, b"", length)
    with pytest.raises(FileFormatError, match=f"{volume.name} cannot be read as NIfTI") as error:
        load_volume(volume)
    assert str(volume.parent) not in str(error.value)
