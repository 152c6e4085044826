"""A search that was cut off when the window ended is told of, and begun again as it was."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.galleries import copied
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.workbench import Workbench, saved_review

LESION = ROI.box(62, 48, 10, 12)
SAMPLING = Sampling(acceleration=3, seed=5)


@pytest.fixture
def bench(scan_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """A review that is set up for an attack, and whose process is gone when another one looks for it."""
    monkeypatch.setattr(saved_review, "_runs", lambda name: False)
    bench = Workbench()
    bench.acquisition.open(Path(shutil.copy(scan_file, tmp_path / "head.h5"))).run()
    bench.acquisition.measure(1, SAMPLING).run()
    bench.reconstruction.choose("cg-sense", weight=0.01)
    bench.regions.draw(LESION, 1)
    bench.perturbing.choose("worst-case", steps=1)
    bench.perturbing.budget, bench.perturbing.further = 0.02, (0.01,)
    yield bench
    bench.acquisition.close()


def reopened() -> Workbench:
    other = Workbench()
    other.resuming.look()
    other.resuming.resume().run()
    assert other.unfinished.found is None, "its slice is not measured, so it cannot be begun"
    other.acquisition.measure().run()
    return other


def keep(bench: Workbench) -> None:
    task = bench.resuming.save()
    assert task is not None
    task.run()


def test_an_attack_that_was_under_way_is_told_of_and_begun_again_as_it_was_set(bench: Workbench) -> None:
    search = bench.perturbing.run().search
    bench.unfinished.running = lambda: search
    bench.reconstruction.choose("zero-filled")  # and all else, while it goes on
    bench.perturbing.choose("random")
    bench.perturbing.budget = 0.05
    bench.regions.choose([])
    bench.acquisition.measure(0, None).run()
    keep(bench)
    (found,) = saved_review.kept()
    assert found.words.endswith(", a search that was not finished")
    other = reopened()
    assert (other.perturbing.result, other.history.entries) == (None, []), "nothing is shown as its result"
    assert other.unfinished.sentence == (
        "This search was cut off, and nothing of it is kept: Worst-case noise at 2% on CG-SENSE (weight 0.01), slice 1."
    )
    other.unfinished.again().run()
    result = other.result
    assert result.setting.method.id == "cg-sense"
    assert result.setting.method.knobs["weight"] == 0.01
    assert result.setting.roi == LESION
    assert [one.perturbed.budget.nominal for one in result.outcomes] == [0.01, 0.02]
    assert (other.acquisition.index, other.acquisition.sampling) == (1, SAMPLING)
    assert other.unfinished.sentence == ""
    with pytest.raises(InputError, match="no search was cut off"):
        other.unfinished.again()
    other.acquisition.close()


def test_a_feature_that_was_looked_for_and_a_map_are_too(bench: Workbench) -> None:
    bench.perturbing.choose("fnaf", size=6.0)
    for task, words in (
        (bench.perturbing.run(), "Lost lesion (FNAF) on CG-SENSE"),
        (bench.fragility.run(), "Looking for lost features, CG-SENSE"),
    ):
        bench.unfinished.running = lambda task=task: task.search
        keep(bench)
        other = reopened()
        assert words in other.unfinished.sentence
        again = other.unfinished.again()
        assert again.label == task.label
        assert other.perturbing.knobs == bench.perturbing.knobs
        other.acquisition.close()


def test_it_is_kept_until_it_is_begun_refused_or_set_otherwise(bench: Workbench) -> None:
    search = bench.perturbing.run().search
    bench.unfinished.running = lambda: search
    keep(bench)
    other = reopened()
    keep(other)
    (found,) = [one for one in saved_review.kept() if one.review.unfinished is not None]
    assert found.review.holds_work
    before = other.unfinished.found
    assert before is not None
    other.unfinished.forget()
    assert other.unfinished.found is None
    other.unfinished.put(before)
    other.unfinished.settle()
    assert other.unfinished.found == before
    other.perturbing.budget = 0.03
    assert other.unfinished.found is None, "Start it again would run another one"
    keep(other)
    assert not [one for one in saved_review.kept() if one.review.unfinished is not None]
    other.acquisition.close()


def test_a_search_that_has_ended_is_not_told_of(bench: Workbench) -> None:
    task = bench.perturbing.run()
    bench.unfinished.running = lambda: task.search
    keep(bench)
    task.run()
    bench.unfinished.running = lambda: None
    keep(bench)
    other = reopened()
    assert other.unfinished.sentence == ""
    assert len(other.history.entries) == 2, "one for each budget"
    other.acquisition.close()


def test_one_of_a_saved_case_is_told_of_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its only slice is there as soon as the review is gone on with."""
    monkeypatch.setattr(saved_review, "_runs", lambda name: False)
    case = copied(tmp_path, "worst-case") / "worst-case"
    bench = Workbench()
    bench.open_case(case).run()
    search = bench.perturbing.run().search
    bench.unfinished.running = lambda: search
    keep(bench)
    other = Workbench()
    other.resuming.look()
    other.resuming.resume().run()
    assert "This search was cut off" in other.unfinished.sentence
    other.unfinished.again()
    other.acquisition.close()
    bench.acquisition.close()
