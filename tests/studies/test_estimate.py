import pytest

from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.estimate import estimate_study
from napari_recon_robust.studies.running import run_study
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


def test_each_setting_of_a_perturbation_is_in_the_sample(write_plan) -> None:
    """A search of many steps takes longer than one of a few."""
    searches = {"kind": "worst-case", "budgets": [0.01, 0.02], "knobs": {"steps": [1, 40]}, "seeds": [0, 1]}
    found = run(estimate_study(write_plan(perturbations=[searches])))
    assert (found.trials, found.sampled) == (16, 4)
    assert found.sentence.startswith("By a sample of 4, 16 trials will take about ")


def test_what_fails_in_the_sample_is_told(write_plan) -> None:
    found = run(estimate_study(write_plan(regions=[{"kind": "lesions", "diameters": [90]}])))
    assert "3 of the sample failed, the first: the tissue" in found.sentence


@pytest.mark.thorough
def test_the_room_of_saved_cases_is_what_they_take(write_plan) -> None:
    lesions = {"kind": "lesions", "diameters": [10], "contrasts": [0.4]}
    parts = {"slices": "all", "regions": [lesions], "perturbations": [{"kind": "random", "budgets": [0.01]}, "spike"]}
    path = write_plan(**parts, keep={"worst": 2, "group": ["perturbation", "slice"]})
    found = run(estimate_study(path))
    run(run_study(path))
    cases = list((store_beside(path) / "cases").iterdir())
    assert len(cases) == 6
    taken = sum(file.stat().st_size for case in cases for file in case.iterdir())
    assert found.bytes == pytest.approx(taken, rel=0.1)
