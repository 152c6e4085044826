import pytest

from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.estimate import estimate_study
from napari_recon_robust.studies.work import store_beside


@pytest.mark.slow
def test_a_sample_tells_time_and_room_and_keeps_nothing(write_plan) -> None:
    path = write_plan(slices="all", regions=["image"], keep={"images": "all", "worst": 1})
    found = run(estimate_study(path))
    assert (found.trials, found.sampled, found.errors) == (15, 3, ())
    assert found.seconds > 0
    assert found.bytes > 15 * 2 * 96 * 96 * 4
    assert not store_beside(path).exists()
    without = run(estimate_study(write_plan(slices="all", regions=["image"])))
    assert without.bytes == pytest.approx(15 * 400)


def test_what_fails_in_the_sample_is_told(write_plan) -> None:
    found = run(estimate_study(write_plan(regions=[{"kind": "lesions", "diameters": [90]}])))
    assert "3 of the sample failed, the first: the tissue" in found.sentence
