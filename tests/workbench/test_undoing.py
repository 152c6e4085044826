"""Undo and redo of regions, knobs and settings."""

from pathlib import Path

import pytest

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.undoing import Undoing

FIRST, SECOND = ROI.box(62, 46, 10, 12), ROI.box(30, 40, 12, 12)


@pytest.fixture
def bench(bench: Workbench) -> Workbench:
    """The review with a kind of perturbation that is quick."""
    bench.perturbing.choose("random")
    return bench


@pytest.fixture
def seconds(bench: Workbench) -> list[float]:
    """The time that the stack sees."""
    now = [0.0]
    bench.undoing._clock = lambda: now[0]
    return now


def words(undoing: Undoing) -> tuple[str, str]:
    return undoing.undone_next, undoing.redone_next


def test_what_is_set_for_the_first_time_is_no_step(bench: Workbench) -> None:
    assert words(bench.undoing) == ("", "")
    with pytest.raises(InputError, match="nothing to undo"):
        bench.undoing.undo()
    with pytest.raises(InputError, match="nothing to do again"):
        bench.undoing.redo()


def test_regions_go_and_come_back_with_the_result_that_is_of_them(bench: Workbench) -> None:
    undoing, regions = bench.undoing, bench.regions
    region = regions.draw(FIRST, 1)
    assert undoing.undone_next == "drawing drawn 1"
    result = bench.perturbing.run().run()
    assert bench.perturbing.current is result
    changed = regions.reshape(region, SECOND)
    assert undoing.undone_next == "reshaping drawn 1"
    regions.remove([changed])
    assert undoing.undone_next == "deleting drawn 1"
    assert bench.perturbing.current is None
    undoing.undo()
    assert regions.chosen == (changed,)
    undoing.undo()
    assert regions.chosen == (region,)
    assert bench.perturbing.current is result, "its region is as it was"
    assert words(undoing) == ("drawing drawn 1", "reshaping drawn 1")
    undoing.redo()
    assert regions.on(1)[-1].roi == SECOND
    undoing.undo()
    regions.draw(SECOND, 2)
    assert words(undoing) == ("drawing drawn 2", ""), "after something new nothing can be done again"


def test_a_region_that_is_drawn_again_is_chosen_as_it_was_and_has_its_result(bench: Workbench) -> None:
    undoing, regions = bench.undoing, bench.regions
    region = regions.draw(FIRST, 1)
    result = bench.perturbing.run().run()
    undoing.undo()
    assert bench.perturbing.current is None
    undoing.redo()
    assert regions.chosen == (region,)
    assert bench.perturbing.current is result
    regions.choose([])
    undoing.undo()
    undoing.redo()
    assert regions.chosen == ()


def test_a_knob_that_is_turned_without_a_pause_is_one_step(bench: Workbench, seconds: list[float]) -> None:
    undoing, reconstruction = bench.undoing, bench.reconstruction
    first = reconstruction.knobs["weight"]
    for weight in (0.01, 0.02, 0.03):
        reconstruction.turn(weight=weight)
        seconds[0] += 0.5
    assert undoing.undone_next.endswith(" 0.03")
    seconds[0] += 5
    reconstruction.turn(weight=0.05)
    undoing.undo()
    assert reconstruction.knobs["weight"] == 0.03
    undoing.undo()
    assert reconstruction.knobs["weight"] == first
    assert undoing.undone_next == ""
    undoing.redo()
    undoing.redo()
    assert reconstruction.knobs["weight"] == 0.05


def test_methods_kinds_budgets_and_samplings(bench: Workbench, seconds: list[float]) -> None:
    undoing = bench.undoing
    before = bench.reconstruction.chosen, bench.perturbing.chosen, bench.acquisition.sampling
    said = []
    for change in (
        lambda: bench.reconstruction.choose("zero-filled"),
        lambda: bench.perturbing.choose("spike"),
        lambda: setattr(bench.perturbing, "budget", 0.02),
        lambda: bench.acquisition.measure(1, Sampling(acceleration=3)).run(),
    ):
        change()
        said.append(undoing.undone_next)
    assert said == ["choosing Zero-filled", "choosing Spike", "setting the budget to 2%", "another sampling"]
    task = undoing.undo()
    assert task is not None
    task.run()
    assert undoing.redone_next == "another sampling", "that the slice is measured again is no step"
    for _ in range(3):
        assert undoing.undo() is None
    assert (bench.reconstruction.chosen, bench.perturbing.chosen, bench.acquisition.sampling) == before
    assert bench.perturbing.budget == 0.01


def test_as_acquired_is_a_sampling_to_go_back_to(bench: Workbench) -> None:
    acquisition, undoing = bench.acquisition, bench.undoing
    rates = [acquisition.sampling, None, Sampling(acceleration=3)]
    for sampling in rates[1:]:
        acquisition.measure(1, sampling).run()
        assert undoing.undone_next == "another sampling"
    for sampling in rates[1::-1]:
        task = undoing.undo()
        assert task is not None
        task.run()
        assert acquisition.sampling == sampling
    assert undoing.undone_next == ""


def test_an_attack_that_is_shown_again_is_one_step(bench: Workbench) -> None:
    bench.regions.draw(FIRST, 1)
    bench.perturbing.run().run()
    bench.regions.choose([])
    bench.reconstruction.choose("zero-filled")
    bench.perturbing.choose("spike")
    bench.history.show(bench.history.entries[0])
    assert bench.undoing.undone_next == "showing Attack 1"
    bench.undoing.undo()
    assert (bench.reconstruction.chosen.id, bench.perturbing.chosen.id) == ("zero-filled", "spike")


def test_another_scan_has_nothing_to_undo(bench: Workbench, scan_file: Path) -> None:
    bench.regions.draw(FIRST, 1)
    bench.acquisition.use(open_scan(scan_file))
    assert words(bench.undoing) == ("", "")


def test_a_drag_is_one_step_however_long_the_mouse_rests_in_it(bench: Workbench, seconds: list[float]) -> None:
    undoing, reconstruction = bench.undoing, bench.reconstruction
    first = reconstruction.knobs["weight"]
    for weights in ((0.01, 0.02), (0.03, 0.04)):
        undoing.hold(True)
        for weight in weights:
            reconstruction.turn(weight=weight)
            seconds[0] += 5
        undoing.hold(False)
    reconstruction.turn(weight=0.05)
    for weight in (0.04, 0.02, first):
        undoing.undo()
        assert reconstruction.knobs["weight"] == weight
    assert undoing.undone_next == ""
