"""Scores of whole volumes, against numpy and scikit-image on the file's own k-space."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import napari_recon_robust as rr
from napari_recon_robust.analyses.quality.comparing import compare_methods
from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.analyses.quality.grid import Grid, groups
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.reconstructors.classical.cg_sense import CGSense

SETTINGS = {"accelerations": (3.0,), "seeds": ("file",), "patterns": ("random",)}
SAMPLING = {"pattern": "random", "acceleration": 3, "centre_fraction": 0.08, "minimum_centre_lines": 12}


def root_sum_of_squares(path: Path) -> NDArray[np.float64]:
    """Of all slices, from the file's k-space, cropped to 96x96."""
    with h5py.File(path) as file:
        kspace = file["kspace"][:]
    axes = (-2, -1)
    images = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, axes), norm="ortho"), axes)
    whole = np.sqrt((np.abs(images) ** 2).sum(1)).astype(np.float64)
    rows, columns = ((length - 96) // 2 for length in whole.shape[1:])
    return whole[:, rows : rows + 96, columns : columns + 96]


def expected(images: NDArray[np.float64], wanted: NDArray[np.float64]) -> tuple[float, float, float]:
    """SSIM, PSNR and NMSE of a volume."""
    span = wanted.max()
    similarity = np.mean(
        [structural_similarity(a, b, win_size=7, data_range=span) for a, b in zip(images, wanted, strict=True)]
    )
    nmse = np.linalg.norm(images - wanted) ** 2 / np.linalg.norm(wanted) ** 2
    return float(similarity), peak_signal_noise_ratio(wanted, images, data_range=span), float(nmse)


def reconstructed(path: Path, name: str, **knobs: float) -> NDArray[np.float64]:
    """Every slice by a method, under the one mask of the file's name."""
    method = rr.reconstructor(name)
    with rr.open_scan(path) as scan:
        sampling = rr.Sampling(**SAMPLING, seed=path.name)
        return np.stack([method(scan.measurement(n, sampling), **knobs).abs().double().numpy() for n in range(3)])


@pytest.mark.slow
def test_the_scores_are_those_of_the_whole_volume(scan_file: Path) -> None:
    table = rr.compare_methods([scan_file], ["zero-filled", "cg-sense, weight=0.02"], whole_volumes=True, **SETTINGS)
    wanted = root_sum_of_squares(scan_file)
    images = [reconstructed(scan_file, "zero-filled"), reconstructed(scan_file, "cg-sense", weight=0.02)]
    for result, image in zip(table.results, images, strict=True):
        found = (result.ssim, result.psnr, result.nmse)
        assert found == pytest.approx(expected(image, wanted), rel=1e-4), result.method
        assert np.isnan(result.ssim_image)
    assert "of whole volumes" in table.markdown()
    assert "of whole volumes" in table.to_json()["figures"]


def test_a_mean_over_volumes_is_arithmetic(scan_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    shutil.copy(scan_file, other)
    with h5py.File(other, "r+") as file:
        kspace = file["kspace"][:]
        rng = np.random.default_rng(0)
        noise = rng.normal(size=kspace.shape) + 1j * rng.normal(size=kspace.shape)
        file["kspace"][:] = kspace + np.abs(kspace).mean() * noise
    table = rr.compare_methods([scan_file, other], ["zero-filled"], whole_volumes=True, **SETTINGS)
    first, second = (result.nmse for result in table.results)
    assert abs(second / first - 1) > 0.01
    (section,) = table.sections
    assert section.scores[0].nmse.value == pytest.approx((first + second) / 2, rel=1e-9)


def test_a_volume_is_scored_once_and_beside_the_slices(
    scan_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, original = [], CGSense.reconstruct

    def counted(self: CGSense, *arguments: object, **knobs: object) -> object:
        calls.append(1)
        return original(self, *arguments, **knobs)

    monkeypatch.setattr(CGSense, "reconstruct", counted)
    for whole in (True, False, True):
        rr.compare_methods([scan_file], ["cg-sense"], output=tmp_path, whole_volumes=whole, **SETTINGS)
    assert len(calls) == 3 + 1
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 2
    assert len((tmp_path / "volumes" / "results.csv").read_text().splitlines()) == 2


def test_a_method_that_fails_on_a_slice_has_no_score_and_others_go_on(
    scan_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = CGSense.reconstruct, []

    def failing(self: CGSense, *arguments: object, **knobs: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise InputError("no more today.")
        return original(self, *arguments, **knobs)

    monkeypatch.setattr(CGSense, "reconstruct", failing)
    table = rr.compare_methods([scan_file], ["cg-sense", "zero-filled"], whole_volumes=True, **SETTINGS)
    failed, other = table.results
    assert (failed.error, failed.method) == ("no more today.", "cg-sense")
    assert np.isnan(failed.nmse)
    assert other.nmse > 0
    assert len(calls) == 2  # the third slice cannot mend it


def test_a_volume_with_a_slice_that_cannot_be_used_is_left_out(scan_file: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.h5"
    shutil.copy(scan_file, damaged)
    with h5py.File(damaged, "r+") as file:
        file["kspace"][2, 0, 5, 50] = np.nan
    table = rr.compare_methods([damaged, scan_file], ["zero-filled"], whole_volumes=True, **SETTINGS)
    assert list(table.faults) == ["damaged.h5"]
    assert len(list(table.results)) == 1
    with pytest.raises(InputError, match="NaN"):
        rr.compare_methods([damaged], ["zero-filled"], whole_volumes=True, **SETTINGS)


def test_a_method_without_sensitivities_needs_no_central_lines(scan_file: Path) -> None:
    entries = [MethodEntry.parse("zero-filled, combine=rss"), MethodEntry.parse("cg-sense")]
    grid = Grid(patterns=("random",), centre_fraction=0, minimum_centre_lines=0)
    found, failed = run(compare_methods(groups([scan_file]), entries, grid, whole_volumes=True)).results
    assert 0 < found.nmse < 1
    assert "there is no ACS to estimate coil sensitivities from" in failed.error


def test_progress_tells_the_slice(scan_file: Path) -> None:
    entries = [MethodEntry.parse("zero-filled")]
    steps = list(compare_methods(groups([scan_file]), entries, Grid(accelerations=(3.0,)), whole_volumes=True))
    assert "head.h5, 3x: slice 3 of 3, zero-filled" in [step.message for step in steps]
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert 0.6 < fractions[-1] < 1


def test_slices_of_other_units_are_scored_in_those_of_the_file(scan_file: Path, tmp_path: Path) -> None:
    """Slices whose numbers are very small are read in other units, one of them here and the others not."""
    scaled = tmp_path / scan_file.name  # by whose name the mask is drawn
    shutil.copy(scan_file, scaled)
    with h5py.File(scaled, "r+") as file:
        kspace = file["kspace"][:]
        factors = np.float32([1.5, 1.5, 0.3]) * 2.0**-40 / np.abs(kspace).max((1, 2, 3))
        file["kspace"][:] = kspace * factors[:, None, None, None]
    with rr.open_scan(scaled) as scan:
        units = [scan.measurement(slice).unit for slice in range(3)]
    assert units[0] == units[1] != units[2]
    (result,) = rr.compare_methods([scaled], ["zero-filled"], whole_volumes=True, **SETTINGS).results
    images = reconstructed(scaled, "zero-filled") * np.array(units)[:, None, None]
    found = (result.ssim, result.psnr, result.nmse)
    assert found == pytest.approx(expected(images, root_sum_of_squares(scaled)), rel=1e-4)


def test_slices_and_volumes_make_no_table_together(scan_file: Path, tmp_path: Path) -> None:
    rr.compare_methods([scan_file], ["zero-filled"], output=tmp_path, whole_volumes=True, **SETTINGS)
    with pytest.raises(InputError, match="holds scores of whole volumes, not of slices; give another folder"):
        rr.compare_methods([scan_file], ["zero-filled"], output=tmp_path / "volumes", **SETTINGS)


def test_whole_volumes_take_no_choice_of_slices(scan_file: Path) -> None:
    with pytest.raises(InputError, match="matrix and slices choose slices, and whole volumes take all of a scan"):
        rr.compare_methods([scan_file], ["zero-filled"], whole_volumes=True, slices=2, matrix=64)


def test_simulated_volumes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "head.nii.gz"
    path.touch()
    with pytest.raises(InputError, match="is no k-space, and whole volumes"):
        run(compare_methods(groups([path]), [MethodEntry.parse("zero-filled")], Grid(), whole_volumes=True))
