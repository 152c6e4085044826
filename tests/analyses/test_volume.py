"""A whole scan as one stack of images."""

import shutil
from pathlib import Path
from typing import Any

import h5py
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


def test_what_is_no_scan_is_told(scan_file: Path) -> None:
    with pytest.raises(InputError, match=r"the scan is .*; give what rr.open_scan\(file\) returns"):
        rr.reconstruct_scan(scan_file, rr.reconstructor("tv"))  # type: ignore[arg-type]
