"""The tools below the images, by real keys in the real window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.window.docks.exporting import export_panel
from napari_recon_robust.window.docks.film_row import FilmRow
from napari_recon_robust.window.docks.kspace_row import KSpaceRow
from napari_recon_robust.window.docks.profile_row import ProfileRow
from napari_recon_robust.window.docks.shelf import Shelf
from napari_recon_robust.workbench.film import Frame
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]


def press(seen: Any, qtbot: Any, key: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    canvas = seen.panels.viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    qtbot.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"), modifier)


def drag(seen: Any, *path: QPoint) -> None:
    """Press the left button, move along a path, release."""
    canvas, kinds, left = (
        seen.panels.viewer.window._qt_viewer.canvas.native,
        QMouseEvent.Type,
        Qt.MouseButton.LeftButton,
    )
    steps = [(kinds.MouseButtonPress, path[0]), *((kinds.MouseMove, one) for one in path[1:])]
    for kind, at in [*steps, (kinds.MouseButtonRelease, path[-1])]:
        pressed = Qt.MouseButton.NoButton if kind == kinds.MouseMove else left
        held = Qt.MouseButton.NoButton if kind == kinds.MouseButtonRelease else left
        where = QPointF(canvas.mapToGlobal(at))
        none = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(canvas, QMouseEvent(kind, QPointF(at), where, pressed, held, none))
        QApplication.processEvents()


@pytest.mark.thorough
def test_the_kspace_stands_below_the_images_and_follows_the_slice(seen: Any, qtbot: Any, until: Until) -> None:
    shelf = Shelf.of(seen)
    press(seen, qtbot, "S")
    row = shelf.widget
    assert isinstance(row, KSpaceRow)
    until(lambda: row.kspace.isVisible() and row.kspace.title.startswith("K-space, fully sampled"))
    assert row.hint.isVisible()
    assert not row.added.isVisible(), "nothing is perturbed"
    tinted = row.kspace.grab().toImage()
    row.mask.setChecked(False)
    assert row.kspace.grab().toImage() != tinted
    seen.panels.navigation.go_to(0)
    until(lambda: seen.bench.acquisition.slice is not None and seen.bench.acquisition.index == 0)
    until(lambda: seen.bench.kspace.found is not None)
    press(seen, qtbot, "S")
    assert shelf.tool is None
    seen.bench.kspace.changed.emit()  # nobody is there to follow it


def test_a_line_is_drawn_once_and_its_profile_goes_through_all_images(
    seen: Any, qtbot: Any, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, camera = Shelf.of(seen), seen.panels.viewer.scene.camera
    press(seen, qtbot, "5")
    until(lambda: seen.panels.settled and seen.panels.shown == ("reference",))
    press(seen, qtbot, "L")
    row = shelf.widget
    assert isinstance(row, ProfileRow)
    assert row.found is None
    centre, before = seen.panels.viewer.window._qt_viewer.canvas.native.rect().center(), camera.center
    drag(seen, *(centre + QPoint(x, 0) for x in (-60, -20, 20, 60)))
    found = row.found
    assert camera.center == before, "the picture stays where it is"
    assert found is not None
    assert found.unit == "mm"
    assert list(found.values) == ["Reference", "Clean"], "not only those in sight"
    reference = seen.bench.acquisition.current.reference.numpy()
    at = len(found.at) // 2
    row_, column = found.places[at].round().astype(int)
    near = reference[row_ - 1 : row_ + 2, column - 1 : column + 2] / reference.max()
    assert near.min() - 1e-6 <= found.values["Reference"][at] <= near.max() + 1e-6
    marks = seen.panels.panels["reference"].marks
    assert seen.bench.ruling.words(seen.bench.ruling.drawn[0]) in list(marks.features["side"])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "profile.csv"), ""))
    row.export.click()
    until((tmp_path / "profile.csv").is_file)
    press(seen, qtbot, "B")
    drag(seen, *(centre + QPoint(x, y) for x, y in ((-40, -40), (40, -40), (40, 40), (-40, 40))))
    press(seen, qtbot, "B")
    profile, area = seen.bench.ruling.drawn
    assert area.kind == "area"
    assert any(
        kind == "path" and (one[0] == one[-1]).all() for kind, one in zip(marks.shape_type, marks.data, strict=True)
    )
    press(seen, qtbot, "E", Qt.KeyboardModifier.ShiftModifier)
    assert seen.bench.ruling.drawn == (profile,)
    drag(seen, centre, centre + QPoint(40, 0))
    assert camera.center != before, "the mouse moves the picture again"
    left = []
    seen.bench.acquisition.left.connect(lambda: left.append(row.found))
    seen.panels.navigation.go_to(0)
    until(lambda: left)
    assert left == [None], "curves of the slice before are not those of the one that is read"
    press(seen, qtbot, "L")
    assert shelf.tool is None
    assert np.array_equal(seen.bench.ruling.line, profile.points)


def test_the_film_strip_shows_a_row_and_plays_it_until_a_key(seen: Any, qtbot: Any, until: Until) -> None:
    shelf = Shelf.of(seen)
    press(seen, qtbot, "S", Qt.KeyboardModifier.ShiftModifier)
    row = shelf.widget
    assert isinstance(row, FilmRow)
    until(lambda: seen.bench.reconstruction.ready)
    until(lambda: len(row.thumbnails) == 9)
    assert row.name.currentText() == "Knob: Tikhonov weight"
    last = seen.bench.film.frames[-1]
    qtbot.mouseClick(row.thumbnails[-1], Qt.MouseButton.LeftButton)
    until(lambda: seen.bench.reconstruction.shown.exact and not seen.bench.reconstruction.shown.earlier)
    assert seen.bench.reconstruction.knobs["weight"] == last.knobs["weight"]
    assert row.thumbnails[-1].isChecked()
    row.slider.setValue(2)
    clean = seen.panels.panels["clean"]
    assert clean.title == f"Tikhonov weight {seen.bench.film.frames[2].caption}"
    assert np.array_equal(clean.stack[seen.panels.navigation.slice], seen.bench.film.frames[2].image.numpy())
    seen.cine.set_rate(20)
    titles = set[str]()
    seen.cine.shown.connect(lambda _: titles.add(clean.title))
    press(seen, qtbot, "Space")
    assert seen.cine.playing
    until(lambda: len(titles) > 3)
    seen.bench.film.name = "Attacks"  # as when the row that plays is there no more
    played = seen.cine.at
    until(lambda: seen.cine.at != played)
    assert clean.title == f"Tikhonov weight {seen.bench.film.rows['Knob'][seen.cine.at].caption}"
    seen.bench.film.choose("Knob")
    before = seen.panels.shared_window.limits
    press(seen, qtbot, "6")
    assert not seen.cine.playing
    assert seen.panels.shared_window.limits == before, "the key that stops it does nothing else"
    until(lambda: clean.title.startswith("CG-SENSE"))
    seen.cine.toggle()
    assert seen.cine.playing
    seen.choose_method("zero-filled")
    until(lambda: "Knob" not in seen.bench.film.rows)
    assert not seen.cine.playing, "its images are not there any more"
    until(lambda: clean.title.startswith("Zero-filled"))


@pytest.mark.thorough
def test_the_difference_in_a_film_is_that_of_one_method(seen: Any, until: Until) -> None:
    bench, panels = seen.bench, seen.panels.panels
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.choose("worst-case", steps=1)
    found = []
    for method in ("zero-filled", "cg-sense"):
        before = bench.perturbing.result
        bench.reconstruction.choose(method)
        until(lambda: not seen.jobs.working)
        seen.attempt(bench.perturbing.run)
        until(lambda before=before: bench.perturbing.result is not before and not seen.jobs.working)
        found.append(bench.result.outcome.comparison)
    until(lambda: seen.panels.settled)
    first = bench.film.rows["Attacks"][0]
    seen.cine.show(first, "Attacks")
    index = bench.acquisition.index
    assert panels["clean"].title == "Zero-filled"
    assert panels["perturbed"].title.startswith("Attacks 1")
    np.testing.assert_array_equal(panels["clean"].stack[index], found[0].clean.numpy())
    changed = np.abs(found[0].perturbed.numpy() - found[0].clean.numpy())
    gain = seen.scene.comparing.gain
    np.testing.assert_allclose(
        np.abs(panels["difference"].stack[index]), gain * changed, rtol=1e-4, atol=1e-4 * gain * changed.max()
    )


@pytest.mark.thorough
def test_what_a_strip_shows_is_not_exported_and_goes_with_it(
    seen: Any, qtbot: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panels, comparing = seen.bench, seen.panels.panels, seen.scene.comparing
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.choose("worst-case", steps=1)
    until(lambda: "Knob" in bench.film.rows)
    seen.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not seen.jobs.working and seen.panels.settled)
    press(seen, qtbot, "S", Qt.KeyboardModifier.ShiftModifier)
    index = bench.acquisition.index
    before = {key: (panel.title, panel.stack[index].copy()) for key, panel in panels.items()}
    seen.cine.show(bench.film.rows["Knob"][1], "Knob")
    assert comparing.of_strip == {"clean"}
    assert not np.array_equal(panels["clean"].stack[index], before["clean"][1])
    said: list[str] = []
    seen.jobs.failed.connect(said.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: pytest.fail("no name is asked for in vain"))
    for key in ("clean", "difference"):
        export_panel(seen, key)
    assert ["film strip" in one for one in said] == [True, True]
    seen.cine.show(Frame("2", bench.film.rows["Knob"][2].image, "perturbed"), "Iterations")
    assert comparing.of_strip == {"perturbed"}
    assert panels["clean"].title == before["clean"][0], "no difference of two rows"
    press(seen, qtbot, "S", Qt.KeyboardModifier.ShiftModifier)
    assert not comparing.of_strip
    for key, (title, image) in before.items():
        assert panels[key].title == title
        np.testing.assert_array_equal(panels[key].stack[index], image)


@pytest.mark.thorough
def test_another_scan_is_opened_while_a_strip_shows_iterations(seen: Any, qtbot: Any, until: Until) -> None:
    bench = seen.bench
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.choose("worst-case", steps=3)
    seen.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not seen.jobs.working and seen.panels.settled)
    assert "Iterations" in bench.film.rows
    press(seen, qtbot, "S", Qt.KeyboardModifier.ShiftModifier)
    bench.film.choose("Iterations")
    before = bench.acquisition.scan
    seen.open_sample()
    until(lambda: bench.acquisition.scan not in (None, before) and bench.acquisition.slice is not None)
    until(lambda: not seen.jobs.working and seen.panels.settled)
    assert bench.film.name is None or "Iterations" not in bench.film.rows


@pytest.mark.thorough
def test_taking_a_strip_away_ends_what_plays_in_it(seen: Any, qtbot: Any, until: Until) -> None:
    until(lambda: "Knob" in seen.bench.film.rows)
    press(seen, qtbot, "S", Qt.KeyboardModifier.ShiftModifier)
    seen.bench.film.choose("Knob")
    seen.cine.set_rate(20)
    seen.cine.toggle()
    until(lambda: seen.scene.comparing.of_strip)
    Shelf.of(seen).clear()
    assert not seen.cine.playing
    until(lambda: not seen.jobs.working)
    assert not seen.scene.comparing.of_strip


@pytest.mark.thorough
def test_without_a_strip_the_slices_are_played(seen: Any, qtbot: Any, until: Until) -> None:
    seen.cine.set_rate(20)
    numbers: list[int] = []
    seen.cine.shown.connect(numbers.append)
    press(seen, qtbot, "Space")
    until(lambda: len(numbers) > 2)
    reference = seen.panels.panels["reference"]
    assert reference.title.startswith("Slice ")
    until(lambda: seen.cine.at != seen.bench.acquisition.index)
    assert "reference" not in seen.scene.seen, "its values would be read and measured as those of the present slice"
    press(seen, qtbot, "G")
    at = seen.cine.at
    assert not seen.cine.playing
    until(lambda: seen.bench.acquisition.slice is not None and seen.bench.acquisition.index == at)
    until(lambda: reference.title.startswith("Reference"))


@pytest.mark.thorough
def test_a_film_ends_when_another_slice_is_turned_to(seen: Any, until: Until) -> None:
    until(lambda: seen.bench.reconstruction.ready)
    seen.panels.shared_window.start(0.0, 0.5 * seen.panels.shared_window.limits[1])
    window, reference = seen.panels.shared_window.limits, seen.panels.panels["reference"]
    before, truth = seen.bench.acquisition.index, reference.title
    seen.cine.toggle()
    until(lambda: seen.cine.playing)
    seen.cine._next()
    assert reference.title.startswith("Slice ")
    seen.panels.viewer.dims.set_current_step(0, (before + 1) % 3)
    assert not seen.cine.playing
    assert reference.title == f"Slice {before} · {truth} · reading slice {(before + 1) % 3}…"
    seen.panels.viewer.dims.set_current_step(0, before)
    assert reference.title == truth, "turned back before the other slice was read"
    assert np.array_equal(reference.stack[before], seen.bench.acquisition.current.reference.numpy())
    assert seen.panels.shared_window.limits == window


@pytest.mark.thorough
def test_slices_are_seen_to_play_in_a_layout_without_their_panel(seen: Any, qtbot: Any, until: Until) -> None:
    seen.cine.set_rate(20)
    press(seen, qtbot, "1")
    assert seen.panels.shown == ("clean",)
    press(seen, qtbot, "Space")
    reference = seen.panels.panels["reference"]
    until(lambda: reference.title.startswith("Slice "))
    assert seen.panels.shown == ("reference",)
    press(seen, qtbot, "G")
    assert seen.panels.shown == ("clean",)


@pytest.mark.slow
def test_space_again_ends_the_reading_of_all_slices(seen: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was refused, since that reading was under way."""

    def endless() -> Job[None]:
        while True:
            yield Progress(0.0)

    begun = Task("Reading all slices", endless(), lambda _: None)
    monkeypatch.setattr(seen.bench.film, "read_slices", lambda _: begun)
    said: list[str] = []
    seen.jobs.failed.connect(said.append)
    press(seen, qtbot, "Space")
    assert seen.jobs.under_way() is begun
    press(seen, qtbot, "Space")
    assert seen.jobs.under_way() is None
    assert said == []
