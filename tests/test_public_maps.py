"""Maps and tables of the public interface, beside the modules that bear similar names."""

from pathlib import Path

import pytest

import napari_recon_robust as rr
from napari_recon_robust.studies import fragility, retention, samples, transfer


@pytest.fixture(scope="module")
def measurement(scan_file: Path) -> rr.Measurement:
    with rr.open_scan(scan_file) as scan:
        return scan.measurement(1, rr.Sampling(acceleration=2, centre_fraction=0.2))


def test_each_gives_its_result_and_follows_the_options(measurement: rr.Measurement) -> None:
    cg, roi, steps = rr.reconstructor("cg-sense"), rr.ROI.box(30, 30, 20, 20), []
    found = rr.fragility_map(measurement, cg, tile=16, gradients=1, replicas=0, on_progress=steps.append)
    assert isinstance(found, fragility.FragilityMap)
    assert (found.tile, found.noise) == (16, None)
    assert steps
    kept = rr.retention_map(measurement, cg, roi, spacing=8)
    assert isinstance(kept, retention.RetentionMap)
    assert kept.spacing == 8
    table = rr.recovery_table(measurement, cg, roi, sizes=[3], contrasts=[0.4], count=4)
    assert table.markdown().count("| 3 px |") == 1
    matrix = rr.transfer_matrix(measurement, ["cg-sense", "zero-filled"], roi, found_on=["cg-sense"], budget=0.02)
    assert isinstance(matrix, transfer.Transfer)
    assert matrix.columns == ("cg-sense", "zero-filled")
    assert matrix.found["cg-sense"].budget.nominal == 0.02
    curve = rr.quality_by_samples(measurement, cg, [2, 4], sampling=rr.Sampling(centre_fraction=0.2))
    assert isinstance(curve, samples.Curve)
    assert [level.acceleration for level in curve.levels] == [4, 2]


def test_a_module_does_not_take_a_functions_place() -> None:
    assert callable(rr.fragility_map)
    assert callable(rr.transfer_matrix)
    assert not {"fragility", "transfer"} & set(rr.__all__)
    with pytest.raises(rr.errors.InputError, match="no reconstructor"):
        rr.transfer_matrix(None, ["nonsense"], rr.ROI.box(0, 0, 2, 2))  # type: ignore[arg-type]
