"""Tiny files of each kind that can be trained on."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.small_scans import SPECIFICATION, kspace, write
from napari_recon_robust.ground.errors import FileFormatError, InputError, ReconRobustError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.training import loop
from napari_recon_robust.training.bank import build_bank
from napari_recon_robust.training.contents import Acquired
from napari_recon_robust.training.example import MaskSpecification, draw_example
from napari_recon_robust.training.people import Split
from napari_recon_robust.training.sources import find_sources


@pytest.mark.slow
def test_a_folder_mixes_what_can_be_trained_on(
    anatomy_folder: Path, tmp_path: Path, write_dicom: Callable[..., list[Path]]
) -> None:
    (tmp_path / "head_a.nii.gz").write_bytes((anatomy_folder / "head_a.nii.gz").read_bytes())
    x, y, z = np.mgrid[-1:1:48j, -1:1:24j, -1:1:16j]
    (tmp_path / "dicom").mkdir()
    write_dicom(tmp_path / "dicom", (800 * (np.sqrt(x**2 + y**2 + z**2) < 0.9)).astype(np.uint16), "coronal", (1, 4, 1))
    write(tmp_path / "knee" / "file1.h5", kspace(1e-3))
    for number in (1, 2, 3):
        write(tmp_path / f"2022_T10{number}.h5", kspace(1e-2, (number,)))
    (tmp_path / "notes.txt").write_text("what this is")
    sources = run(find_sources(tmp_path))
    kinds = sorted(source.origin.kind for source in sources)
    assert kinds == ["fastMRI HDF5", "fastMRI HDF5", "simulated from DICOM", "simulated from NIfTI"]
    assert sorted(len(source.content.files) for source in sources if isinstance(source.content, Acquired)) == [1, 3]
    bank = run(build_bank(SPECIFICATION, tmp_path, tmp_path / "run" / "bank"))
    assert len(bank) == len(bank.validation) == 6
    assert bank.origins == {"simulated from NIfTI": 1, "simulated from DICOM": 1, "fastMRI HDF5": 2}
    assert not bank.simulated
    for number in range(6):
        draw_example(bank[number], MaskSpecification(), 24 * 40, np.random.default_rng(number))
    ranges = bank.ranges()
    assert ranges["coils"] == (4, 5)
    sides = [side for case in (*bank, *bank.validation) for side in case.magnitude.shape]
    assert ranges["matrix"] == (min(sides), max(sides))
    assert 0 < ranges["noise"][0] < ranges["noise"][1] < 0.1


def undersampled(path: Path, every: int = 3) -> NDArray[np.bool_]:
    """Every third line and the 12 in the centre of two slices; the mask."""
    mask = (np.arange(40) % every == 0) | (np.abs(np.arange(40) - 20) < 6)
    write(path, kspace(1e-3, (0, 1)) * mask, mask=mask)
    return mask


@pytest.mark.slow
def test_undersampled_scans_keep_their_lines(tmp_path: Path) -> None:
    mask = undersampled(tmp_path / "data" / "mine.h5")
    (source,) = run(find_sources(tmp_path / "data", undersampled=True))
    assert source.origin.kind == "fastMRI HDF5, undersampled"
    bank = run(build_bank(SPECIFICATION, tmp_path / "data", tmp_path / "bank", undersampled=True))
    assert bank.undersampled
    assert bank.ranges()["acceleration"] == (40 / mask.sum(),) * 2
    for seed in range(4):
        problem = draw_example(bank[seed], MaskSpecification(), 24 * 40, np.random.default_rng(seed)).problem
        np.testing.assert_array_equal(problem.model.mask[0], mask)
        assert not problem.data[..., ~mask].any()


@pytest.mark.slow
def test_undersampled_scans_train_by_their_own_lines_alone(tmp_path: Path) -> None:
    mask = undersampled(tmp_path / "data" / "mine.h5")
    recipe = loop.Recipe(
        id="mine",
        title="my network",
        network="hqs-supervised",
        arguments={"unrolls": 1, "widths": [8, 8]},
        loss="held-out-lines",
        bank=SPECIFICATION,
        pixels=24 * 40,
        presets={"cpu": {"steps": 2, "precision": "float32"}},
    )
    card = run(loop.train(recipe, tmp_path / "data", tmp_path / "run")).with_suffix(".md").read_text(encoding="utf-8")
    assert "1 fastMRI HDF5, undersampled" in card
    assert f"- acceleration {40 / mask.sum():g} to {40 / mask.sum():g}, lines of its own" in card
    assert "NMSE" not in card  # nothing is known that an error could be told from
    (tmp_path / "run" / "checkpoint.pt").unlink()
    supervised = recipe.model_copy(update={"loss": "improvement"})
    with pytest.raises(InputError, match="'improvement' needs the truth"):
        run(loop.train(supervised, tmp_path / "data", tmp_path / "run"))
    with pytest.raises(InputError, match="mine.h5 is undersampled"):
        run(loop.train(supervised, tmp_path / "data", tmp_path / "another"))


@pytest.mark.slow
def test_undersampled_scans_need_lines_and_a_centre(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(size=(80, 40)) < 0.4
    write(tmp_path / "points" / "points.h5", kspace(1e-3) * points)
    with pytest.raises(InputError, match="whole lines are needed"):
        run(find_sources(tmp_path / "points", undersampled=True))
    mask = np.arange(40) % 3 != 0
    write(tmp_path / "bare" / "bare.h5", kspace(1e-3) * mask, mask=mask)
    with pytest.raises(InputError, match=r"2 adjacent lines in the centre; 8 are needed"):
        run(build_bank(SPECIFICATION, tmp_path / "bare", tmp_path / "bank", undersampled=True))


def test_held_out_names_are_not_read(anatomy_folder: Path, tmp_path: Path) -> None:
    assert len(run(find_sources(anatomy_folder))) == 2
    (left,) = run(find_sources(anatomy_folder, Split(exclude=("head_b",))))
    assert left.origin.name == "head_a.nii.gz"
    write(tmp_path / "val" / "file1.h5", kspace(1e-3))
    with pytest.raises(InputError, match="nothing to train on"):
        run(find_sources(tmp_path, Split(exclude=("val",))))


def test_nobody_who_is_held_out_is_trained_on(tmp_path: Path) -> None:
    """By the patient in the files, and by their content."""
    for number, patient in enumerate(("P1", "P1", "P2")):
        write(tmp_path / f"scan{number}.h5", kspace(1e-3, (number,)), attributes={"patient_id": patient})
    with pytest.raises(InputError, match=r"scan1.h5 and scan0.h5 are of one person \(patient .*for training.*for test"):
        run(find_sources(tmp_path, Split(exclude=("scan0",))))
    (tmp_path / "scan3.h5").write_bytes((tmp_path / "scan2.h5").read_bytes())
    with h5py.File(tmp_path / "scan3.h5", "r+") as file:
        file.attrs["patient_id"] = "P3"
    assert len(run(find_sources(tmp_path, Split(exclude=("scan2",))))) == 3
    (tmp_path / "scan3.h5").write_bytes((tmp_path / "scan2.h5").read_bytes())
    (tmp_path / "scan2_broken.h5").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"scan3.h5 and scan2.h5 are of one person"):
        run(find_sources(tmp_path, Split(exclude=("scan2",))))


def test_bytes_of_a_held_out_volume_are_not_trained_on(anatomy_folder: Path, tmp_path: Path) -> None:
    for name in ("held.nii.gz", "copy.nii.gz"):
        (tmp_path / name).write_bytes((anatomy_folder / "head_a.nii.gz").read_bytes())
    with pytest.raises(InputError, match=r"copy.nii.gz and held.nii.gz are of one person \(copy.nii.gz\)"):
        run(find_sources(tmp_path, Split(exclude=("held",))))


def test_a_held_out_volume_is_known_without_its_compression(anatomy_folder: Path, tmp_path: Path) -> None:
    content = (anatomy_folder / "head_a.nii.gz").read_bytes()
    (tmp_path / "held.nii").write_bytes(gzip.decompress(content))
    (tmp_path / "held_damaged.nii").write_bytes(b"nothing")
    (tmp_path / "train.nii.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"train.nii.gz and held.nii are of one person \(train.nii.gz\)"):
        run(find_sources(tmp_path, Split(exclude=("held",))))


def test_what_cannot_be_trained_on_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        run(find_sources(tmp_path / "missing"))
    with pytest.raises(InputError, match="nothing to train on"):
        run(find_sources(tmp_path))
    mask = np.arange(40) % 2 == 0
    cases: dict[str, tuple[NDArray[np.complexfloating], dict[str, Any], str]] = {
        "under": (kspace(1e-3) * mask, {"mask": mask}, "under.h5 is undersampled"),
        "single": (kspace(1e-3)[:, :1], {}, r"single.h5 has 1 coil"),
    }
    for name, (values, more, words) in cases.items():
        write(tmp_path / name / f"{name}.h5", values, **more)
        with pytest.raises(InputError, match=words):
            run(find_sources(tmp_path / name))
    write(tmp_path / "odd" / "a_T101.h5", kspace(1e-3))
    write(tmp_path / "odd" / "a_T102.h5", kspace(1e-3, columns=36))
    with pytest.raises(InputError, match="different sizes"):
        run(find_sources(tmp_path / "odd"))
    (tmp_path / "other").mkdir()
    with h5py.File(tmp_path / "other" / "results.h5", "w") as file:
        file["table"] = [1]
    with pytest.raises(ReconRobustError, match=r"results.h5 is an HDF5 file with table"):
        run(find_sources(tmp_path / "other"))


def test_a_volume_that_is_too_coarse_is_named(tmp_path: Path) -> None:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(np.ones((8, 8, 8), np.float32), np.diag([2, 2, 5, 1])), tmp_path / "coarse.nii")
    with pytest.raises(InputError, match=r"coarse.nii has voxels of 2 × 2 × 5 mm"):
        run(find_sources(tmp_path))


def test_a_file_in_two_folders_shows_one_person(tmp_path: Path) -> None:
    for place, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / place).mkdir()
        write(tmp_path / place / "scan.h5", kspace(1e-3 * (1 + seed)))
    first, again, other = (source.origin for source in run(find_sources(tmp_path)))
    assert first.sha256 == again.sha256 != other.sha256
    assert first.person == again.person != other.person


def test_a_volume_with_and_without_compression_shows_one_person(anatomy_folder: Path, tmp_path: Path) -> None:
    content = (anatomy_folder / "head_a.nii.gz").read_bytes()
    (tmp_path / "head.nii.gz").write_bytes(content)
    (tmp_path / "unpacked.nii").write_bytes(gzip.decompress(content))
    assert {source.origin.person for source in run(find_sources(tmp_path))} == {"head.nii.gz"}
    with pytest.raises(InputError, match="of one person"):
        run(find_sources(tmp_path, Split(validation=("unpacked",))))


def test_nan_in_one_slice_stops_with_its_place(tmp_path: Path) -> None:
    """Also where other slices could take its place."""
    values = np.concatenate([kspace(1e-3)] * 2)
    values[-1, 2, 5, 7] = np.nan
    write(tmp_path / "data" / "file1.h5", values)
    slice = len(values) - 1
    with pytest.raises(FileFormatError, match=rf"^slice {slice} of file1.h5 has NaN or infinity, .* take it out"):
        run(build_bank(SPECIFICATION, tmp_path / "data", tmp_path / "bank"))


def test_an_empty_slice_is_passed_over(tmp_path: Path) -> None:
    values = np.concatenate([kspace(1e-3)] * 8)
    values[-1] = 0
    write(tmp_path / "data" / "file1.h5", values)
    assert len(run(build_bank(SPECIFICATION, tmp_path / "data", tmp_path / "bank"))) == SPECIFICATION.cases


@pytest.mark.slow
def test_the_card_says_what_was_trained_on(tmp_path: Path) -> None:
    write(tmp_path / "data" / "file1.h5", kspace(1e-3))
    recipe = loop.Recipe(
        id="small",
        title="a small network",
        network="unet",
        arguments={"channels": 4, "pools": 2},
        loss="magnitude",
        bank=SPECIFICATION,
        pixels=24 * 40,
        presets={"cpu": {"steps": 2, "precision": "float32"}},
    )
    path = run(loop.train(recipe, tmp_path / "data", tmp_path / "run"))
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "1 fastMRI HDF5" in card
    assert "- 5 to 5 coils, 40 to 40 pixels" in card
    assert "- acceleration 2 to 4, equispaced" in card  # R is smaller than the number of coils
    assert "The reference of a scan holds the noise of the samples that the network gets." in card
    assert "simulated" not in card
    (origin,) = json.loads((tmp_path / "run" / "bank" / "sources.json").read_text(encoding="utf-8"))["sources"]
    assert origin["sha256"] == hashlib.sha256((tmp_path / "data" / "file1.h5").read_bytes()).hexdigest()
    assert "validation is of the same person" in card
