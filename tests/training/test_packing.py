"""Anatomies in one file and back."""

import hashlib
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.training.bank import Division
from napari_recon_robust.training.contents import Anatomy
from napari_recon_robust.training.packing import pack, unpack
from napari_recon_robust.training.people import Split
from napari_recon_robust.training.sources import find_sources


@pytest.mark.slow
def test_what_is_unpacked_is_what_was_packed(anatomy_folder: Path, tmp_path: Path) -> None:
    split = Split(people=[{"files": ["head_a"], "licence": "CC0"}, {"files": ["head_b"], "use": "validation"}])
    unpack(run(pack(anatomy_folder, tmp_path / "heads.pack", split)), tmp_path / "unpacked")
    before, after = (run(find_sources(folder, split)) for folder in (anatomy_folder, tmp_path / "unpacked"))
    assert [source.origin for source in after] == [source.origin for source in before]
    assert after[0].origin.sha256 == hashlib.sha256((anatomy_folder / "head_a.nii.gz").read_bytes()).hexdigest()
    assert [source.origin.use for source in after] == ["training", "validation"]
    assert Division.of(after, 0).record() == Division.of(before, 0).record()
    for one, other in zip(before, after, strict=True):
        assert isinstance(one.content, Anatomy)
        assert isinstance(other.content, Anatomy)
        assert one.content.volume.voxel == other.content.volume.voxel
        difference = np.abs(one.content.volume.data - other.content.volume.data)
        inside = one.content.volume.data > 0.3
        assert difference[inside].max() < 0.01
        assert difference.mean() < 0.005


@pytest.mark.slow
def test_a_smaller_file_has_coarser_intensities(tmp_path: Path) -> None:
    x, y, z = np.mgrid[-1:1:64j, -1:1:64j, -1:1:64j]
    rough = np.random.default_rng(0).uniform(400, 1000, x.shape) * (np.sqrt(x**2 + y**2 + z**2) < 0.8)
    (tmp_path / "data").mkdir()
    nibabel.save(nibabel.Nifti1Image(rough.astype(np.int16), np.eye(4)), tmp_path / "data" / "rough.nii.gz")
    fine = run(pack(tmp_path / "data", tmp_path / "fine.pack", Split())).stat().st_size / 1e6
    small = run(pack(tmp_path / "data", tmp_path / "small.pack", Split(), megabytes=0.8 * fine))
    assert small.stat().st_size / 1e6 < 0.8 * fine
    unpack(small, tmp_path / "unpacked")
    (before,), (after,) = (run(find_sources(tmp_path / name)) for name in ("data", "unpacked"))
    assert isinstance(before.content, Anatomy)
    assert isinstance(after.content, Anatomy)
    inside = before.content.volume.data > 0.3
    difference = np.abs(before.content.volume.data - after.content.volume.data)[inside]
    assert 0.002 < difference.max() < 0.02


def test_folders_and_what_they_are_for_are_kept(anatomy_folder: Path, tmp_path: Path) -> None:
    for person, name in (("sub-01", "head_a"), ("sub-02", "head_b")):
        (tmp_path / "data" / person).mkdir(parents=True)
        content = (anatomy_folder / f"{name}.nii.gz").read_bytes()
        (tmp_path / "data" / person / "t1.nii.gz").write_bytes(content)
    split = Split(validation=["sub-02"])
    unpack(run(pack(tmp_path / "data", tmp_path / "heads.pack", split)), tmp_path / "unpacked")
    before, after = (run(find_sources(tmp_path / name, split)) for name in ("data", "unpacked"))
    assert [source.origin for source in after] == [source.origin for source in before]
    assert [source.origin.use for source in after] == ["training", "validation"]


def test_the_held_out_are_not_packed(anatomy_folder: Path, tmp_path: Path) -> None:
    run(pack(anatomy_folder, tmp_path / "heads.pack", Split(exclude=["head_b"])))
    unpack(tmp_path / "heads.pack", tmp_path / "unpacked")
    assert [path.name for path in (tmp_path / "unpacked").glob("*.nii")] == ["head_a.nii"]


@pytest.mark.slow
def test_what_does_not_fit_is_said(anatomy_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"more than 0.001; exclude some of the people"):
        run(pack(anatomy_folder, tmp_path / "heads.pack", Split(), megabytes=0.001))
    assert not (tmp_path / "heads.pack").exists()
    (tmp_path / "text.pack").write_text("no pack")
    with pytest.raises(FileFormatError, match=r"text.pack cannot be read as packed anatomies"):
        unpack(tmp_path / "text.pack", tmp_path / "unpacked")
    whole = run(pack(anatomy_folder, tmp_path / "heads.pack", Split())).read_bytes()
    (tmp_path / "cut.pack").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match=r"cut.pack cannot be read as packed anatomies"):
        unpack(tmp_path / "cut.pack", tmp_path / "unpacked")
