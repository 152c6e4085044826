"""Tiny files of each kind that can be trained on."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_recon_robust.ground.errors import InputError, ReconRobustError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io.fastmri import write_fastmri
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import root_sum_of_squares
from napari_recon_robust.simulation import anatomy
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.training import loop
from napari_recon_robust.training.bank import build_bank
from napari_recon_robust.training.case import calibrated
from napari_recon_robust.training.example import MaskSpecification, draw_example
from napari_recon_robust.training.people import Split
from napari_recon_robust.training.sources import Acquired, Anatomy, BankSpecification, find_sources

SPECIFICATION = BankSpecification(cases=6, seed=1, coils=(4, 5), matrix=(32, 40), minimum_centre_lines=8)


def kspace(noise: float, seeds: tuple[int, ...] = (0,), columns: int = 40, coils: int = 5) -> NDArray[np.complex64]:
    """Slices of one object, (slices, coils, 80, columns) with 2x readout oversampling."""
    row, column = np.mgrid[-1:1:40j, -1 : 1 : columns * 1j]
    head = 1.0 * (np.hypot(row / 0.8, column / 0.7) < 1) - 0.4 * (np.hypot(row - 0.2, column) < 0.3)
    made = [
        simulate_slice(
            head, np.random.default_rng(3), coils=coils, noise_level=1e-6, oversampling=2, matrix=(40, columns)
        ).kspace.numpy()
        for _ in seeds
    ]
    for values, seed in zip(made, seeds, strict=True):
        rng = np.random.default_rng(seed)
        values += noise * (rng.normal(size=values.shape) + 1j * rng.normal(size=values.shape)) / np.sqrt(2)
    return np.stack(made).astype(np.complex64)


def write(path: Path, values: NDArray[np.complexfloating], **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_fastmri(path, values, encoded_mm=(440.0, 220.0, 4.0), matrix=(40, values.shape[-1]), **more)
    return path


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


@pytest.mark.parametrize("missing", [0, 24], ids=["whole lines", "partial echo"])
def test_a_scan_becomes_its_coil_images(tmp_path: Path, missing: int) -> None:
    """The bank's case is the file's k-space: oversampling removed, combined by the maps, and its RSS."""
    values = kspace(1e-3)
    values[:, :, :missing] = 0
    source = Acquired([write(tmp_path / "file1.h5", values)])
    rng = np.random.default_rng(0)
    acquired = source.acquisition(SPECIFICATION, rng)
    images = fourier.centre_crop(fourier.ifft(torch.from_numpy(values[0])), 40, -2)
    torch.testing.assert_close(acquired.wanted, images, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fourier.ifft(acquired.hybrid, (-1,)), images, rtol=1e-4, atol=1e-5)
    assert acquired.sigma == pytest.approx(1e-3 * (1 - missing / 80) ** 0.5, rel=0.15)
    case = calibrated(acquired, SPECIFICATION, rng)
    scale = float(torch.quantile(root_sum_of_squares(images), 0.995))
    torch.testing.assert_close(case.magnitude, root_sum_of_squares(images) / scale, rtol=1e-3, atol=1e-4)
    inside = case.sensitivities.abs().sum(0) > 0
    assert inside.float().mean() > 0.3
    # ESPIRiT's maps explain the coil images, so combining them loses little of their energy.
    kept = case.truth[inside].abs().square().sum() / case.magnitude[inside].square().sum()
    assert 0.97 < float(kept) <= 1 + 1e-5


def test_repetitions_are_averaged_for_the_target_alone(tmp_path: Path) -> None:
    """Also where the phase has drifted between them."""
    files = []
    for number in (1, 2, 3):
        turned = kspace(2e-2, (number,)) * np.exp(1j * number)
        files.append(write(tmp_path / f"2022_T10{number}.h5", turned))
    acquired = Acquired(files).acquisition(SPECIFICATION, np.random.default_rng(0))
    clean = fourier.centre_crop(fourier.ifft(torch.from_numpy(kspace(0.0)[0])), 40, -2)

    def error(images: torch.Tensor) -> float:
        turn = torch.sgn((images.conj() * clean).sum())
        return float((images * turn - clean).norm())

    one = error(fourier.ifft(acquired.hybrid, (-1,)))
    assert error(acquired.wanted) == pytest.approx(one / 3**0.5, rel=0.05)


def test_padded_lines_are_known_to_be_zero(tmp_path: Path) -> None:
    values = kspace(1e-3, columns=48)
    values[..., :5] = values[..., -6:] = 0
    source = Acquired([write(tmp_path / "file1.h5", values)])
    case = calibrated(
        source.acquisition(SPECIFICATION, np.random.default_rng(0)), SPECIFICATION, np.random.default_rng(1)
    )
    assert case.acquired.sum() == 37
    for seed in range(5):
        problem = draw_example(case, MaskSpecification(), 40 * 48, np.random.default_rng(seed)).problem
        for padded in (slice(0, 5), slice(-6, None)):
            assert problem.model.mask[0, padded].all()
            assert problem.data[..., padded].abs().max() < 1e-3 * problem.data.abs().max()


@pytest.mark.parametrize("first", [0, 12], ids=["ellipse", "and partial Fourier"])
def test_a_full_scan_with_a_shutter_is_one_of_lines(tmp_path: Path, first: int) -> None:
    """A slice of a 3-D scan: no line is as long as another, and what lies beyond was not to be measured."""
    row, column = np.ogrid[-1:1:80j, -1:1:40j]
    inside = (row**2 + column**2 <= 1) & (np.arange(40) >= first)
    values = kspace(1e-3) * inside
    acquired = Acquired([write(tmp_path / "file1.h5", values)]).acquisition(SPECIFICATION, np.random.default_rng(0))
    images = fourier.centre_crop(fourier.ifft(torch.from_numpy(values[0])), 40, -2)
    torch.testing.assert_close(acquired.wanted, images, rtol=1e-4, atol=1e-5)
    assert acquired.acquired.tolist() == inside.any(0).tolist()


def undersampled(path: Path, every: int = 3) -> NDArray[np.bool_]:
    """Every third line and the 12 in the centre of two slices; the mask."""
    mask = (np.arange(40) % every == 0) | (np.abs(np.arange(40) - 20) < 6)
    write(path, kspace(1e-3, (0, 1)) * mask, mask=mask)
    return mask


def test_an_undersampled_scan_of_its_calibration_lines_alone_is_refused(tmp_path: Path) -> None:
    """None of its lines could be held out; a bank draws another scan."""
    mask = np.abs(np.arange(40) - 20) < 6
    mask[2] = True
    write(tmp_path / "mine.h5", kspace(1e-3, (0, 1)) * mask, mask=mask)
    rng = np.random.default_rng(0)
    acquired = Acquired([tmp_path / "mine.h5"], undersampled=True).acquisition(SPECIFICATION, rng)
    with pytest.raises(InputError, match=r"1 sampled line\(s\) outside its ACS; 2 are needed"):
        calibrated(acquired, SPECIFICATION, rng)


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


@pytest.mark.parametrize("limits", [{"coils": (16, 5)}, {"noise": (0, 0.02)}, {"centre_fraction": (0.1, np.inf)}])
def test_ranges_that_cannot_be_drawn_from_are_refused(limits: dict[str, Any]) -> None:
    (name,) = limits
    with pytest.raises(InputError, match=f"^{name} is .*give the smallest and the largest value"):
        BankSpecification(cases=1, **limits)
    for acceleration in ((0, 4), (0.5, 0.9), (1e5, 1e6)):
        with pytest.raises(InputError, match="acceleration is"):
            MaskSpecification(acceleration=acceleration)
    for seed in (-1, 2**70):
        with pytest.raises(InputError, match="seed is"):
            BankSpecification(cases=1, seed=seed)


@pytest.mark.parametrize("centre", [{"minimum_centre_lines": 500}, {"centre_fraction": (1.5, 2.0)}])
def test_a_centre_that_is_larger_than_the_slice_is_refused(centre: dict[str, Any], tmp_path: Path) -> None:
    source = Acquired([write(tmp_path / "file1.h5", kspace(1e-3))])
    specification = BankSpecification(cases=1, **centre)
    acquired = source.acquisition(specification, np.random.default_rng(0))
    with pytest.raises(InputError, match=r"a slice has 40 lines, and \d+ in its centre are wanted"):
        calibrated(acquired, specification, np.random.default_rng(0))


def test_nan_in_a_scan_stops_with_its_place(tmp_path: Path) -> None:
    values = kspace(1e-3)
    values[0, 2, 5, 7] = np.nan
    write(tmp_path / "data" / "file1.h5", values)
    with pytest.raises(InputError, match=r"file1.h5 has NaN or infinity at 1 k-space point "):
        run(build_bank(SPECIFICATION, tmp_path / "data", tmp_path / "bank"))


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


def test_the_contrast_is_kept_where_asked_for(monkeypatch):
    """`other_contrast`: the share of the slices that go through `anatomy.contrast`."""
    changed = []
    monkeypatch.setattr(anatomy, "contrast", lambda image, rng: changed.append(1) or image)
    x, y, z = np.mgrid[-1:1:48j, -1:1:48j, -1:1:48j]
    head = 1.0 * (np.sqrt(x**2 + y**2 + z**2) < 0.8) - 0.5 * (np.sqrt(x**2 + y**2 + z**2) < 0.5)
    source = Anatomy(anatomy.volume(head, (1.0, 1.0, 1.0)), "NIfTI", "head.nii")
    for share, expected in ((0.0, 0), (1.0, 3)):
        changed.clear()
        specification = BankSpecification(cases=1, coils=(4, 4), matrix=(32, 40), other_contrast=share)
        for seed in range(3):
            source.acquisition(specification, np.random.default_rng(seed))
        assert len(changed) == expected
