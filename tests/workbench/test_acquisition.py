"""Which slice and sampling were asked for, and which are shown."""

from pathlib import Path

import pytest
import yaml

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.data.scan import Scan
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.drafting import draft

FOUR, EIGHT = Sampling(acceleration=4), Sampling(acceleration=8)


@pytest.fixture
def bench(bench: Workbench) -> Workbench:
    bench.acquisition.measure(1, FOUR).run()
    bench.perturbing.choose("random")
    bench.undoing.forget()
    return bench


def test_a_cancelled_sampling_is_not_taken_up_again(bench: Workbench) -> None:
    acquisition, undoing = bench.acquisition, bench.undoing
    task = acquisition.measure(sampling=EIGHT)
    bench.regions.draw(ROI.box(30, 40, 12, 12), 1)
    task.give_up()
    assert (acquisition.asked, acquisition.sampling) == ((1, FOUR), FOUR)
    bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    assert undoing.undone_next == "drawing drawn 2", "nothing else was done"
    assert undoing.undo() is None
    acquisition.measure(0).run()
    assert acquisition.current.sampling == FOUR


def test_what_is_cancelled_after_something_newer_was_asked_for_takes_nothing_of_that_back(bench: Workbench) -> None:
    before = bench.acquisition.measure(sampling=EIGHT)
    task = bench.acquisition.measure(0)
    before.give_up()
    task.run()
    assert (bench.acquisition.index, bench.acquisition.sampling) == (0, EIGHT)


def test_a_slice_whose_reading_is_cancelled_is_asked_for_with_the_sampling_that_is_said(bench: Workbench) -> None:
    bench.acquisition.measure(sampling=EIGHT)
    bench.acquisition.measure(0).give_up()
    assert bench.acquisition.slice is None
    bench.acquisition.measure().run()
    assert (bench.acquisition.index, bench.acquisition.current.sampling) == (0, FOUR)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_sampling_that_cannot_be_measured_is_not_kept(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def fail(*_: object) -> None:
        raise error("no room.")

    with monkeypatch.context() as broken:
        broken.setattr(Scan, "measurement", fail)
        with pytest.raises(error):
            bench.acquisition.measure(sampling=EIGHT).run()
    assert bench.acquisition.asked == (1, FOUR)


def test_the_queue_and_a_plan_take_the_sampling_that_is_asked_for(bench: Workbench, tmp_path: Path) -> None:
    """The control says so while it is measured, and the one before again where that is cancelled."""
    task = bench.acquisition.measure(sampling=EIGHT)
    for sampling in (EIGHT, FOUR):
        (order,) = bench.queue.add(["zero-filled"], bench.regions.all[:1], [0.005])
        assert order.sampling == sampling
        plan = draft(bench.acquisition, bench.reconstruction, bench.regions, bench.perturbing, tmp_path / "plan.yaml")
        assert yaml.safe_load(plan.text)["masks"][0]["acceleration"] == sampling.acceleration
        task.give_up()


def test_an_undo_of_a_sampling_that_is_cancelled_can_be_undone_still(bench: Workbench) -> None:
    acquisition, undoing = bench.acquisition, bench.undoing
    acquisition.measure(sampling=EIGHT).run()
    task = undoing.undo()
    assert task is not None
    task.give_up()
    assert (acquisition.asked[1], undoing.undone_next, undoing.redone_next) == (EIGHT, "another sampling", "")
    again = undoing.undo()
    assert again is not None
    again.run()
    assert (acquisition.current.sampling, undoing.undone_next) == (FOUR, "")

    task = undoing.redo()
    assert task is not None
    task.give_up()
    assert (acquisition.asked[1], undoing.undone_next, undoing.redone_next) == (FOUR, "", "another sampling")
    acquisition.measure(0).give_up()
    assert (undoing.undone_next, undoing.redone_next) == ("", "another sampling"), "that was no step"


def test_for_a_slice_that_cannot_be_read_nobody_is_told_to_wait(bench: Workbench) -> None:
    task = bench.acquisition.measure(0)
    with pytest.raises(InputError, match="wait until it is shown"):
        _ = bench.acquisition.current
    task.give_up()
    with pytest.raises(InputError, match="slice 0 was not read, so it has no image; choose another slice"):
        _ = bench.acquisition.current
    bench.acquisition.measure(1).run()
    assert bench.acquisition.current.index == 1
