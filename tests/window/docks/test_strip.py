"""The images that differ most, from the button to the picture."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication

from helpers.docks import dock_of
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def dock(review: Session, until: Until) -> Any:
    """The Reconstruct dock, in front of a window that is shown: events of the mouse need one."""
    page = dock_of(review, "Reconstruct")
    page.window().resize(1280, 800)
    page.window().show()
    page.parent().raise_()
    until(page.diversity.diverse.isVisible)
    return page


def click(qtbot: Any, dock: Any, widget: Any, at: QPoint | None = None) -> None:
    """By the mouse, where a user would have scrolled to."""
    dock.scroll.ensureWidgetVisible(widget)
    QApplication.processEvents()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=at or widget.rect().center())


def chosen(dock: Any, qtbot: Any, until: Until) -> Any:
    click(qtbot, dock, dock.diversity.diverse)
    until(lambda: dock.diversity.strip.thumbnails and not dock.session.jobs.busy())
    return dock.diversity.strip


@pytest.fixture
def held(review: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is prepared, and every image waits until the event is set."""
    go, method = threading.Event(), type(review.bench.reconstruction.reconstructor)
    original = method.reconstruct

    def wait(self: Any, *args: Any, **knobs: Any) -> Any:
        go.wait(60)
        return original(self, *args, **knobs)

    monkeypatch.setattr(method, "reconstruct", wait)
    review.jobs.cancel("prepare")
    review.bench.reconstruction.choose("cg-sense")
    yield go
    go.set()


def test_a_click_on_a_thumbnail_sets_the_knobs(review: Session, dock: Any, qtbot: Any, until: Until) -> None:
    assert not dock.diversity.strip.isVisible()
    strip = chosen(dock, qtbot, until)
    assert strip.isVisible()
    assert len(strip.thumbnails) == len(strip.variants) == dock.diversity.count.value() == 4
    bench = review.bench.reconstruction
    for thumbnail, variant in zip(strip.thumbnails, strip.variants, strict=True):
        click(qtbot, dock, thumbnail)
        assert bench.knobs == variant.knobs
        assert dock.method.knobs.values() == pytest.approx(variant.knobs)
        assert [one.isChecked() for one in strip.thumbnails] == [one is thumbnail for one in strip.thumbnails]
        until(lambda: bench.shown.exact and not review.jobs.busy("render"))
        np.testing.assert_allclose(
            review.panels.panels["clean"].stack[review.bench.acquisition.index], variant.image, rtol=1e-4, atol=1e-5
        )
    bench.turn(weight=0.0123)
    review.following.render()
    assert not any(one.isChecked() for one in strip.thumbnails)


@pytest.mark.thorough
def test_the_keyboard_works_too(review: Session, dock: Any, qtbot: Any, until: Until) -> None:
    last = chosen(dock, qtbot, until).thumbnails[-1]
    last.setFocus()
    qtbot.keyClick(last, Qt.Key.Key_Space)
    assert review.bench.reconstruction.knobs == dock.diversity.strip.variants[-1].knobs


@pytest.mark.thorough
def test_the_strip_fits_a_narrow_dock(dock: Any, qtbot: Any, until: Until) -> None:
    dock.diversity.count.setValue(7)
    strip = chosen(dock, qtbot, until)
    assert dock.scroll.widget().minimumSizeHint().width() <= 360 - 14
    right = max(one.mapTo(dock, QPoint(one.width(), 0)).x() for one in strip.thumbnails)
    assert right <= dock.width()
    assert len({one.y() for one in strip.thumbnails}) == (2 if len(strip.thumbnails) > 4 else 1)


@pytest.mark.thorough
def test_they_differ_on_the_chosen_region_and_show_it(review: Session, dock: Any, qtbot: Any, until: Until) -> None:
    index = review.bench.acquisition.index
    assert dock.diversity.where.text() == "on the whole image"
    whole = chosen(dock, qtbot, until).thumbnails[0].grab().toImage()
    heading = "Tikhonov weight; the pictures show where they differ most."
    assert dock.diversity.strip.heading.text() == f"{heading} {review.bench.choosing.sentence}"
    assert "Salience of the difference" in dock.diversity.strip.thumbnails[1].toolTip()
    region = review.bench.regions.draw(ROI.box(24, 20, 10, 14), index)
    assert dock.diversity.where.text() == f"on {region.name}"
    click(qtbot, dock, dock.diversity.diverse)
    until(lambda: review.bench.choosing.region is not None and not review.jobs.busy())
    assert int(review.bench.choosing.region.sum()) == 140
    assert dock.diversity.strip.thumbnails[0].grab().toImage() != whole
    assert "the chosen region" in dock.diversity.strip.heading.text()


@pytest.mark.thorough
def test_thumbnails_are_turned_as_the_picture(review: Session, dock: Any, qtbot: Any, until: Until) -> None:
    strip = chosen(dock, qtbot, until)
    before = strip.thumbnails[0].picture
    dock.opening.upright.click()
    after = strip.thumbnails[0].picture
    assert after != before
    assert after.height() == before.height()
    bright = [after.pixelColor(after.width() // 2, y).value() for y in range(after.height())]
    assert bright[::-1] == pytest.approx(
        [before.pixelColor(before.width() // 2, y).value() for y in range(before.height())], abs=8
    )
    review.panels.lay(turn=review.panels.geometry.turn.turned)
    turned = strip.thumbnails[0].picture
    assert (turned.width(), turned.height()) == (after.height(), after.width())
    assert turned != after


@pytest.mark.thorough
def test_progress_is_said_and_cancelled(
    review: Session, dock: Any, qtbot: Any, until: Until, held: threading.Event
) -> None:
    click(qtbot, dock, dock.diversity.diverse)
    until(lambda: review.jobs.busy())
    assert dock.foot.cancel.isVisible()
    assert dock.method.isEnabled(), "the window is not blocked"
    click(qtbot, dock, dock.foot.cancel)
    assert not review.jobs.busy()
    assert "cancelled" in dock.foot.message.text()
    held.set()
    until(lambda: not review.jobs.working)
    assert not dock.diversity.strip.thumbnails


@pytest.mark.thorough
def test_another_method_takes_them_away(review: Session, dock: Any, qtbot: Any, until: Until) -> None:
    chosen(dock, qtbot, until)
    dock.method.list.setCurrentIndex(dock.method.list.findData("zero-filled"))
    assert not dock.diversity.strip.isVisible()
    assert not dock.diversity.isVisible(), "there is nothing to choose from"


@pytest.mark.thorough
def test_draws_of_a_slow_method_are_named_by_their_seeds(
    review: Session, dock: Any, qtbot: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = review.bench.reconstruction
    monkeypatch.setattr(type(registry.get("conv-decoder")), "draw", {"channels": 8})
    bench.choose("conv-decoder", iterations=20, channels=8)
    until(lambda: not review.jobs.busy("render"))  # or its own time would come after this
    bench.seconds["conv-decoder"] = 60.0
    strip = chosen(dock, qtbot, until)
    assert {thumbnail.caption for thumbnail in strip.thumbnails} <= {str(seed) for seed in range(8)}
    assert review.knob_turning.slow
    until(lambda: not review.jobs.busy("render"))
    click(qtbot, dock, strip.thumbnails[1])
    until(lambda: bench.shown is not None and bench.shown.exact and bench.shown.method.knobs == strip.variants[1].knobs)
    np.testing.assert_allclose(bench.shown.image, strip.variants[1].image)
