"""The queue of perturbations."""

from pathlib import Path

import pytest

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.workbench import Workbench


@pytest.fixture
def bench(bench: Workbench) -> Workbench:
    """A region on each of two slices, another sampling and knob, and a kind of perturbation that is quick."""
    bench.acquisition.measure(1, Sampling(acceleration=3)).run()
    bench.reconstruction.choose("cg-sense", weight=0.02)
    bench.perturbing.choose("random")
    bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    bench.regions.draw(ROI.box(30, 40, 12, 12), 0)
    return bench


def run(bench: Workbench) -> None:
    while (task := bench.queue.next()) is not None:
        task.run()


@pytest.mark.slow
def test_every_method_runs_on_every_region_at_every_budget(bench: Workbench) -> None:
    queue, regions = bench.queue, bench.regions.all[-2:]
    queue.add(["cg-sense", "zero-filled"], regions, [0.005, 0.01])
    assert queue.words == "0 of 8 done"
    run(bench)
    assert [one.state for one in queue.orders] == ["done"] * 8
    assert queue.words == "8 of 8 done"
    found = [(one.slice, one.region, one.method, one.budget) for one in bench.history.entries]
    assert found == [
        (region.slice, region.name, method, budget)
        for region in regions
        for method in ("CG-SENSE", "Zero-filled")
        for budget in (0.005, 0.01)
    ]
    assert bench.history.entries[0].method_knobs["weight"] == 0.02, "the method that is chosen runs with its knobs"
    assert bench.perturbing.result is None, "what is looked at stays"
    task = bench.history.show(bench.history.entries[-1])
    assert task is not None
    task.run()
    assert bench.history.current is bench.history.entries[-1]
    assert bench.acquisition.source["sampling"]["acceleration"] == 3


def test_what_tells_orders_apart_stands_first(bench: Workbench) -> None:
    (order,) = bench.queue.add(["zero-filled"], bench.regions.all[-1:], [0.005])
    assert order.line == "slice 0 · 12×12 · 0.5% · Zero-filled · Random noise · drawn 2"
    assert order.title == "Random noise 0.5% on Zero-filled, slice 0 · 12×12 · drawn 2"


def test_orders_for_a_saved_case_name_its_slice_of_its_scan(bench: Workbench, tmp_path: Path) -> None:
    bench.regions.choose(bench.regions.all[1:2])
    assert bench.acquisition.index == 1
    bench.perturbing.run().run()
    bench.rating.save(tmp_path / "case").run()
    again = Workbench()
    again.open_case(tmp_path / "case").run()
    (order,) = again.queue.add(["zero-filled"], again.regions.all, [0.005])
    assert order.line.startswith("slice 1 · 10×12 · ")
    run(again)
    (kept,) = [one for one in again.history.entries if one is order.entry]
    assert f"{kept.method}, {kept.place}" in order.title
    again.regions.choose([])
    again.perturbing.choose("worst-case")
    with pytest.raises(InputError, match="no region is chosen on slice 1"):
        again.perturbing.run()
    again.regions.remove(again.regions.all)
    with pytest.raises(InputError, match="no region is on slice 1"):
        again.measuring.run()


def test_a_failure_is_one_row_with_its_sentence(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = bench.queue
    method = bench.reconstruction.find("zero-filled")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("too much for it")

    monkeypatch.setattr(type(method), "reconstruct", fail)
    first, second = queue.add(["zero-filled", "cg-sense"], bench.regions.all[1:2], [0.01])
    run(bench)
    assert (first.state, second.state) == ("failed", "done")
    assert "too much for it" in first.sentence
    assert [one.method for one in bench.history.entries] == ["CG-SENSE"]
    assert queue.words == "1 of 2 done, 1 failed"


def test_orders_are_cancelled_and_tidied_away(bench: Workbench) -> None:
    queue = bench.queue
    orders = queue.add(["cg-sense"], bench.regions.all[1:2], [0.005, 0.01, 0.02])
    task = queue.next()
    assert task is not None
    assert queue.running is orders[0]
    queue.cancel(orders[1:2])
    assert [one.state for one in orders] == ["running", "cancelled", "waiting"]
    queue.cancel()
    task.run()
    assert [one.state for one in orders] == ["cancelled"] * 3
    assert bench.history.entries == [], "what was cancelled has no result"
    queue.tidy()
    assert queue.orders == []


def test_the_time_left_is_known_from_what_has_ended(bench: Workbench) -> None:
    queue, now = bench.queue, [0.0]
    queue._clock = lambda: now[0]
    queue.add(["cg-sense", "zero-filled"], bench.regions.all[1:2], [0.005, 0.01])
    said = []
    for seconds in (100.0, 120.0, 65.0):
        task = queue.next()
        assert task is not None
        now[0] += seconds
        task.run()
        said.append(queue.words)
    assert [one.method.id for one in queue.orders] == ["cg-sense", "cg-sense", "zero-filled", "zero-filled"]
    assert said == ["1 of 4 done", "2 of 4 done", "3 of 4 done, about 65 s left"], (
        "of the other method nothing is known"
    )
    bench.acquisition.close()
    assert queue.orders == [], "they were of that scan"


def test_what_is_missing_is_said(bench: Workbench) -> None:
    regions = bench.regions.all[1:2]
    for arguments, words in (
        (([], regions, [0.01]), "no method is marked"),
        ((["tv"], [], [0.01]), "no region is marked"),
        ((["tv"], regions, []), "no budget is given"),
    ):
        with pytest.raises(InputError, match=words):
            bench.queue.add(*arguments)
    bench.perturbing.choose("spike")
    (order,) = bench.queue.add(["zero-filled"], regions, [])
    run(bench)
    assert (order.state, order.sentence) == ("done", "")
    assert bench.history.entries[0].budget is None
