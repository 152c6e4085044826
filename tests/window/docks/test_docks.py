"""The real window under a virtual display: the main job, and what users do to it meanwhile."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialog

from helpers.docks import dock_of, press
from monkey.hands import choose_menu
from napari_recon_robust.canvas.titles import in_one_line
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.window import commands, keys
from napari_recon_robust.window.session import DOCKS, PLUGIN, Session

Until = Callable[[Callable[[], object]], None]


def sentence(session: Session) -> str:
    return str(dock_of(session, "Reconstruct").foot.message.text())


def attack(session: Session, until: Until, **knobs: Any) -> None:
    session.bench.regions.choose(session.bench.regions.on(1))
    session.bench.perturbing.set(**{"steps": 1, **knobs})
    press(dock_of(session, "Perturb"), "Run")
    until(lambda: session.bench.perturbing.result is not None and not session.jobs.busy())
    until(lambda: len(session.panels.viewer.layers) == 12 and session.panels.settled)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, review: Session) -> threading.Event:
    """CG-SENSE waits in the job's thread until the event is set."""
    go = threading.Event()
    method = type(review.bench.reconstruction.reconstructor)
    original = method.reconstruct

    def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
        while not go.is_set():
            time.sleep(0.01)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(method, "reconstruct", wait)
    yield go
    go.set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Reconstruct", "Gallery"])
def test_opening_a_dock_imports_nothing_heavy(name: str) -> None:
    code = (
        "import sys, napari\n"
        "from qtpy.QtWidgets import QApplication\n"
        "viewer = napari.Viewer(show=False)\n"
        "before = set(sys.modules)\n"
        f"viewer.window.add_plugin_dock_widget({PLUGIN!r}, {name!r})\n"
        "loaded = {'torch', 'h5py', 'numba', 'pandas', 'polars', 'matplotlib'} & set(sys.modules) - before\n"
        "assert not loaded, loaded\n"
        f"while len(viewer.window.dock_widgets) < {len({*DOCKS, name})}: QApplication.processEvents()\n"
        "loaded = {'torch', 'h5py'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
        "from qtpy.QtCore import QThreadPool\n"
        "QThreadPool.globalInstance().waitForDone(60000)\n"
        "for _ in range(20): QApplication.processEvents()\n"
        "viewer.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_dock_opens_alone(viewer: Any, until: Until) -> None:
    viewer.window.add_plugin_dock_widget(PLUGIN, "Gallery")
    session = Session.of(viewer)
    assert len(session.docks) == 1, "the others come when this one is painted"
    assert not session.jobs.working, "an import in another thread would hold it up"
    assert PLUGIN not in settings._PLUGIN_SETTINGS, "napari reads all manifests for the preferences"
    until(lambda: len(session.docks) == 1 + len(DOCKS) and PLUGIN in settings._PLUGIN_SETTINGS)


@pytest.mark.slow
def test_three_docks_are_tabbed_with_the_first_in_front(viewer: Any, until: Until) -> None:
    viewer.window.add_plugin_dock_widget(PLUGIN)
    session = Session.of(viewer)
    until(lambda: len(session.docks) == len(DOCKS))
    assert Session.of(viewer) is session
    wrappers = [one.parent() for one in session.docks]
    main = wrappers[0].window()
    assert set(main.tabifiedDockWidgets(wrappers[0])) == set(wrappers[1:])
    assert {wrapper.windowTitle() for wrapper in wrappers} == set(DOCKS), "three tabs fit into 360 pixels"
    for one in session.docks:
        assert one.minimumSizeHint().width() <= 360
        assert one.scroll.widget().minimumSizeHint().width() <= 360 - 14, "cut off at 360 pixels"
        assert one.minimumSizeHint().height() < 420
    assert dock_of(session, "Reconstruct").opening.open_button.text() == "Open k-space…"


@pytest.mark.thorough
def test_a_dock_from_napari_s_menu_stands_behind_a_tab_in_front(seen: Session, until: Until) -> None:
    window = seen.panels.viewer.window
    dock, page = window.add_plugin_dock_widget(PLUGIN, "Gallery")  # as its menu does
    others = {one.parent() for one in seen.docks if one is not page}
    until(lambda: {*window._qt_window.tabifiedDockWidgets(dock)} >= others)
    until(lambda: page.visibleRegion().boundingRect().height() > 200)
    assert all(other.widget().visibleRegion().isEmpty() for other in others)


def test_a_dock_from_napari_s_menu_is_there_once(viewer: Any, until: Until) -> None:
    assert choose_menu(viewer.window._qt_window.menuBar(), ("Plugins", PLUGIN, "Reconstruct"))
    session, completed = Session.of(viewer), []
    session.complete.connect(lambda: completed.append(True))
    until(lambda: completed)
    for name in DOCKS:
        session.bring(name)
    assert sorted(one.title for one in session.docks) == sorted(DOCKS)


def test_nothing_can_be_perturbed_before_something_is_open(viewer: Any, until: Until, scan_file: Path) -> None:
    review = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Perturb", tabify=True)
    until(lambda: len(review.docks) == 3)
    page = dock_of(review, "Perturb")
    assert "open k-space" in page.empty.text()
    assert page.body.isHidden()
    assert not page.empty.isHidden()
    review.open(scan_file)
    until(lambda: not page.body.isHidden())
    assert page.empty.isHidden()


@pytest.mark.thorough
def test_a_pose_has_no_column_of_random_noise(review: Session, until: Until) -> None:
    """Nothing is drawn for it, so that the column would repeat the clean one."""
    table, bench = dock_of(review, "Compare").table, review.bench
    bench.regions.choose(bench.regions.on(1))
    for kind, hidden in (("noise-level", False), ("rotation", True)):
        perturb = dock_of(review, "Perturb")
        perturb.kind.list.setCurrentIndex(perturb.kind.list.findData(kind))
        before = bench.perturbing.result
        press(perturb, "Run")
        until(lambda before=before: bench.perturbing.result not in (None, before) and not review.jobs.busy())
        assert table.isColumnHidden(3) == hidden, kind
        assert dock_of(review, "Compare").random.isEnabled() != hidden, "a button that shows nothing"


def test_the_main_job(review: Session, until: Until, tmp_path: Path) -> None:
    panels = review.panels
    assert panels.shown == ("reference", "clean")
    assert "SSIM" in panels.panels["clean"].image.name
    assert "3 slices × 4 coils" in dock_of(review, "Reconstruct").opening.facts.text()
    attack(review, until)
    assert panels.shown == ("reference", "clean", "perturbed", "difference")
    assert "×" in panels.panels["difference"].image.name
    comparison = review.bench.result.outcome.comparison
    shown = panels.panels["perturbed"].stack[1]
    np.testing.assert_allclose(shown, comparison.perturbed.numpy())
    assert dock_of(review, "Compare").sentence.text() == comparison.sentence
    assert dock_of(review, "Compare").table.item(1, 2).text() == f"{comparison.metrics['perturbed']['roi'].ssim:.3f}"

    perturb = dock_of(review, "Perturb")
    assert "in every coil" in perturb.outcome.spent.text()
    before, now = (comparison.metrics[name]["roi"].ssim for name in ("clean", "perturbed"))
    assert f"SSIM of the region: {now:.2f}, before {before:.2f}." in perturb.outcome.spent.text()
    assert perturb.outcome.scaled_to.text() == "Budget 1%; drag for less:"
    perturb.outcome.scaled.setValue(0)
    assert perturb.outcome.scaled_to.text() == "Budget 0% of 1%:"
    np.testing.assert_allclose(panels.panels["perturbed"].stack[1], comparison.clean.numpy())
    assert not panels.panels["difference"].stack[1].any()

    look = panels.geometry.voxel, panels.geometry.upright
    assert look == ((5.0, 400 / 192, 200 / 96), FIRST_ROW_BELOW)
    review.attempt(lambda: review.bench.rating.save(tmp_path / "case"))
    until(lambda: not review.jobs.busy())
    assert sentence(review) == "The case is saved as case."
    review.open(tmp_path / "case")
    until(lambda: review.bench.acquisition.scan is None and not review.jobs.busy())
    assert panels.panels["perturbed"].stack.shape == (1, 96, 96)
    assert panels.geometry is not None
    assert (panels.geometry.voxel, panels.geometry.upright) == look
    assert dock_of(review, "Compare").basis.text().startswith("Slice 1, ")
    np.testing.assert_allclose(panels.panels["perturbed"].stack[0], comparison.perturbed.numpy(), rtol=1e-4, atol=1e-9)


@pytest.mark.slow
def test_the_ways_to_look_at_a_result(review: Session, until: Until, viewer: Any) -> None:
    attack(review, until)
    comparison, panels = review.bench.result.outcome.comparison, review.panels

    def shown(key: str) -> np.ndarray:
        return panels.panels[key].stack[1]

    commands.random(viewer)
    np.testing.assert_array_equal(shown("perturbed"), comparison.random.numpy())
    assert dock_of(review, "Compare").random.isChecked()
    commands.random(viewer)
    commands.truth(viewer)
    np.testing.assert_array_equal(shown("reference"), comparison.perturbed_reference.numpy())
    commands.truth(viewer)
    commands.flicker(viewer)
    np.testing.assert_array_equal(shown("perturbed"), comparison.clean.numpy())
    commands.flicker(viewer)
    np.testing.assert_array_equal(shown("perturbed"), comparison.perturbed.numpy())
    commands.next_layout(viewer)
    until(lambda: not panels.viewer.canvas.grid.enabled)
    commands.previous_layout(viewer)
    until(lambda: panels.viewer.canvas.grid.enabled)
    commands.regions(viewer)
    assert not panels.panels["clean"].regions.visible
    commands.list_keys(viewer)
    dialogs = dock_of(review, "Compare").window().findChildren(QDialog)
    list_ = next(one for one in dialogs if one.windowTitle() == "Keys")
    assert list_.isVisible()
    assert list_.height() < 720
    commands.list_keys(viewer)
    assert list_.isHidden()


@pytest.mark.thorough
def test_without_a_truth_ssim_is_to_the_clean_image_and_says_so(review: Session, until: Until, tmp_path: Path) -> None:
    bench = review.bench
    np.save(tmp_path / "scan.npy", bench.acquisition.current.measurement.kspace.numpy())
    review.open(tmp_path / "scan.npy", ("coil", "readout", "phase"))
    until(lambda: bench.acquisition.shape[0] == 1 and bench.reconstruction.shown is not None)
    review.looking.toggle_wipe()
    assert "no two images to compare yet" in dock_of(review, "Compare").foot.message.text()
    assert review.scene.view.wipe is None
    bench.regions.draw(ROI.box(62, 48, 10, 12), 0)
    bench.perturbing.set(steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    panels = review.panels.panels
    assert panels["clean"].title == "CG-SENSE", "to itself it would be 1.000"
    assert panels["perturbed"].title.startswith("Perturbed 1% · ROI SSIM to clean 0.")
    review.looking.swap("truth")
    assert "there is no truth to show" in dock_of(review, "Compare").foot.message.text()
    assert not review.scene.view.truth


@pytest.mark.thorough
def test_what_was_found_on_another_method_says_so(review: Session, until: Until) -> None:
    bench = review.bench
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    perturbed = review.panels.panels["perturbed"]
    review.knob_turning.pick({"iterations": 5})
    until(lambda: in_one_line(perturbed.title).startswith("Perturbed 1%, CG-SENSE · found at other knobs · "))
    review.choose_method("zero-filled")
    until(lambda: in_one_line(perturbed.title).startswith("Perturbed 1%, Zero-filled · found on CG-SENSE · "))


@pytest.mark.thorough
def test_holding_g_flickers_until_it_is_released(review: Session, until: Until, qtbot: Any) -> None:
    attack(review, until)
    shortcuts = keys.Shortcuts.of(review)
    shortcuts.need(dock_of(review, "Compare"))
    shortcuts.start_flicker()
    assert review.scene.view.flicker
    until(lambda: not review.scene.view.flicker)
    until(lambda: review.scene.view.flicker)
    qtbot.keyRelease(dock_of(review, "Compare"), Qt.Key.Key_G)
    assert not review.scene.view.flicker
    assert not shortcuts._blink.isActive()


@pytest.mark.thorough
def test_a_map_is_bright_enough_to_be_seen(review: Session, until: Until) -> None:
    bench = review.bench.reconstruction
    bench.choose("posterior", samples=2, steps=2, show="deviation")
    until(lambda: bench.shown is not None and bench.shown.exact and bench.shown.method.knobs == bench.knobs)
    panel = review.panels.panels["clean"]
    label, gain = panel.title.split(" ×")
    assert label == "Posterior sampling"
    stack, white = panel.stack[review.bench.acquisition.index], review.panels.shared_window.limits[1]
    np.testing.assert_allclose(stack, int(gain) * bench.shown.image.numpy(), rtol=1e-5)
    assert 0.3 * white < np.quantile(stack, 0.999) <= 1.01 * white


@pytest.mark.thorough
@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "1 / 0"])
def test_a_script_may_end_without_closing_the_window(end: str) -> None:
    """Qt's objects are deleted in any order then, and a page follows some that do not belong to the window."""
    code = (
        "import napari\n"
        "from qtpy.QtWidgets import QApplication\n"
        "viewer = napari.Viewer(show=False)\n"
        f"viewer.window.add_plugin_dock_widget({PLUGIN!r}, 'Reconstruct')\n"
        "for _ in range(20): QApplication.processEvents()\n"
        f"{end}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == {"": 0, "1 / 0": 1}.get(end, 3), done.stderr


@pytest.mark.thorough
def test_a_click_with_the_box_tool_draws_no_region(seen: Session, until: Until, qtbot: Any) -> None:
    perturb, before = dock_of(seen, "Perturb"), list(seen.bench.regions.all)
    press(perturb, "Box")
    layer = seen.panels.panels["reference"].regions
    canvas = seen.panels.viewer.window._qt_viewer.canvas.native
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center() / 2)
    until(lambda: "lick outlines no region; hold" in perturb.foot.message.text() or seen.bench.regions.all != before)
    assert seen.bench.regions.all == before
    assert len(layer.data) == len(before)
    assert layer.mode == "add_rectangle", "to be dragged now"


@pytest.mark.thorough
def test_a_polygon_of_two_corners_says_how_one_is_drawn(seen: Session, until: Until, qtbot: Any) -> None:
    perturb, before = dock_of(seen, "Perturb"), list(seen.bench.regions.all)
    press(perturb, "Polygon")
    layer = seen.panels.panels["reference"].regions
    canvas = seen.panels.viewer.window._qt_viewer.canvas.native
    middle = canvas.rect().center() / 2
    qtbot.mouseMove(canvas, middle)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    until(lambda: "double-click the last" in perturb.foot.message.text())
    assert seen.bench.regions.all == before
    assert layer.mode == "add_polygon"


@pytest.mark.thorough
def test_the_tool_in_hand_is_shown_whoever_took_it(seen: Session, until: Until, qtbot: Any) -> None:
    page, drawing = dock_of(seen, "Perturb").regions, seen.panels.drawing
    canvas = seen.panels.viewer.window._qt_viewer.canvas.native
    layer = seen.panels.panels["reference"].regions

    def in_hand() -> list[str]:
        return [tool for tool, one in page.tools.items() if one.isChecked()]

    page.tools["rectangle"].click()
    assert (in_hand(), drawing.tool) == (["rectangle"], "rectangle")
    page.tools["ellipse"].click()
    assert in_hand() == ["ellipse"]
    page.tools["ellipse"].click()
    assert (in_hand(), drawing.tool) == ([], None), "a second click lays it down"
    seen.panels.viewer.layers.selection.active = layer
    layer.mode = "add_polygon"
    assert in_hand() == ["polygon"], "as napari's own controls take it"
    layer.mode = "select"
    assert not in_hand()
    page.tools["polygon"].click()
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert not in_hand()
    page.tools["polygon"].click()
    seen.panels.viewer.layers.selection.active = seen.panels.panels["reference"].image
    assert not in_hand(), "another layer takes the mouse"
    page.brush.click()
    page.tools["rectangle"].click()
    assert in_hand() == ["rectangle"]
    assert not page.brush.isChecked()
    page.brush.click()
    assert not in_hand()
    page.brush.click()
    seen.rulers.toggle("distance")
    page.tools["rectangle"].click()
    assert seen.bench.ruling.kind is None, "the left button draws one thing"
    drawing.stop()


@pytest.mark.thorough
def test_escape_in_the_middle_of_a_polygon_keeps_its_corners(seen: Session, until: Until, qtbot: Any) -> None:
    keys.run("panels_5", seen.panels.viewer)
    until(lambda: seen.panels.settled)
    before = list(seen.bench.regions.all)
    press(dock_of(seen, "Perturb"), "Polygon")
    canvas = seen.panels.viewer.window._qt_viewer.canvas.native
    for x, y in ((-20, -20), (20, -20), (20, 20), (-20, 20)):
        at = canvas.rect().center() + QPoint(x, y)
        qtbot.mouseMove(canvas, at)
        qtbot.wait(20)  # vispy leaves out a move within 10 ms of another
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(canvas, canvas.rect().center() + QPoint(-40, 40))
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert seen.panels.drawing.tool is None
    until(lambda: seen.bench.regions.all != before or dock_of(seen, "Perturb").foot.message.text())
    (drawn,) = [region for region in seen.bench.regions.all if region not in before]
    assert len(drawn.roi.shapes[0].vertices) == 4, "not the one below the mouse"


@pytest.mark.thorough
def test_a_polygon_ends_with_the_slice_it_was_begun_on(seen: Session, until: Until, qtbot: Any) -> None:
    keys.run("panels_5", seen.panels.viewer)
    until(lambda: seen.panels.settled)
    perturb, drawing, before = dock_of(seen, "Perturb"), seen.panels.drawing, list(seen.bench.regions.all)
    canvas = seen.panels.viewer.window._qt_viewer.canvas.native

    def outline(*corners: tuple[int, int]) -> None:
        press(perturb, "Polygon")
        for x, y in corners:
            at = canvas.rect().center() + QPoint(x, y)
            qtbot.mouseMove(canvas, at)
            qtbot.wait(20)  # vispy leaves out a move within 10 ms of another
            qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)

    outline((-20, -20), (20, -20), (20, 20))
    seen.panels.navigation.go_to(2)
    until(lambda: seen.bench.regions.all != before)
    (drawn,) = [region for region in seen.bench.regions.all if region not in before]
    assert (drawn.slice, len(drawn.roi.shapes[0].vertices), drawing.tool) == (1, 3, None)
    assert perturb.foot.message.text() == "drawn 1 ends with the slice it was begun on, 1."
    until(lambda: seen.bench.acquisition.slice is not None and seen.panels.settled)
    outline((-20, -20), (20, -20))
    seen.panels.navigation.go_to(1)
    until(lambda: "three corners or more" in perturb.foot.message.text())
    assert seen.bench.regions.all == [*before, drawn]
    assert drawing.tool is None


@pytest.mark.thorough
def test_a_region_that_is_no_box_has_its_size_in_the_list(review: Session) -> None:
    regions = review.bench.regions
    regions.draw(ROI.ellipse(40, 30, row_radius=5.2, column_radius=8.2), 1)
    regions.draw(ROI.polygon([(10, 20), (10, 26), (18, 26)]), 1)
    shown = dock_of(review, "Perturb").regions.list
    assert [shown.item(row).text() for row in range(3)] == [
        "Lesion, 10×12 px = 20.8×25 mm",
        "drawn 1, 11×17 px = 22.9×35.4 mm",
        "drawn 2, 9×7 px = 18.8×14.6 mm",
    ]


def test_drawing_a_region(review: Session, until: Until) -> None:
    press(dock_of(review, "Perturb"), "Box")
    layer = review.panels.panels["clean"].regions
    assert review.panels.panels["reference"].regions.mode == "add_rectangle"
    layer.add([np.array([[1, 9.6, 19.7], [1, 9.6, 29.6], [1, 20.4, 29.6], [1, 20.4, 19.7]])], shape_type="rectangle")
    until(lambda: review.bench.regions.chosen)
    (region,) = review.bench.regions.chosen
    assert region.name == "drawn 1"
    assert region.roi.shapes[0].model_dump() == {"kind": "box", "row": 10, "column": 20, "height": 11, "width": 10}
    assert {len(panel.regions.data) for panel in review.panels.panels.values()} == {2}
    perturb = dock_of(review, "Perturb")
    assert [perturb.regions.list.item(row).text() for row in range(2)] == [
        "Lesion, 10×12 px = 20.8×25 mm",
        "drawn 1, 11×10 px = 22.9×20.8 mm",
    ]
    press(perturb, "Delete")
    assert [one.name for one in review.bench.regions.all] == ["Lesion"]


def test_delete_on_the_picture_deletes_the_chosen_regions_of_the_slice_and_is_undone(review: Session) -> None:
    regions, viewer = review.bench.regions, review.panels.viewer
    region = regions.draw(ROI.box(row=5, column=6, height=7, width=8), 1)
    elsewhere = regions.draw(ROI.box(row=5, column=6, height=7, width=8), 2)
    regions.choose([region, elsewhere])
    review.panels.navigation.go_to(1)
    viewer.layers.selection.active = review.panels.panels["clean"].image
    canvas = viewer.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert region not in regions.all
    assert elsewhere in regions.all
    review.editing.undo()
    assert len(regions.on(1)) == 2


@pytest.mark.thorough
def test_a_chosen_region_is_seen_in_a_long_list(review: Session) -> None:
    page = dock_of(review, "Perturb")
    drawn = [review.bench.regions.draw(ROI.box(row=50, column=30, height=4 + n, width=4), 1) for n in range(9)]
    review.bench.regions.choose([drawn[-1]])
    (item,) = page.regions.list.selectedItems()
    assert page.regions.list.viewport().rect().contains(page.regions.list.visualItemRect(item))


@pytest.mark.thorough
def test_a_click_on_an_outline_in_the_picture_chooses_the_region(review: Session) -> None:
    regions, (region, *_) = review.bench.regions, review.bench.regions.on(1)
    box = region.roi.shapes[0]
    place = box.row + box.height / 2, float(box.column)
    review.panels.navigation.pointed.emit(*place)
    assert regions.chosen == (region,)
    (item,) = dock_of(review, "Perturb").regions.list.selectedItems()
    assert item.text().startswith(region.name)
    review.panels.navigation.pointed.emit(0.0, 0.0)
    assert regions.chosen == (region,), "a click beside all of them takes nothing back"
    regions.choose([])
    review.panels.drawing.show(False)
    review.panels.navigation.pointed.emit(*place)
    assert not regions.chosen, "its outline is not to be seen"


def test_a_lesion_by_a_click(review: Session, until: Until) -> None:
    perturb = dock_of(review, "Perturb")
    perturb.kind.list.setCurrentIndex(perturb.kind.list.findData("fnaf"))
    perturb.kind.place.setChecked(True)
    review.panels.navigation.clicked.emit(50.0349, 39.9802)
    until(lambda: review.bench.perturbing.result is not None)
    assert not perturb.kind.place.isChecked()
    details = review.bench.result.outcome.perturbed.details
    assert tuple(details["position"]) == (50, 40), "to a tenth of a pixel, which its box has room for"
    assert "contrast" in perturb.outcome.spent.text()
    assert "SSIM" not in perturb.outcome.spent.text(), "the truth has changed with it"
    assert "local SSIM" in review.panels.panels["perturbed"].title, "no region is chosen, or another one"
    assert dock_of(review, "Compare").table.item(0, 0).text() == "Surroundings of what was inserted"
    assert re.search(r"per coil [\d.]+% to [\d.]+%", perturb.outcome.spent.text())


@pytest.mark.parametrize("click", [(96.0, 40.0), (-3.0, 40.0), (-3.0, -2.0)])
def test_a_click_beside_the_image_places_no_lesion(review: Session, click: tuple[float, float]) -> None:
    perturb = dock_of(review, "Perturb")
    perturb.kind.list.setCurrentIndex(perturb.kind.list.findData("fnaf"))
    before, said = dict(review.bench.perturbing.knobs), list[str]()
    review.jobs.failed.connect(said.append)
    review.panels.navigation.clicked.emit(*click)
    assert said == ["The click lies outside of the image; press the button again and click on it."]
    assert review.bench.perturbing.knobs == before, "or the next run is refused for a place that nobody sees"
    assert not review.jobs.busy()


@pytest.mark.thorough
def test_the_budget_says_what_it_is_of(review: Session, until: Until) -> None:
    perturb = dock_of(review, "Perturb")
    assert "of each coil's k-space" in perturb.kind.budgets.thermal.text()
    review.bench.perturbing.choose("worst-case", norm="global")
    assert "of the k-space of all coils together" in perturb.kind.budgets.thermal.text()
    assert "of the k-space of all coils together" in perturb.kind.budgets.budget.toolTip()
    perturb.kind.list.setCurrentIndex(perturb.kind.list.findData("image-domain"))
    assert "1% of the object, up to" in perturb.kind.budgets.thermal.text()
    assert "of the object" in perturb.kind.budgets.budget.toolTip()
    review.bench.regions.choose(review.bench.regions.on(1))
    review.bench.perturbing.set(insert="symbol")
    press(perturb, "Run")
    until(lambda: review.bench.perturbing.result is not None)
    assert "(1% of the object allowed)" in perturb.outcome.spent.text()


@pytest.mark.thorough
def test_cancelling_keeps_the_best_so_far(review: Session, until: Until) -> None:
    review.bench.regions.choose(review.bench.regions.on(1))
    review.bench.perturbing.set(steps=200)
    press(dock_of(review, "Perturb"), "Run")
    until(lambda: "perturbed" in review.panels.panels)
    assert review.panels.panels["perturbed"].image.name == "Worst so far · attacked"
    assert review.panels.panels["difference"].title.endswith(" · attacked")
    press(dock_of(review, "Compare").foot, "Cancel")
    until(lambda: review.bench.perturbing.result is not None)
    assert not review.bench.result.outcome.perturbed.complete
    assert "best so far" in dock_of(review, "Perturb").outcome.spent.text()
    assert "ended before its steps were done" in dock_of(review, "Compare").warning.text()
    assert review.bench.history.entries[-1].title.endswith(", ended early")
    assert not review.bench.history.entries[-1].row()["complete"]


@pytest.mark.slow
def test_after_cancelling_the_next_search_can_be_started_at_once(
    review: Session, until: Until, slow: threading.Event
) -> None:
    review.bench.regions.choose(review.bench.regions.on(1))
    review.bench.perturbing.set(steps=1)
    run = dock_of(review, "Perturb").kind.run
    run.click()
    assert not run.isEnabled()
    press(dock_of(review, "Perturb").foot, "Cancel")
    assert sentence(review) == "Worst-case noise: cancelled."
    assert run.isEnabled()
    assert review.jobs.working
    run.click()
    assert "starts when the last step" in sentence(review)
    slow.set()
    until(lambda: review.bench.perturbing.result is not None and not review.jobs.busy())
    assert review.bench.result.outcome.perturbed.complete


@pytest.mark.thorough
def test_a_second_job_is_refused(review: Session, until: Until, slow: threading.Event) -> None:
    review.bench.regions.choose(review.bench.regions.on(1))
    press(dock_of(review, "Perturb"), "Run")
    assert not dock_of(review, "Perturb").kind.run.isEnabled()
    review.attempt(review.bench.perturbing.run)
    assert "under way" in sentence(review)
    slow.set()
    until(lambda: not review.jobs.busy())
    assert review.bench.perturbing.result is not None


@pytest.mark.thorough
def test_layers_renamed_and_deleted_while_a_job_runs(review: Session, until: Until, slow: threading.Event) -> None:
    review.bench.regions.choose(review.bench.regions.on(1))
    press(dock_of(review, "Perturb"), "Run")
    layers = review.panels.viewer.layers
    layers["Reference"].name = "renamed"
    layers.remove(review.panels.panels["clean"].image)
    until(lambda: "clean" not in review.panels.shown)
    slow.set()
    until(lambda: review.bench.perturbing.result is not None)
    assert review.panels.shown == ("reference", "clean", "perturbed", "difference")
    assert layers[0].name == "renamed"


@pytest.mark.thorough
def test_closing_the_docks_in_the_middle_of_a_job(
    review: Session, viewer: Any, until: Until, slow: threading.Event
) -> None:
    review.bench.regions.choose(review.bench.regions.on(1))
    press(dock_of(review, "Perturb"), "Run")
    for page in list(review.docks):
        viewer.window.remove_dock_widget(page)
    until(lambda: not review.docks)
    assert not review.panels.viewer.layers
    assert not review.panels.viewer.canvas.grid.enabled
    slow.set()
    until(lambda: not review.jobs.busy())
    # Opened again, the review is where it was.
    viewer.window.add_plugin_dock_widget(PLUGIN, "Compare")
    until(lambda: len(review.docks) == 3 and review.panels.shown)
    assert review.panels.panels["reference"].stack.any()
    assert "head.h5" in dock_of(review, "Reconstruct").opening.facts.text()


def test_a_table_of_annotations(review: Session, until: Until, tmp_path: Path) -> None:
    table = tmp_path / "knee.csv"
    table.write_text("file,slice,study_level,x,y,width,height,label\nhead,2,No,40,20,8,6,Cyst\n", encoding="utf-8")
    review.open(table)
    until(lambda: [one.name for one in review.bench.regions.all] == ["Lesion", "Cyst"])
    table.write_text("name,place\nhead,3\n", encoding="utf-8")
    review.open(table)
    until(lambda: "study_level" in sentence(review))


def test_slices_from_the_slider(review: Session, until: Until) -> None:
    review.panels.viewer.dims.set_current_step(0, 2)
    until(lambda: review.bench.acquisition.slice is not None and review.bench.acquisition.slice.index == 2)
    until(lambda: review.panels.panels["clean"].stack[2].any())
    assert not review.panels.panels["clean"].stack[1].any()


def test_reading_through_napari(viewer: Any, scan_file: Path, tmp_path: Path, until: Until) -> None:
    from napari_recon_robust.window.reader import get_reader

    np.save(tmp_path / "picture.npy", np.zeros((4, 4)))
    assert get_reader(str(tmp_path / "picture.npy")) is None
    (tmp_path / "cut.npy").write_bytes((tmp_path / "picture.npy").read_bytes()[:-8])
    assert get_reader(str(tmp_path / "cut.npy")) is not None, "to open it says what is wrong"
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(scan_file)]) is None
    viewer.open(str(scan_file), plugin=PLUGIN)
    session = Session.of(viewer)
    until(lambda: session.bench.acquisition.slice is not None)
    assert session.bench.acquisition.facts.startswith("head.h5")
    (tmp_path / "points.csv").write_text("index,axis-0,axis-1\n", encoding="utf-8")
    assert get_reader(str(tmp_path / "points.csv")) is None, "napari's own"
    table = tmp_path / "boxes.csv"
    table.write_text("file,slice,study_level,x,y,width,height,label\nhead,2,No,40,20,8,6,Cyst\n", encoding="utf-8")
    until(lambda: not session.jobs.busy())
    viewer.open(str(table), plugin=PLUGIN)
    until(lambda: "Cyst" in [one.name for one in session.bench.regions.all])


def test_help_lists_every_key() -> None:
    for key in keys.KEYS:
        assert key.words in keys.text()


@pytest.mark.thorough
def test_the_mask_of_a_region_is_rendered_once_for_its_size_in_the_list(
    review: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    regions, page = review.bench.regions, dock_of(review, "Perturb").regions
    regions.draw(ROI.ellipse(60, 50, 6, 5), 1)
    rendered: list[ROI] = []
    mask = ROI.mask
    monkeypatch.setattr(ROI, "mask", lambda self, shape: (rendered.append(self), mask(self, shape))[1])
    before = [page.list.item(at).text() for at in range(page.list.count())]
    for _ in range(3):
        page.show_all()
    assert [page.list.item(at).text() for at in range(page.list.count())] == before
    assert not rendered
    drawn = regions.all[-1]
    regions.reshape(drawn, ROI.ellipse(60, 50, 9, 5))
    assert any("17" in page.list.item(at).text() for at in range(page.list.count())), "another outline, another size"
