import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from numba import njit
from numba.core import event

from napari_recon_robust.analyses.diversity import choose
from napari_recon_robust.analyses.plausibility import plausible_band
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench, reconstruction
from napari_recon_robust.workbench.compiling import Compilations, compilations


@pytest.mark.slow
def test_what_the_knobs_have_prepared_is_not_rendered_again(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    task = bench.reconstruction.prepare()
    assert task is not None
    task.run()
    with monkeypatch.context() as patch:
        patch.setattr(type(bench.reconstruction.reconstructor), "reconstruct", None)
        chosen = bench.choosing.diverse(3).run()
    assert bench.choosing.variants == [*chosen]
    assert len(chosen) == 3
    for variant in chosen:
        again = bench.reconstruction.chosen.at(**variant.knobs)(bench.acquisition.current.measurement).abs()
        torch.testing.assert_close(again, variant.image)


@pytest.mark.slow
def test_it_renders_what_is_missing_and_differs_on_the_chosen_region(bench: Workbench) -> None:
    roi = ROI.box(20, 20, 16, 16)
    bench.regions.draw(roi, 1)
    chosen = bench.choosing.diverse(2).run()
    region = roi.mask(bench.acquisition.current.measurement.matrix)
    assert bench.choosing.region is not None
    assert torch.equal(bench.choosing.region, region)
    assert bench.choosing.detail is bench.choosing.region
    band = progress.run(plausible_band(bench.acquisition.current.measurement))
    expected = progress.run(choose(progress.run(bench.reconstruction.members()), 2, band, region=region))
    assert bench.choosing.sentence == expected.sentence
    assert [one.knobs for one in chosen] == [one.knobs for one in expected]
    bench.regions.choose([])
    bench.choosing.diverse(2).run()
    assert bench.choosing.region is None
    assert bench.choosing.detail is not None
    assert 0.1 < float(bench.choosing.detail.float().mean()) < 0.2


@pytest.mark.slow
def test_samples_are_paged_through_by_their_seeds(bench: Workbench) -> None:
    """What is chosen among samples is there when its knobs are set: nothing is drawn again."""
    bench.reconstruction.choose("posterior")
    bench.reconstruction.turn(steps=2, seed=5)
    assert bench.choosing.possible
    first, second = bench.choosing.diverse(2).run()
    assert first.knobs["samples"] == 1
    assert {first.knobs["seed"], second.knobs["seed"]} <= set(range(5, 13))
    assert [one.knobs["seed"] for one in bench.choosing.members] == list(range(5, 13))
    assert len(bench.film.rows["Samples"]) == 8
    method, measurement = bench.reconstruction.chosen, bench.acquisition.current.measurement
    job = method.at(**second.knobs).job(measurement)
    with pytest.raises(StopIteration) as ended:
        next(job)
    assert torch.equal(ended.value.value.abs(), second.image)
    bench.reconstruction.turn(**second.knobs)
    assert bench.choosing.variants == [first, second]
    bench.reconstruction.turn(steps=3)  # samples of another kind
    assert not bench.choosing.variants


@pytest.mark.parametrize(
    "change",
    [
        lambda bench: bench.reconstruction.choose("tv"),
        lambda bench: bench.acquisition.measure(0).run(),
        lambda bench: bench.acquisition.close(),
    ],
    ids=["method", "slice", "closed"],
)
def test_images_of_something_else_go(bench: Workbench, change: Callable[[Workbench], Any]) -> None:
    task = bench.choosing.diverse(2)
    task.run()
    changed: list[bool] = []
    bench.choosing.changed.connect(lambda: changed.append(True))
    change(bench)
    assert not bench.choosing.variants
    assert changed == [True]


def test_turning_the_knobs_to_one_of_them_keeps_them(bench: Workbench) -> None:
    chosen = bench.choosing.diverse(2).run()
    bench.reconstruction.turn(**chosen[1].knobs)
    assert bench.choosing.variants == [*chosen]


def test_images_that_come_too_late_are_dropped(bench: Workbench) -> None:
    task = bench.choosing.diverse(2)
    bench.reconstruction.choose("tv")
    task.run()
    assert not bench.choosing.variants


@pytest.mark.parametrize("method", ["zero-filled", "unet"])
def test_without_a_family_it_says_so(bench: Workbench, method: str) -> None:
    assert bench.choosing.possible
    bench.reconstruction.choose(method)
    assert not bench.choosing.possible
    with pytest.raises(InputError, match="no live knob"):
        bench.choosing.diverse(2)


def test_time_that_includes_compiling_is_no_time_of_a_slice(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    method = bench.reconstruction.reconstructor
    bench.reconstruction.render().run()  # whatever it needs is compiled or loaded
    _until_nothing_compiles()
    bench.reconstruction.seconds.clear()
    original = type(method).reconstruct

    def compiling(self: Any, *args: Any, **knobs: Any) -> Any:
        def plus_one(x: Any) -> Any:
            return x + 1

        njit(plus_one)(1)
        return original(self, *args, **knobs)

    with monkeypatch.context() as patch:
        patch.setattr(type(method), "reconstruct", compiling)
        assert bench.reconstruction.render().run().seconds is None
    assert method.id not in bench.reconstruction.seconds
    bench.reconstruction.render().run()
    assert 0 < bench.reconstruction.seconds[method.id] < 10


def test_the_time_of_the_first_image_may_include_loading_the_method(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, render = bench.reconstruction.reconstructor, reconstruction._render
    seconds = iter([12.0, 0.01, 4.0, 5.0])

    def timed(*args: Any) -> Any:
        return replace((yield from render(*args)), seconds=next(seconds))

    monkeypatch.setattr(reconstruction, "_render", timed)
    said = []
    for index in (1, 1, 0, 1):
        bench.acquisition.measure(index).run()
        bench.reconstruction.render().run()
        said.append(bench.reconstruction.seconds[method.id])
    assert said == [12.0, 12.0, 4.0, 4.0], "the second may have been prepared, or kept by the method"


def test_a_time_that_comes_late_is_none_of_the_next_scan(bench: Workbench, scan_file: Path) -> None:
    bench.reconstruction.render().run()
    _until_nothing_compiles()
    late = bench.reconstruction.render()
    bench.acquisition.open(scan_file).run()
    assert late.run().seconds is not None
    assert not bench.reconstruction.seconds
    bench.acquisition.close()


def test_a_compilation_that_began_before_counts_too() -> None:
    counted = Compilations()
    assert counted.none_since(counted.events)
    counted.running += 1
    assert not counted.none_since(counted.events)


def test_a_compilation_under_way_at_the_first_call_ends_uncounted() -> None:
    data = {"dispatcher": SimpleNamespace(py_func=max)}  # the window listens too, and wants to know whose it is
    with event.trigger_event("numba:compile", data), event.trigger_event("numba:compile", data):  # one needs another
        counted = compilations.__wrapped__()
    assert counted.running == 0
    assert not counted.none_since(0)
    with event.trigger_event("numba:compile", data):
        assert counted.running == 1


def _until_nothing_compiles() -> None:
    """Wait for what a window of an earlier test may have left to compile in the background."""
    end = time.monotonic() + 60
    while compilations().running:
        assert time.monotonic() < end
        time.sleep(0.05)
