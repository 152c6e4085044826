"""The list of methods: grouped under headings, which cannot be chosen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from helpers.docks import dock_of
from helpers.galleries import copied
from helpers.windows import Until
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.window.session import PLUGIN, Session


@pytest.mark.thorough
def test_methods_stand_under_headings_that_keys_pass_over(review: Session, qtbot: Any) -> None:
    box = dock_of(review, "Reconstruct").method
    rows = [(box.list.itemText(row), box.list.itemData(row)) for row in range(box.list.count())]
    headings = [text for text, id in rows if id is None]
    assert headings == ["To begin with", "Classical", "Trained", "Robustly trained", "Untrained", "Generative"]
    assert sorted(id for _, id in rows if id is not None) == sorted(registry.ids())
    assert [id for _, id in rows[:5]] == [None, "tv", "unrolled-hqs", "ensemble", None], "a new user begins with these"
    last = next(row for row, (text, _) in enumerate(rows) if text == "Trained") - 1
    box.list.setCurrentIndex(last)
    before = review.bench.reconstruction.chosen.id
    qtbot.keyClick(box.list, Qt.Key.Key_Down)
    assert box.list.currentIndex() == last + 2, "the heading is passed over"
    assert review.bench.reconstruction.chosen.id == rows[last + 2][1] != before


@pytest.mark.thorough
def test_a_saved_case_that_is_opened_first_leaves_all_methods_in_the_list(
    viewer: Any, until: Until, tmp_path: Path
) -> None:
    """The case brings its own method in the same turn of the event loop, before the methods are listed."""
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) == 3)
    session.open(copied(tmp_path, "random") / "random")
    until(lambda: session.bench.acquisition.slice is not None and not session.jobs.working)
    listed = dock_of(session, "Reconstruct").method.list
    ids = [id for id in map(listed.itemData, range(listed.count())) if id is not None]
    assert sorted(ids) == sorted(registry.ids())
    assert listed.currentData() == session.bench.reconstruction.chosen.id


@pytest.mark.thorough
def test_what_makes_a_scan_doubtful_stands_below_the_method(review: Session, until: Until, loud_file: Path) -> None:
    warning = dock_of(review, "Reconstruct").method.warning
    assert "Coil" not in warning.text()
    review.open(loud_file)
    until(lambda: warning.text().startswith("Coil 2, counted from 0, is "))


@pytest.mark.thorough
def test_the_root_sum_of_squares_is_named_where_the_reference_is_one(review: Session, until: Until) -> None:
    """Its background is bright by noise, and lights up when a method is chosen that combines the coils so."""
    bench = review.bench
    scores, reference = dock_of(review, "Reconstruct").method.scores, review.panels.panels["reference"]

    def combine(kind: str) -> None:
        review.knob_turning.turn({"combine": kind})
        until(lambda: (shown := bench.reconstruction.shown) is not None and shown.method.knobs["combine"] == kind)
        until(lambda: bench.reconstruction.shown.exact and not review.jobs.working)

    def seen() -> np.ndarray:
        return reference.stack[review.bench.acquisition.index].copy()

    combined = seen()
    assert reference.title == "Reference"
    assert "RSS" not in scores.text()
    review.choose_method("zero-filled")
    until(lambda: (shown := bench.reconstruction.shown) is not None and shown.method.id == "zero-filled")
    squares = seen()
    assert squares.mean() > combined.mean()
    assert reference.title == "Reference · RSS"
    assert "root sum of squares (RSS)" in scores.text()
    combine("combined")
    np.testing.assert_array_equal(seen(), combined)
    assert reference.title == "Reference"
    assert "RSS" not in scores.text()


@pytest.mark.thorough
def test_the_title_of_a_result_s_reference_names_the_root_sum_of_squares(review: Session, until: Until) -> None:
    bench = review.bench
    review.choose_method("zero-filled")
    until(lambda: bench.reconstruction.shown is not None and not review.jobs.working)
    bench.perturbing.choose("random")
    bench.regions.choose(bench.regions.on(1))
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    assert review.panels.panels["reference"].title == "Reference · RSS"


@pytest.mark.thorough
def test_a_slow_method_says_that_its_image_waits_for_the_button(review: Session, until: Until) -> None:
    reconstruction = review.bench.reconstruction
    until(lambda: not review.jobs.working)
    method = dock_of(review, "Reconstruct").method
    reconstruction.seconds["cg-sense"] = 60.0
    reconstruction._sweeps = []  # none of its range is prepared
    review.knob_turning.turn({"weight": 0.03})
    assert method.mark.text() == "earlier knobs: press Preview"
    method.show_domain()
    assert not method.preview.isHidden()
    method.preview.click()
    until(lambda: reconstruction.shown is not None and reconstruction.shown.exact)
    assert method.mark.text() == ""
