"""A whole scan as one stack of images."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
import torch
from torch import Tensor

import napari_recon_robust as rr
from napari_recon_robust.analyses.volume import reconstruct_scan
from napari_recon_robust.ground import guard
from napari_recon_robust.ground.errors import InputError, ModelError
from napari_recon_robust.reconstructors.base import Reconstructor

SAMPLING = rr.Sampling(pattern="equispaced", acceleration=3, centre_fraction=0.2)


class Particular(Reconstructor):
    """A^H y, but of no slice whose samples are too large."""

    id, label, summary = "particular", "Particular", ""
    most = 0.0

    def reconstruct(self, measurement: rr.Measurement, **knobs: Any) -> Tensor:
        if float(measurement.kspace.abs().max()) > self.most:
            raise ValueError("too large")
        return measurement.crop(measurement.model.adjoint(measurement.data))


def damaged(scan_file: Path, tmp_path: Path, *slices: int) -> Path:
    path = tmp_path / "damaged.h5"
    shutil.copy(scan_file, path)
    with h5py.File(path, "r+") as file:
        for slice in slices:
            file["kspace"][slice, 0, 5, 5] = np.nan
    return path


def test_each_slice_is_what_the_method_gives(scan_file: Path) -> None:
    method = rr.reconstructor("cg-sense").at(weight=0.02)
    with rr.open_scan(scan_file) as scan:
        volume = rr.reconstruct_scan(scan, method, SAMPLING)
        for slice in range(3):
            measurement = scan.measurement(slice, SAMPLING)
            torch.testing.assert_close(volume.images[slice], method(measurement), rtol=0, atol=0)
            measured = volume.metrics[slice]["image"]
            reference = measurement.reference("combined")
            assert reference is not None
            error = (volume.images[slice].abs() - reference).square().sum() / reference.square().sum()
            assert measured.nmse == pytest.approx(float(error), rel=1e-5)
            assert volume.accelerations[slice] == measurement.acceleration
    assert volume.mean_metrics is not None
    mean = np.mean([volume.metrics[slice]["foreground"].ssim for slice in range(3)])
    assert volume.mean_metrics["foreground"].ssim == pytest.approx(float(mean))
    assert not volume.missing
    assert repr(volume).endswith("3 slices of 96 × 96>")


def test_a_slice_that_cannot_be_read_is_missing_and_the_others_are_there(scan_file: Path, tmp_path: Path) -> None:
    with rr.open_scan(damaged(scan_file, tmp_path, 1)) as scan:
        volume = rr.reconstruct_scan(scan, rr.reconstructor("zero-filled"), SAMPLING)
    assert list(volume.missing) == [1]
    assert "slice 1 of damaged.h5 has NaN" in volume.missing[1]
    assert volume.images[1].isnan().all()
    assert volume.images[[0, 2]].isfinite().all()
    assert sorted(volume.metrics) == sorted(volume.accelerations) == [0, 2]
    assert sorted(volume.record["input"]) == ["0", "2"]


def test_a_slice_on_which_a_method_fails_is_missing(scan_file: Path) -> None:
    method = Particular()
    with rr.open_scan(scan_file) as scan:
        sizes = [float(scan.kspace(slice).abs().max()) for slice in range(3)]
        method.most = sorted(sizes)[1]
        volume = rr.reconstruct_scan(scan, method, SAMPLING)
        method.most = 0.0
        with pytest.raises(ModelError, match=r"failed on this slice \(ValueError: too large\)"):
            rr.reconstruct_scan(scan, method, SAMPLING)
    assert volume.missing == {int(np.argmax(sizes)): "Particular failed on this slice (ValueError: too large)."}


def test_nothing_is_reconstructed_where_no_slice_can_be(scan_file: Path, tmp_path: Path) -> None:
    with (
        rr.open_scan(damaged(scan_file, tmp_path, 0, 1, 2)) as scan,
        pytest.raises(InputError, match=r"slice \d of damaged.h5 has NaN"),
    ):
        rr.reconstruct_scan(scan, rr.reconstructor("zero-filled"))


def test_it_tells_its_progress_and_its_slices_in_order(scan_file: Path) -> None:
    with rr.open_scan(scan_file) as scan:
        steps = list(reconstruct_scan(scan, rr.reconstructor("tv").at(), SAMPLING))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] <= 1
    assert [one for one in dict.fromkeys(step.message for step in steps)] == [f"slice {n} of 3" for n in (1, 2, 3)]


def test_a_volume_that_does_not_fit_is_refused_before_it_begins(
    scan_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_PLENTY", 0)
    monkeypatch.setattr(guard, "free_memory", lambda: 1000)
    with rr.open_scan(scan_file) as scan, pytest.raises(InputError, match=r"the volume of head.h5 needs .* of memory"):
        next(reconstruct_scan(scan, rr.reconstructor("zero-filled").at()))


def test_files_hold_the_images_and_how_they_were_made(scan_file: Path, tmp_path: Path) -> None:
    method = rr.reconstructor("cg-sense").at(weight=0.02)
    with rr.open_scan(scan_file) as scan:
        volume = rr.reconstruct_scan(scan, method, SAMPLING)
        kspace = scan.kspace(0)
    for name in ("a.npy", "a.h5", "a.nii.gz"):
        assert rr.save_volume(volume, tmp_path / name) == tmp_path / name
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), volume.images.numpy())
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_allclose(file["reconstruction"][:], volume.images.abs().numpy(), rtol=1e-6)
        record = json.loads(file["record"][()])
    stored = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(np.asarray(stored.dataobj).T, volume.images.abs().numpy(), rtol=1e-6)
    (comment,) = stored.header.extensions
    assert json.loads(comment.get_content()) == record
    assert record["method"] == "cg-sense"
    assert record["method_knobs"]["weight"] == 0.02
    assert rr.Sampling(**record["source"]["sampling"]) == SAMPLING
    assert len(set(record["input"].values())) == 3
    assert record["versions"]["torch"] == torch.__version__
    assert kspace.shape[0] == 4


def test_the_h5_is_what_fastmris_evaluation_scores(scan_file: Path, tmp_path: Path) -> None:
    """Of `reconstruction` and the target, ||x - r||^2 / ||r||^2 is what `compare_methods` has for whole volumes."""
    settings = {"accelerations": (3.0,), "seeds": ("file",), "patterns": ("random",)}
    table = rr.compare_methods([scan_file], ["zero-filled"], whole_volumes=True, **settings)
    sampling = rr.Sampling(pattern="random", acceleration=3, minimum_centre_lines=12, seed=scan_file.name)
    with rr.open_scan(scan_file) as scan:
        volume = rr.reconstruct_scan(scan, rr.reconstructor("zero-filled"), sampling)
    rr.save_volume(volume, tmp_path / "head.h5")
    with h5py.File(tmp_path / "head.h5") as file, h5py.File(scan_file) as source:
        image, kspace = file["reconstruction"][:], source["kspace"][:]
    coils = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, (-2, -1)), norm="ortho"), (-2, -1))
    target = np.sqrt((np.abs(coils) ** 2).sum(1))[:, 48:144]
    (result,) = table.results
    nmse = np.linalg.norm(image - target) ** 2 / np.linalg.norm(target) ** 2
    assert result.nmse == pytest.approx(float(nmse), rel=1e-3)


def test_what_is_no_scan_is_told(scan_file: Path) -> None:
    with pytest.raises(InputError, match=r"the scan is .*; give what rr.open_scan\(file\) returns"):
        rr.reconstruct_scan(scan_file, rr.reconstructor("tv"))  # type: ignore[arg-type]
