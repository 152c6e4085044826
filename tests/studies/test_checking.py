import pytest

from napari_recon_robust.data.scan import Scan
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.checking import check_study


def test_a_plan_is_counted_without_its_kspace(write_plan, monkeypatch) -> None:
    monkeypatch.setattr(Scan, "_slice", None)
    found = run(check_study(write_plan(slices="all", regions=["image"], methods=["tv", "zero-filled"])))
    assert (found.trials, found.slices, found.methods, found.changes) == (30, 3, 2, 5)
    assert "30 trials" in found.sentence


def test_a_region_that_comes_twice_is_told(write_plan, tmp_path) -> None:
    regions = [{"kind": "drawn", "boxes": ["3,4,5,6"]}, {"kind": "image"}]
    assert run(check_study(write_plan(regions=regions))).trials == 10
    with pytest.raises(InputError, match="has no trial"):
        run(check_study(write_plan(slices=[2])))
