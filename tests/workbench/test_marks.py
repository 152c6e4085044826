"""What marks the place and the kind of what was done."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.workbench import Workbench, marks
from napari_recon_robust.workbench.perturbing import Result

PIXEL = (0.5, 2.0)


def run(bench: Workbench, kind: str, roi: ROI, **knobs: object) -> Result:
    bench.perturbing.choose(kind, **knobs)
    return bench.perturbing.run(roi).run()


def test_an_attacked_region_is_ringed(bench: Workbench) -> None:
    result = run(bench, "worst-case", ROI.box(62, 48, 10, 12), steps=1)
    ring = marks.ring(result, PIXEL)
    assert ring is not None
    assert (ring.row, ring.column) == (66.5, 53.5)
    mask = result.outcome.comparison.roi
    inside = torch.hypot(torch.arange(96.0)[:, None] - ring.row, torch.arange(96.0) - ring.column) < ring.radius
    assert bool(inside[mask].all()), "nothing of the region lies beyond the ring"
    assert ring.words == "attacked region, 10×12 px = 5×24 mm"
    tags = [marks.tag(key, result.outcome.perturbed) for key in ("reference", "clean", "perturbed", "difference")]
    assert tags == ["", "", "attacked", "attacked"]
    assert marks.tag("perturbed", result.outcome.perturbed, random=True) == "random noise added"
    assert marks.tag("perturbed", None) == ""


def test_an_inserted_feature_is_ringed_where_it_is(bench: Workbench) -> None:
    result = run(bench, "fnaf", ROI.box(40, 40, 20, 20), row=50, column=47, size=5)
    ring = marks.ring(result, PIXEL)
    assert ring is not None
    assert (ring.row, ring.column) == pytest.approx((50, 47), abs=0.01)
    assert ring.words == "inserted blob, 5 px = 5 mm"
    assert marks.tag("perturbed", result.outcome.perturbed) == "synthetic feature"


def test_a_changed_object_has_no_feature_that_was_inserted(bench: Workbench) -> None:
    found = run(bench, "image-domain", ROI.box(62, 48, 10, 12), steps=1).outcome.perturbed
    assert marks.tag("perturbed", found) == "synthetic"


def test_the_whole_image_has_no_ring(bench: Workbench) -> None:
    assert marks.ring(run(bench, "random", ROI.box(0, 0, 96, 96))) is None


def test_random_noise_is_no_attack(bench: Workbench) -> None:
    result = run(bench, "random", ROI.box(62, 48, 10, 12))
    assert marks.tag("perturbed", result.outcome.perturbed) == "disturbed"


def test_the_surroundings_are_outlined_at_both_edges(bench: Workbench) -> None:
    result = run(bench, "worst-case", ROI.box(62, 48, 10, 12), steps=1)
    outer, inner = sorted(marks.surroundings(result), key=lambda line: -float(line.max() - line.min()))
    assert (outer[:, 0].min(), outer[:, 0].max()) == (55.5, 77.5)
    assert (inner[:, 0].min(), inner[:, 0].max()) == (59.5, 73.5)


def test_what_has_no_truth_says_so(bench: Workbench, scan_file: Path) -> None:
    whole = bench.acquisition.current
    without = replace(whole, measurement=replace(whole.measurement, full=None), reference=None)
    assert marks.of_slice(whole, simulated=False) == marks.of_slice(None, simulated=False) == ()
    assert marks.of_slice(without, simulated=False) == ("No fully sampled truth",)
    assert marks.of_slice(without, simulated=True) == ("Simulated scan", "No fully sampled truth")
