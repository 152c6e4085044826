"""A kind of perturbation brings its own face: no control or drawing of the window knows a kind."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QPushButton

from helpers.beacon import GLOWS, Beacon, installed
from helpers.docks import dock_of
from napari_recon_robust.perturbations import registry
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def page(review: Session) -> Any:
    return dock_of(review, "Perturb")


def choose(review: Session, id: str) -> Any:
    dock = page(review)
    dock.kind.list.setCurrentIndex(dock.kind.list.findData(id))
    return dock


@pytest.fixture(autouse=True, scope="module")
def beacon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, installed(patch):
        yield


@pytest.fixture
def review(standing: Session) -> Session:
    return standing


def test_a_new_kind_has_its_knobs_its_hint_and_its_conditions(review: Session) -> None:
    kind = choose(review, Beacon.id).kind
    assert kind.list.currentText() == "Beacon"
    assert kind.summary.text() == Beacon.summary
    assert set(kind.front.panel.controls) == {"colour"}
    assert set(kind.options.controls) == {"north", "east", "rate", "patience", "sensitivities", "seed"}
    assert not kind.budgets.isVisibleTo(kind)
    assert not kind.effort.isVisibleTo(kind)
    rate = kind.options.controls["rate"]
    assert not rate.isEnabled()
    assert rate.toolTip().endswith("Matters only where colour is flashing.")
    kind.front.panel.controls["colour"].list.setCurrentText("flashing")
    assert review.bench.perturbing.knobs["colour"] == "flashing"
    assert rate.isEnabled()
    assert kind.front.hint.text() == "The beacon is flashing."
    assert kind.front.image is None
    _, rows, columns = review.bench.acquisition.shape
    ends = [kind.options.controls[name].knob.maximum for name in ("north", "east")]
    assert ends == [rows - 1, columns - 1], "the sliders of a place end with the image"
    assert page(review).fragile.find.text() == "Where would it be lost?"


def test_a_new_kind_is_placed_by_a_click_and_says_and_draws_what_it_found(review: Session, until: Until) -> None:
    dock = choose(review, Beacon.id)
    dock.kind.front.panel.controls["colour"].list.setCurrentText("plain")
    place, search = (
        next(one for one in dock.findChildren(QPushButton) if one.text() == text)
        for text in ("Place it by a click", "Search instead")
    )
    assert place.isVisibleTo(dock)
    assert not search.isVisibleTo(dock), "there is no place to be forgotten"
    place.click()
    assert place.text() == "Now click in the image"
    review.panels.navigation.clicked.emit(50.0, 40.0)
    until(lambda: review.bench.perturbing.result is not None and not review.jobs.busy())
    assert (place.isChecked(), place.text()) == (False, "Place it by a click")
    assert not dock.kind.options.controls["patience"].isEnabled(), "it belongs to a search for a place"
    assert dock.outcome.spent.text().startswith("A plain beacon is lit at row 50, column 40.")
    curve = dock.outcome.curve
    assert curve.isVisibleTo(dock)
    assert curve._values == tuple(strength**2 for strength in GLOWS)
    assert (curve._left, curve._right, curve.toolTip()) == ("Glow", "rising", "How bright it is")
    panel = review.panels.panels["perturbed"]
    until(lambda: panel.image.name.startswith("Beacon lit"))
    comparison = review.bench.result.outcome.comparison
    np.testing.assert_array_equal(panel.stack[1], comparison.perturbed.numpy())
    search.click()
    assert (review.bench.perturbing.knobs["north"], review.bench.perturbing.knobs["east"]) == (-1, -1)
    assert not search.isVisibleTo(dock)
    assert dock.kind.options.controls["patience"].isEnabled()


def test_every_kind_has_controls_for_all_of_its_knobs(review: Session) -> None:
    for id in registry.ids():
        kind, perturbation = choose(review, id).kind, registry.get(id)
        front = {} if kind.front is None else kind.front.panel.controls
        assert tuple(front) == perturbation.front
        assert {*front, *kind.options.controls} == {knob.name for knob in perturbation.knobs}
        for row in (*front.values(), *kind.options.controls.values()):
            assert row.isEnabled() == row.knob.matters(review.bench.perturbing.knobs), f"{id}: {row.knob.name}"
        assert kind.place.isVisibleTo(kind) == (perturbation.place is not None)


def test_every_usual_effort_has_its_button(review: Session) -> None:
    kind = choose(review, "worst-case").kind
    assert [one.text() for one in kind.effort.findChildren(QPushButton)] == ["Preview 1", "Normal 5", "Thorough 10"]
    tips = [one.toolTip() for one in kind.effort.findChildren(QPushButton)]
    assert tips[:2] == ["1 gradient of the reconstruction", "5 gradients of the reconstruction"]
    for one in kind.effort.findChildren(QPushButton):
        one.click()
        assert review.bench.perturbing.knobs["steps"] == int(one.text().split()[-1])


def test_what_does_not_matter_to_an_algorithm_is_grey(review: Session) -> None:
    kind = choose(review, "worst-case").kind
    rows = kind.options.controls
    assert not rows["stand_in"].isEnabled()
    rows["algorithm"].list.setCurrentText("transfer")
    assert rows["stand_in"].isEnabled()
    assert not rows["evaluations"].isEnabled()
    rows["check"].list.setCurrentText("black box")
    assert rows["evaluations"].isEnabled(), "its check takes them"
    rows["algorithm"].list.setCurrentText("black box")
    assert not rows["steps"].isEnabled()
    assert not kind.effort.isEnabled()
