"""Targeted noise in the window: a lesion that is outlined appears or vanishes; a region towards an image of a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from qtpy.QtWidgets import QFileDialog

from helpers.docks import dock_of, press
from napari_recon_robust.io.images import write_image
from napari_recon_robust.perturbations.targeted import EFFECTS
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def page(review: Session) -> Any:
    return dock_of(review, "Perturb")


@pytest.fixture
def targeting(review: Session) -> Session:
    kind = page(review).kind.list
    kind.setCurrentIndex(kind.findData("targeted"))
    review.bench.perturbing.budget = 0.03
    return review


def outline(review: Session, until: Until) -> None:
    """A polygon drawn into the first panel with napari's tool."""
    press(page(review), "Polygon")
    layer = review.panels.panels["reference"].regions
    assert layer.mode == "add_polygon"
    before = len(review.bench.regions.all)
    layer.add([np.array([[1, 40, 36], [1, 38, 48], [1, 50, 52], [1, 54, 40]])], shape_type="polygon")
    until(lambda: len(review.bench.regions.all) > before)


def run(review: Session, until: Until) -> Any:
    before = review.bench.perturbing.result
    page(review).kind.run.click()
    until(lambda: review.bench.perturbing.result is not before and not review.jobs.busy())
    return review.bench.result.outcome


def choose_effect(review: Session, effect: str) -> None:
    page(review).kind.front.panel.controls["effect"].list.setCurrentText(effect)


@pytest.mark.thorough
def test_what_is_outlined_appears_where_it_was_drawn(targeting: Session, until: Until) -> None:
    dock = page(targeting)
    choose_effect(targeting, "appear")
    assert dock.kind.front.hint.text() == EFFECTS["appear"]
    assert not dock.kind.front.panel.controls["size"].isEnabled()
    dock.kind.front.panel.controls["amount"].box.setValue(0.6)
    outline(targeting, until)
    outcome = run(targeting, until)
    assert targeting.bench.perturbing.knobs["amount"] == 0.6
    assert "a bright lesion of this shape" in outcome.perturbed.statement
    change = outcome.comparison.perturbed - outcome.comparison.clean
    inside = targeting.bench.regions.chosen[0].roi.mask((96, 96))
    assert change[inside].mean() > 5 * change[~inside].mean().abs()
    assert outcome.perturbed.statement in dock.outcome.spent.text()
    assert (dock.outcome.curve._left, dock.outcome.curve._right[-1]) == ("Way to the target", "%")


def test_an_annotated_lesion_vanishes(targeting: Session, until: Until) -> None:
    choose_effect(targeting, "vanish")
    page(targeting).regions.list.item(0).setSelected(True)
    outcome = run(targeting, until)
    assert outcome.perturbed.details["effect"] == "vanish"
    assert outcome.perturbed.details["reached"] > 0


@pytest.mark.thorough
def test_every_effect_says_what_it_asks_for(targeting: Session) -> None:
    effects = targeting.bench.perturbing.chosen.knobs[0].choices
    assert set(EFFECTS) == set(effects)
    for effect in effects:
        choose_effect(targeting, effect)
        assert page(targeting).kind.front.hint.text() == EFFECTS[effect]


@pytest.mark.thorough
def test_towards_an_image_of_a_file_and_back(
    targeting: Session, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = targeting.bench.reconstruction.shown.image
    write_image(tmp_path / "painted.npy", (1.3 * clean).to(torch.complex64))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "painted.npy"), ""))
    page(targeting).kind.front.image.click()
    until(lambda: page(targeting).kind.front.given)
    assert not page(targeting).kind.front.panel.isEnabled()
    page(targeting).regions.list.item(0).setSelected(True)
    outcome = run(targeting, until)
    assert outcome.perturbed.details["effect"] == "image"
    inside = outcome.comparison.roi
    assert outcome.comparison.perturbed[inside].mean() > outcome.comparison.clean[inside].mean()
    page(targeting).kind.front.image.click()
    assert not page(targeting).kind.front.given
    assert run(targeting, until).perturbed.details["effect"] == "homogeneous"


@pytest.mark.thorough
def test_a_file_that_is_no_image_leaves_the_effect(
    targeting: Session, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "broken.png"), ""))
    page(targeting).kind.front.image.click()
    until(lambda: "broken.png cannot be read as an image" in page(targeting).foot.message.text())
    assert not page(targeting).kind.front.given


@pytest.mark.thorough
def test_other_kinds_have_their_own_options(targeting: Session) -> None:
    kind = page(targeting).kind.list
    assert {"effect", "amount", "size"}.isdisjoint(page(targeting).kind.options.controls)
    kind.setCurrentIndex(kind.findData("fnaf"))
    assert page(targeting).kind.front is None
    assert "size" in page(targeting).kind.options.controls
