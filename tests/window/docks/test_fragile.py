"""Where a method is fragile: the map over its image, and regions to choose."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from helpers.docks import dock_of, press
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def page(review: Session) -> Any:
    return dock_of(review, "Perturb")


def look_for_it(review: Session, until: Until) -> None:
    page(review).fragile.find.click()
    until(lambda: review.bench.fragility.found is not None)
    until(lambda: len(review.panels.viewer.layers) == 4 * len(review.panels.shown) and review.panels.settled)


def cells(review: Session) -> list[list[str]]:
    """Names of the visible layers of each cell of the grid, from the bottom up."""
    grid, layers = review.panels.viewer.canvas.grid, review.panels.viewer.layers
    found = [[layers[n].name for n in inside if layers[n].visible] for _, inside in grid.iter_viewboxes(layers)]
    return [[name.split(" · ")[0].split(" [")[0] for name in names] for names in found]


@pytest.mark.thorough
def test_the_map_lies_over_the_clean_image_and_its_worst_places_are_listed(review: Session, until: Until) -> None:
    look_for_it(review, until)
    assert cells(review) == [["Reference", "ROI"], ["CG-SENSE", "Expected change", "ROI"]]
    found, overlay = review.bench.fragility.found, review.panels.panels["clean"].overlay
    np.testing.assert_allclose(overlay.data[1], found.expected_change.numpy())
    assert overlay.contrast_limits[1] == overlay.data.max()
    assert not overlay.data[0].any()
    regions = [one for one in review.bench.regions.on(1) if one.source == "fragile"]
    assert 1 <= len(regions) <= 5
    texts = [page(review).regions.list.item(row).text() for row in range(page(review).regions.list.count())]
    assert texts[0].startswith("Lesion")
    assert texts[1] == f"{regions[0].name}, 24×24 px = 50×50 mm"
    assert regions[0].name == f"fragile 1 (change {100 * found.worst(24, 24, 1)[0].expected_change:.2g}%)"
    drawn = review.panels.panels["reference"].regions
    numbers = [str(number) for number in range(1, len(regions) + 1)]
    assert list(drawn.features["number"]) == ["", *numbers], "as in the list"
    assert list(drawn.text.values) == ["", *numbers]


@pytest.mark.thorough
def test_it_is_hidden_shown_and_gone_with_what_it_was_made_of(review: Session, until: Until) -> None:
    check = page(review).fragile.map
    assert not check.isEnabled()
    look_for_it(review, until)
    assert check.isEnabled()
    assert check.isChecked()
    overlay = review.panels.panels["clean"].overlay
    heading = review.panels.panels["clean"].heading
    assert heading.lines.endswith("colours: expected change")
    clean, reference = review.panels.panels["clean"], review.panels.panels["reference"]
    assert clean.room < reference.room, "the colour bar covers no title"
    check.click()
    assert not overlay.visible
    assert "colours" not in heading.lines
    assert clean.room == reference.room
    check.click()
    assert overlay.visible
    assert heading.lines.endswith("colours: expected change")
    review.knob_turning.turn({"weight": 0.03})
    assert review.bench.fragility.found is None
    assert not overlay.visible
    assert "colours" not in heading.lines
    assert not check.isEnabled()
    assert not check.isChecked()
    assert any(one.source == "fragile" for one in review.bench.regions.on(1))
    count = len(review.bench.regions.all)
    look_for_it(review, until)
    assert overlay.visible
    assert len(review.bench.regions.all) == count, "in the place of those before"


@pytest.mark.slow
def test_a_fragile_place_is_attacked_and_the_map_stays_in_its_panel(review: Session, until: Until) -> None:
    look_for_it(review, until)
    dock = page(review)
    dock.regions.list.item(1).setSelected(True)
    (region,) = review.bench.regions.chosen
    assert region.source == "fragile"
    review.bench.perturbing.set(steps=1)
    dock.kind.run.click()
    until(lambda: review.bench.perturbing.result is not None and not review.jobs.busy())
    until(lambda: len(review.panels.viewer.layers) == 16 and review.panels.settled)
    assert [len(names) for names in cells(review)] == [3, 4, 3, 3]
    assert "fragile 1" in review.bench.result.outcome.comparison.sentence


@pytest.mark.thorough
def test_it_can_be_cancelled_and_a_deleted_map_comes_back(review: Session, until: Until) -> None:
    dock = page(review)
    dock.fragile.find.click()
    assert not dock.fragile.find.isEnabled()
    press(dock.foot, "Cancel")
    until(lambda: not review.jobs.working)
    assert review.bench.fragility.found is None
    assert dock.fragile.find.isEnabled()
    look_for_it(review, until)
    layers = review.panels.viewer.layers
    layers.remove(review.panels.panels["clean"].overlay)
    until(lambda: len(layers) == 8 and review.panels.settled)
    assert cells(review)[1] == ["CG-SENSE", "Expected change", "ROI"]


@pytest.mark.thorough
def test_a_method_without_gradients_says_so(review: Session, until: Until) -> None:
    review.choose_method("dip")
    page(review).fragile.find.click()
    until(lambda: "gives no gradients" in page(review).foot.message.text())
    assert review.bench.fragility.found is None


def choose_feature(review: Session, **knobs: Any) -> None:
    kind = page(review).kind.list
    kind.setCurrentIndex(kind.findData("fnaf"))
    review.bench.perturbing.set(size=2.0, **knobs)


@pytest.mark.thorough
def test_for_inserted_features_it_is_a_map_of_what_is_lost(review: Session, until: Until) -> None:
    dock = page(review)
    assert dock.fragile.find.text() == "Where is it fragile?"
    choose_feature(review, contrast=-0.5, shape="ring")
    assert dock.fragile.find.text() == "Where would it be lost?"
    grown: list[int] = []
    review.bench.fragility.changed.connect(lambda: grown.append(review.bench.fragility.found.tried))
    dock.fragile.find.click()
    until(lambda: not review.jobs.busy() and review.bench.fragility.found is not None)
    until(lambda: len(review.panels.viewer.layers) == 8 and review.panels.settled)
    found, overlay = review.bench.fragility.found, review.panels.panels["clean"].overlay
    assert (found.shape, found.size, found.contrast) == ("ring", 2.0, -0.5)
    assert cells(review)[1] == ["CG-SENSE", "Contrast lost", "ROI"]
    np.testing.assert_array_equal(overlay.data[1], found.overlay)
    assert overlay.contrast_limits == [0.0, 1.0]
    assert overlay.colorbar.visible
    assert overlay.colorbar.size[1] <= 100, "of a panel that may be a quarter of the canvas"
    assert grown == sorted(grown)
    assert len(set(grown)) > 2, "it grows while it is made"
    words = dock.fragile.legend.text()
    assert f"at {100 * found.lost:.3g}% of {len(found.positions)} places" in words
    assert "A ring of 2 px, contrast −0.5, loses more than half" in words
    listed = [one for one in review.bench.regions.on(1) if one.source == "fragile"]
    assert len(listed) == min(5, len(found.weakest()))
    assert listed[0].name.endswith(f"({100 * found.worst[0].recovery:.0f}% kept)".replace("-", "−"))
    dock.regions.list.item(1).setSelected(True)
    assert review.bench.regions.chosen == (listed[0],)
    kind = dock.kind.list
    kind.setCurrentIndex(kind.findData("worst-case"))
    assert dock.fragile.find.text() == "Where is it fragile?"
    assert review.bench.fragility.found is found, "until another is made"


@pytest.mark.thorough
def test_a_cancelled_map_keeps_what_is_known(review: Session, until: Until) -> None:
    choose_feature(review)
    page(review).fragile.find.click()
    until(lambda: review.bench.fragility.found is not None and review.bench.fragility.found.tried)
    page(review).foot.cancel.click()
    until(lambda: not review.jobs.working)
    found = review.bench.fragility.found
    assert 0 < found.tried < len(found.positions)
    assert f"the {found.tried} of {len(found.positions)} places tried so far" in page(review).fragile.legend.text()
    assert not [one for one in review.bench.regions.on(1) if one.source == "fragile"]
    assert page(review).fragile.map.isChecked()


@pytest.mark.thorough
def test_what_fits_no_map_is_said(review: Session, until: Until) -> None:
    choose_feature(review, shape="walk")
    page(review).fragile.find.click()
    until(lambda: "choose one of blob, line, ring" in page(review).foot.message.text())
