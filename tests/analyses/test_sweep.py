import gc
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from weakref import ref

import pytest
import torch
from torch import Tensor

from napari_recon_robust.analyses.sweep import Sweep
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.knob import Knob
from napari_recon_robust.ground.progress import Cancelled, Job, Progress, cancellable, run

WEIGHT = Knob(name="weight", label="", help="", default=1e-2, minimum=1e-4, maximum=1.0, scale="log", live=True)
MIX = Knob(name="mix", label="", help="", default=0.5, live=True)


class Painter:
    """Images that are linear in the knobs' positions, and a list of what was asked for."""

    def __init__(self) -> None:
        self.asked: list[dict[str, float]] = []

    def __call__(self, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        for point in points:
            self.asked.append(dict(point))
            yield self.paint(point)

    @staticmethod
    def paint(point: Mapping[str, Any]) -> Tensor:
        unit = WEIGHT.to_unit(point["weight"])
        value = 1 + 3 * unit + point.get("mix", 0.0)
        return torch.full((2, 3), value * 1j, dtype=torch.complex64)


def test_the_grid_is_filled_from_coarse_to_fine_and_nearest_first() -> None:
    painter = Painter()
    sweep = Sweep([WEIGHT], painter, {"weight": 0.9})
    progress = []
    run(sweep.prepare(), progress.append)
    units = [WEIGHT.to_unit(point["weight"]) for point in painter.asked]
    expected = [1, 1 / 2, 0, 3 / 4, 1 / 4, 7 / 8, 5 / 8, 3 / 8, 1 / 8]
    assert units == pytest.approx(expected)
    assert sweep.ready
    assert [p.fraction for p in progress] == pytest.approx([n / 9 for n in range(1, 10)])


def test_what_is_next_follows_the_slider() -> None:
    painter = Painter()
    sweep = Sweep([WEIGHT], painter, {"weight": 1e-4})
    job = sweep.prepare()
    next(job)
    sweep.at({"weight": 1.0})
    next(job)
    assert [point["weight"] for point in painter.asked] == pytest.approx([1e-4, 1.0])


def test_an_exact_image_goes_through_the_same_family_and_leaves_the_grid_alone() -> None:
    painter = Painter()
    sweep = Sweep([WEIGHT], painter, {"weight": 0.9})
    first = sweep.exact({"weight": 0.02})
    assert torch.equal(first, Painter.paint({"weight": 0.02}))
    run(sweep.prepare())
    between = sweep.exact({"weight": 0.03})
    assert torch.equal(between, Painter.paint({"weight": 0.03}))
    assert len(painter.asked) == 11
    assert not sweep.at({"weight": 0.03})[1]


def test_a_failed_render_leaves_the_next_one_possible() -> None:
    painter, failures = Painter(), [InputError("the model raised.")]

    def failing_once(points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        if failures:
            raise failures.pop()
        yield from painter(points)

    sweep = Sweep([WEIGHT], failing_once, {"weight": 0.9})
    with pytest.raises(InputError, match="the model raised"):
        sweep.exact({"weight": 0.9})
    assert torch.equal(sweep.exact({"weight": 0.9}), Painter.paint({"weight": 0.9}))


def test_it_answers_as_soon_as_a_cell_around_the_slider_is_there() -> None:
    sweep = Sweep([WEIGHT], Painter(), {"weight": 0.1})
    job = sweep.prepare()
    assert sweep.at({"weight": 0.1}) is None
    next(job)
    assert sweep.at({"weight": 0.1}) is None
    next(job)
    shown = sweep.at({"weight": 0.1})
    assert shown is not None
    image, exact = shown
    assert not exact
    torch.testing.assert_close(image, Painter.paint({"weight": 0.1}).abs())
    assert sweep.at({"weight": 1e-3}) is None


def test_what_changes_like_a_cubic_along_a_prepared_knob_is_met_exactly() -> None:
    def cubic(point: Mapping[str, Any]) -> Tensor:
        unit = WEIGHT.to_unit(point["weight"])
        return torch.full((2, 3), 5 + 3 * unit - 8 * unit**2 + 6 * unit**3, dtype=torch.complex64)

    def family(points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        yield from map(cubic, points)

    sweep = Sweep([WEIGHT], family, {"weight": 0.1})
    run(sweep.prepare())
    for unit in (0.01, 0.2, 0.55, 0.99):
        point = {"weight": WEIGHT.from_unit(unit)}
        shown = sweep.at(point)
        assert shown is not None
        assert not shown[1]
        torch.testing.assert_close(shown[0], cubic(point).abs(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("steps", [4, 9, 20, 27])
def test_two_knobs_are_interpolated_where_images_are_linear(steps: int) -> None:
    sweep = Sweep([WEIGHT, MIX], Painter(), {"weight": 3e-2, "mix": 0.6})
    job = sweep.prepare()
    for _ in range(steps):
        next(job)
    point = {"weight": 0.03, "mix": 0.7}
    shown = sweep.at(point)
    assert shown is not None
    assert not shown[1]
    torch.testing.assert_close(shown[0], Painter.paint(point).abs())
    assert sweep.ready == (steps == 27)


def test_on_a_node_it_is_exact_and_the_callers_own() -> None:
    sweep = Sweep([WEIGHT, MIX], Painter(), {"weight": 1e-2, "mix": 0.5})
    run(sweep.prepare())
    for weight in (1e-4, 1e-2, 1.0):
        for mix in (0.0, 0.5, 1.0):
            point = {"weight": weight, "mix": mix}
            shown = sweep.at(point)
            assert shown is not None
            image, exact = shown
            assert exact
            torch.testing.assert_close(image, Painter.paint(point).abs())
            image.zero_()
            again = sweep.at(point)
            assert again is not None
            assert again[0].min() > 0


def test_a_cancelled_sweep_goes_on_where_it_was() -> None:
    painter = Painter()
    sweep = Sweep([WEIGHT], painter, {"weight": 1e-2})
    job = sweep.prepare()
    for _ in range(4):
        next(job)
    job.close()
    run(sweep.prepare())
    assert len(painter.asked) == 9
    assert len({point["weight"] for point in painter.asked}) == 9


def test_it_turns_one_or_two_knobs() -> None:
    with pytest.raises(InputError, match="3 knobs"):
        Sweep([WEIGHT, MIX, MIX], Painter(), {"weight": 1.0, "mix": 0.0})


def test_of_a_reconstructor_with_the_other_knobs_as_given() -> None:
    from napari_recon_robust.data.measurement import Measurement
    from napari_recon_robust.reconstructors.base import Reconstructor

    class Paint(Reconstructor):
        id, label, summary = "paint", "Paint", "Paints."
        knobs = (WEIGHT, Knob(name="offset", label="", help="", default=0.0))

        def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
            return Painter.paint(knobs) + 1j * knobs["offset"]

    measurement = Measurement(torch.zeros(1, 2, 3, dtype=torch.complex64), torch.ones(1, 3, dtype=torch.bool), (2, 3))
    sweep = Sweep.of(Paint().at(weight=1e-2, offset=0.5), measurement)
    run(sweep.prepare())
    shown = sweep.at({"weight": 5e-2})
    assert shown is not None
    torch.testing.assert_close(shown[0], Painter.paint({"weight": 5e-2}).abs() + 0.5)


def test_it_goes_on_after_an_image_was_cancelled_within() -> None:
    """As the fit of an untrained network is, when another region is chosen meanwhile."""

    def fit() -> Job[None]:
        yield Progress(0.5)
        yield Progress(1.0)

    def family(points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        for point in points:
            run(fit())
            yield Painter.paint(point)

    sweep = Sweep([WEIGHT], family, {"weight": 0.9})
    with cancellable(lambda: True), pytest.raises(Cancelled):
        run(sweep.prepare())
    run(sweep.prepare())
    assert sweep.ready


def test_a_sweep_that_nobody_wants_goes_at_once(uncollected: None) -> None:
    """It holds images and samples, and in the window the collector is slow to find what refers to itself."""
    sweep = Sweep([WEIGHT], Painter(), {"weight": 0.9})
    run(sweep.prepare())
    gone = ref(sweep)
    del sweep
    assert gone() is None


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()
