"""A review that is kept by itself, offered in one line and gone on with, by clicks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication

from helpers.docks import dock_of
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW, Turn
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.window.docks.review import Review
from napari_recon_robust.window.session import PLUGIN, Session
from napari_recon_robust.workbench import Workbench, saved_review

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def crashed(scan_file: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a review whose process is gone."""
    bench = Workbench()
    bench.acquisition.open(scan_file).run()
    bench.acquisition.measure(2).run()
    bench.reconstruction.choose("cg-sense", weight=0.02)
    bench.regions.draw(ROI.box(62, 48, 10, 12), 2)
    bench.perturbing.choose("worst-case", steps=1)
    bench.perturbing.run().run()
    bench.lining_up.choose(("tv", "hqs"), anew=True)
    bench.resuming.layout = lambda: {
        "layout": "clean",
        "factor": 0.5,
        "truth": True,
        "panels": ["second"],
        "pair": ["reference", "clean"],
        "wipe": 0.25,
        "turn": {"quarters": 1},
        "upright": FIRST_ROW_BELOW.model_dump(),
    }
    task = bench.resuming.save()
    assert task is not None
    task.run()
    bench.acquisition.close()
    (place,) = kept.iterdir()
    place.rename(kept / f"{place.name.split('-')[0]}-1-1-0")  # no process has been running since 1970
    return kept


def opened(viewer: Any, until: Until) -> tuple[Session, Any]:
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) == 3)
    return session, dock_of(session, "Reconstruct").opening


def click(qtbot: Any, widget: Any) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def test_one_click_brings_it_back(viewer: Any, crashed: Path, qtbot: Any, until: Until) -> None:
    session, opening = opened(viewer, until)
    until(lambda: not opening.offer.isHidden())
    said = opening.offer.text.text()
    assert said.startswith("An earlier review, of ")
    assert said.endswith(" (not closed): head.h5, slice 2, CG-SENSE, 1 region, 1 attack.")
    assert opening.offer.which.isHidden(), "there is one only"
    assert QApplication.activeModalWidget() is None
    click(qtbot, opening.offer.go_on)
    bench = session.bench
    until(lambda: bench.perturbing.current is not None and session.panels.settled)
    assert (bench.acquisition.index, session.panels.navigation.slice) == (2, 2)
    assert bench.reconstruction.knobs["weight"] == 0.02
    assert session.panels.geometry is not None
    assert session.panels.geometry.turn == Turn(quarters=1)
    assert session.panels.shown == ("clean",)
    view = session.scene.view
    assert (view.panels, view.pair, view.wipe) == (("second",), ("reference", "clean"), 0.25)
    until(lambda: session.panels.panels["clean"].title.startswith("Reference, perturbed | CG-SENSE"))
    words = "These figures are of 1%; shown is 0.5%."
    until(lambda: dock_of(session, "Compare").sentence.text().startswith(words))  # when it is interpolated no longer
    assert dock_of(session, "Perturb").outcome.scaled_to.text() == "Budget 0.5% of 1%:"
    assert dock_of(session, "Compare").truth.isChecked()
    lineup = dock_of(session, "Compare").lineup
    until(lambda: {*lineup.methods.ticked()} == {"tv", "hqs"} == {*bench.lining_up.chosen})
    assert lineup.anew.isChecked()
    assert opening.offer.isHidden()


def test_a_second_click_forgets_work(viewer: Any, crashed: Path, until: Until) -> None:
    _, opening = opened(viewer, until)
    until(lambda: not opening.offer.isHidden())
    opening.offer.refuse.click()
    assert opening.offer.refuse.text() == "Forget it for good"
    assert list(crashed.iterdir()), "it holds work"
    opening.offer.refuse.click()
    assert list(crashed.iterdir()) == []
    assert opening.offer.isHidden()


def test_what_is_done_is_kept_within_two_seconds(review: Session, kept: Path, until: Until) -> None:
    until(lambda: list(kept.glob("*/state.json")))
    review.bench.regions.draw(ROI.box(5, 5, 6, 6), 0)

    def written() -> saved_review.SavedReview:
        (path,) = kept.glob("*/state.json")
        return saved_review.SavedReview.model_validate_json(path.read_text())

    until(lambda: len(written().regions) == 2)
    assert written().layout["factor"] == 1
    assert saved_review.kept() == (), "it is going on"
    review.bench.perturbing.choose("worst-case", steps=200)
    review.bench.queue.add(["cg-sense", "hqs"], review.bench.regions.all, [0.01])
    until(lambda: len(written().queue) == 4)
    review.close()
    (found,) = saved_review.kept()
    assert found.review.closed
    assert len(found.review.queue) == 4, "what has not ended goes on with it"


def test_the_history_is_there_again_and_a_click_reads_it_from_the_disk(
    viewer: Any, crashed: Path, qtbot: Any, until: Until
) -> None:
    session, opening = opened(viewer, until)
    until(lambda: not opening.offer.isHidden())
    click(qtbot, opening.offer.go_on)
    bench = session.bench
    until(lambda: bench.perturbing.current is not None and session.panels.settled)
    session.panels.navigation.go_to(0)
    until(lambda: bench.acquisition.slice is not None and bench.acquisition.slice.index == 0)
    (entry,) = bench.history.entries
    bench.history.entries[0] = replace(entry, result=None)  # as after another attack was shown
    bench.history.changed.emit()
    session.editing.show_attack(bench.history.entries[0])
    until(lambda: bench.history.current is not None and session.panels.settled)
    assert bench.history.current is bench.history.entries[0]
    assert (bench.acquisition.index, session.panels.navigation.slice) == (2, 2)


def test_a_scan_that_is_opened_again_offers_what_was_done_on_it(
    review: Session, scan_file: Path, kept: Path, qtbot: Any, until: Until
) -> None:
    bench = review.bench
    until(lambda: list(kept.glob("*/state.json")))
    bench.regions.draw(ROI.box(62, 48, 10, 12), bench.acquisition.index)
    bench.perturbing.choose("worst-case", steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.busy())
    Review.of(review).enter()
    review.open(scan_file)
    until(lambda: not bench.history.entries and bench.resuming.offered is not None)
    bar = Review.of(review).bar
    until(lambda: bar.go_on.isVisibleTo(bar) and bench.acquisition.slice is not None)
    bar.go_on.menu().popup(QPoint())
    (one,) = bar.go_on.menu().actions()
    assert "1 attack" in one.text()
    one.trigger()
    until(lambda: bench.perturbing.current is not None and review.panels.settled)
    assert [one.has_images for one in bench.history.entries] == [True]
    assert not bar.go_on.isVisibleTo(bar)


def test_of_several_reviews_one_is_chosen(viewer: Any, crashed: Path, until: Until) -> None:
    (first,) = saved_review.kept()
    region = saved_review.SavedRegion(roi=ROI.box(1, 1, 4, 4), slice=0, name="mine", source="drawn", chosen=False)
    gone = saved_review.SavedScan(path="/nowhere/arm.h5", size=1, modified=1)
    saved_review.Store().write(saved_review.SavedReview(scan=gone, regions=(region,), closed=True))
    session, opening = opened(viewer, until)
    offer = opening.offer
    until(lambda: not offer.which.isHidden())
    assert offer.text.text().endswith(": arm.h5, slice 0, 1 region.")
    assert [offer.which.itemText(at).partition(", slice")[0][-8:] for at in range(2)] == [": arm.h5", " head.h5"]
    assert offer.hindrance.text().startswith("arm.h5 is not in /nowhere any more")
    offer.which.setCurrentIndex(1)
    assert offer.hindrance.isHidden()
    offer.go_on.click()
    until(lambda: session.bench.perturbing.current is not None and session.panels.settled)
    assert session.bench.acquisition.index == first.review.slice


@pytest.mark.thorough
def test_a_search_is_kept_while_it_is_under_way(review: Session, kept: Path, until: Until) -> None:
    bench = review.bench
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=200)
    until(lambda: list(kept.glob("*/state.json")))

    def written() -> saved_review.SavedSearch | None:
        (path,) = kept.glob("*/state.json")
        return saved_review.SavedReview.model_validate_json(path.read_text()).unfinished

    for closed in (False, True):
        review.attempt(bench.perturbing.run)
        until(lambda: written() is not None)
        if not closed:
            review.jobs.cancel_all()
            until(lambda: written() is None)
    bench.perturbing.set(steps=1)
    review.close()
    (found,) = saved_review.kept()
    assert found.review.closed
    assert found.review.unfinished == written()
    assert found.review.kind_knobs["steps"] == 200, "as it was begun"


def test_of_a_search_that_was_cut_off_is_told_and_one_click_begins_it_again(
    viewer: Any, crashed: Path, qtbot: Any, until: Until
) -> None:
    (found,) = saved_review.kept()
    search = saved_review.SavedSearch(what="attack", words="Worst-case noise at 1% on CG-SENSE, slice 2", slice=2)
    changed = found.review.model_copy(update={"unfinished": search})
    (found.place / saved_review.STATE).write_text(changed.model_dump_json())
    session, opening = opened(viewer, until)
    until(lambda: not opening.offer.isHidden())
    assert opening.offer.text.text().endswith(", a search that was not finished.")
    assert opening.unfinished.isHidden()
    click(qtbot, opening.offer.go_on)
    until(lambda: not opening.unfinished.isHidden())
    assert opening.unfinished.text.text().endswith(f": {search.words}.")
    assert [one.number for one in session.bench.history.entries] == [1], "that which had ended"
    until(lambda: not session.jobs.busy())
    click(qtbot, opening.unfinished.again)
    until(lambda: len(session.bench.history.entries) == 2)
    assert opening.unfinished.isHidden()
