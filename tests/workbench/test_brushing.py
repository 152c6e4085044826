"""Regions that are painted."""

import numpy as np
import pytest

from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.brushing import Stroke


def painted(bench: Workbench, *places: tuple[float, float], erases: bool = False) -> np.ndarray:
    stroke = bench.brushing.begin(erases=erases)
    for place in places:
        stroke.to(*place)
    region = bench.brushing.end(stroke)
    return np.zeros((96, 96), bool) if region is None else region.roi.mask((96, 96)).numpy()


@pytest.mark.parametrize(("radius", "pixels"), [(0.5, 1), (1.0, 5), (2.0, 13)])
def test_a_dab_is_a_disc(radius: float, pixels: int) -> None:
    stroke = Stroke(np.zeros((9, 9), bool), radius)
    stroke.to(4.1 if radius < 1 else 4.0, 3.9 if radius < 1 else 4.0)
    assert stroke.mask.sum() == pixels
    assert stroke.mask[4, 4]


def test_a_quick_stroke_has_no_gaps_and_ends_at_the_edge() -> None:
    stroke = Stroke(np.zeros((9, 30), bool), 1.0)
    stroke.to(4, -6)
    stroke.to(4, 40)
    assert stroke.mask[4].all()
    assert stroke.mask.sum(0).tolist() == [3] * 30


def test_strokes_go_on_with_the_painted_region_that_is_chosen(bench: Workbench) -> None:
    bench.brushing.radius = 2.0
    first = painted(bench, (40, 40), (40, 50))
    second = painted(bench, (48, 40))
    assert (second & first).sum() == first.sum() < second.sum()
    assert [one.name for one in bench.regions.on(1) if one.source == "drawn"] == ["drawn 1"]
    less = painted(bench, (40, 44), erases=True)
    assert less.sum() < second.sum()
    bench.undoing.undo()
    assert bench.regions.roi(1).mask((96, 96)).sum() == second.sum(), "a stroke is a step"
    bench.regions.choose([])
    painted(bench, (20, 20))
    assert len(bench.regions.on(1)) == 3, "without a chosen one another region begins"
    assert not painted(bench, (20, 20), (21, 21), erases=True).any()
    assert len(bench.regions.on(1)) == 2, "what is erased altogether goes"
    assert not painted(bench, (20, 20), erases=True).any()
    assert len(bench.regions.on(1)) == 2
