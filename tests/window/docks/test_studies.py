"""The Studies dock in the real window: a plan is made, mended, run, watched, and its results are opened."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDesktopServices, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QInputDialog

from helpers.plans import PLAN
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.window import keys
from napari_recon_robust.window.docks.study_plan import LANE
from napari_recon_robust.window.remembered import recall
from napari_recon_robust.window.session import PLUGIN, Session
from napari_recon_robust.workbench import conducting

Until = Callable[[Callable[[], object]], None]

WORST_KEPT = PLAN.replace("[zero-filled]", "[zero-filled, cg-sense]") + "keep: {worst: 1}\n"


@pytest.fixture
def plan(tmp_path: Path, scan_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("napari_recon_robust.ground.user_cache.cache_folder", lambda: tmp_path / "cache")
    for file in (scan_file, scan_file.with_suffix(".csv")):
        shutil.copy(file, tmp_path / file.name)
    path = tmp_path / "plan.yaml"
    path.write_text(WORST_KEPT, encoding="utf-8")
    return path


@pytest.fixture
def dock(viewer: Any, until: Until) -> Any:
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Studies", tabify=True)
    until(lambda: len(Session.of(viewer).docks) == 4)
    dock.window().show()
    dock.window().activateWindow()
    dock.parent().raise_()
    until(lambda: dock.isVisible() and dock.window().isActiveWindow())
    return dock


def drop(dock: Any, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    dock.dropEvent(QDropEvent(QPointF(5, 5), action, data, button, Qt.KeyboardModifier.NoModifier))


def click(one: Any) -> None:
    QTest.mouseClick(one, Qt.MouseButton.LeftButton)


def idle(dock: Any) -> bool:
    return not any(dock.session.jobs.busy(lane) for lane in ("plan", "study run"))


@pytest.mark.thorough
def test_a_plan_is_mended_run_and_its_results_are_opened(
    dock: Any, plan: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dock.run.isHidden()
    assert dock.plan.editor.isHidden()
    drop(dock, plan)
    until(lambda: dock.planning.path == plan)
    assert dock.plan.editor.isVisible()
    assert recall("plan", "") == str(plan)

    dock.plan.editor.go_to(6)
    QTest.keyClick(dock.plan.editor, Qt.Key.Key_End)
    QTest.keyClick(dock.plan.editor, Qt.Key.Key_Backspace)
    QTest.keyClicks(dock.plan.editor, ", nonsense]")
    assert dock.plan.verdict.text() == "Edited; a check writes the file, and then it can be run."
    assert not dock.run.start.isEnabled(), "what would be run is the file"
    QTest.keyClick(dock.plan.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    until(lambda: dock.plan.mistakes.count() == 1)
    assert dock.plan.mistakes.item(0).text().startswith("line 6, methods, 3")
    assert not dock.run.start.isEnabled()
    dock.plan.editor.go_to(1)
    place = dock.plan.mistakes.visualItemRect(dock.plan.mistakes.item(0)).center()
    QTest.mouseClick(dock.plan.mistakes.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert dock.plan.editor.textCursor().blockNumber() == 5
    assert dock.plan.editor.hasFocus()
    assert len(dock.plan.editor.extraSelections()) == 1
    dock.plan.editor.setPlainText(WORST_KEPT)
    click(dock.plan.check)
    until(lambda: dock.planning.checked is not None and dock.planning.checked.good)
    assert dock.plan.verdict.text().startswith("6 trials in 1 shard:")
    assert dock.plan.mistakes.isHidden()

    dock.run.workers.setValue(1)
    click(dock.run.start)
    until(lambda: dock.conducting.running)
    assert not dock.run.start.isEnabled()
    until(lambda: dock.conducting.ended)
    assert dock.run.state.text() == "The study has ended: 6 of 6 trials."
    assert dock.run.bar.fraction == 1.0
    assert not dock.run.stop.isEnabled()

    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    click(dock.run.report)
    until(lambda: opened)
    assert opened == [str(plan.with_suffix(".report.html"))]
    until(lambda: idle(dock))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(plan), ""))
    click(dock.run.compare)
    until(lambda: dock.conducting.found)
    assert "quartiles" in dock.run.found.toPlainText()
    until(lambda: idle(dock))
    monkeypatch.setattr(QInputDialog, "getItem", lambda *given: (given[3][1], True))
    click(dock.run.methods)
    until(lambda: dock.run.found.toPlainText().startswith("zero-filled less cg-sense, R = 2, "))

    click(dock.run.worst)
    until(lambda: dock.bench.browsing.entries)
    gallery = next(one for one in dock.session.docks if one.title == "Gallery")
    until(lambda: gallery.isVisible() and gallery.view.current is not None)
    gallery.view.setFocus()
    QTest.keyClick(gallery.view, Qt.Key.Key_R)
    until(lambda: gallery.replayed.text())
    assert "agree" in gallery.replayed.text() or "same" in gallery.replayed.text(), gallery.replayed.text()


@pytest.mark.thorough
def test_the_plan_of_the_last_time_is_there_with_how_far_its_study_is(
    viewer: Any, plan: Path, until: Until, dock: Any
) -> None:
    dock.plan.open_plan(plan)
    until(lambda: dock.planning.path == plan)
    from napari_recon_robust.ground.progress import run
    from napari_recon_robust.studies.running import run_study

    run(run_study(plan))
    dock.bench.planning.path = None  # as after napari was closed and opened again
    dock.bench.conducting._forget()
    viewer.window.remove_dock_widget(dock)
    session = Session.of(viewer)
    until(lambda: len(session.docks) == 3)
    keys.run("studies", viewer)
    until(lambda: len(session.docks) == 4)
    again = session.docks[-1]
    until(lambda: again.conducting.ended)
    assert again.plan.editor.toPlainText() == WORST_KEPT
    assert again.run.state.text() == "The study has ended: 6 of 6 trials."


def test_plans_are_made_by_the_buttons(
    dock: Any, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "new"), ""))
    click(dock.plan.draft)
    assert "No scan is open" in dock.foot.message.text()
    click(dock.plan.new)
    until(lambda: dock.planning.path == tmp_path / "new.yaml")
    until(lambda: idle(dock))
    assert "methods:" in dock.plan.editor.toPlainText()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    click(dock.plan.demo)
    until(lambda: dock.planning.path == tmp_path / "demo.yaml")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "new.yaml"), ""))
    until(lambda: idle(dock))
    click(dock.plan.open_button)
    until(lambda: dock.planning.path == tmp_path / "new.yaml")


@pytest.mark.parametrize("name", ["there.yaml", "there"])
def test_a_file_that_is_there_is_refused_and_not_asked_for(
    dock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked = []

    def choose(*_: Any, options: Any) -> tuple[str, str]:
        asked.append(options)
        return str(tmp_path / name), ""

    (tmp_path / "there.yaml").write_text("mine")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    click(dock.plan.new)
    assert dock.foot.message.text() == "there.yaml is there already; name another file."
    assert asked == [QFileDialog.Option.DontConfirmOverwrite]
    assert not dock.session.jobs.busy(LANE)
    assert (tmp_path / "there.yaml").read_text() == "mine"


def test_what_was_edited_is_there_the_next_time(viewer: Any, plan: Path, until: Until, dock: Any) -> None:
    dock.plan.open_plan(plan)
    until(lambda: dock.planning.path == plan)
    dock.plan.editor.setPlainText(f"{WORST_KEPT}# more\n")
    dock.parent().hide()
    dock.planning.path = None  # as after napari was closed and opened again
    viewer.window.remove_dock_widget(dock)
    session = Session.of(viewer)
    for _ in range(2):  # hidden once more, it is still kept
        until(lambda: len(session.docks) == 3)
        keys.run("studies", viewer)
        until(lambda: len(session.docks) == 4)
        again = session.docks[-1]
        until(lambda again=again: again.planning.path == plan)
        assert again.plan.editor.toPlainText() == f"{WORST_KEPT}# more\n"
        assert again.planning.edited
        assert plan.read_text(encoding="utf-8") == WORST_KEPT, "only a check writes it"
        again.parent().hide()
        again.planning.path = None
        viewer.window.remove_dock_widget(again)


def test_the_first_notes_of_a_check_are_told(dock: Any, plan: Path, until: Until) -> None:
    """They were told by the command alone."""
    boxes = ", ".join(f"'9{number},0,50,6'" for number in range(5))
    plan.write_text(PLAN.replace("[{kind: annotations}]", f"[image, {{kind: drawn, boxes: [{boxes}]}}]"))
    dock.plan.open_plan(plan)
    until(lambda: dock.planning.path == plan and idle(dock))
    click(dock.plan.check)
    until(lambda: dock.planning.checked is not None and dock.planning.checked.good)
    extent, *notes, more = dock.plan.verdict.text().splitlines()
    assert extent.startswith("18 trials")
    assert [note.partition(" the ROI ")[0] for note in notes] == ["1 scan: The trials of a drawn region will fail:"] * 3
    assert more == "2 further notes: recon-robust study check lists all."
    assert dock.body_widget.minimumSizeHint().width() <= dock.minimumWidth() + 10, "they wrap"


def test_a_second_click_starts_no_second_run(
    dock: Any, plan: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def fail(*_: Any) -> Job[Any]:
        begun.append(True)
        yield Progress(0.0)
        raise InputError("it cannot be started.")

    monkeypatch.setattr(conducting, "_started", fail)
    dock.plan.open_plan(plan)
    until(lambda: dock.planning.path == plan)
    until(lambda: idle(dock))
    click(dock.run.start)
    assert not dock.run.start.isEnabled()
    click(dock.run.start)
    until(dock.run.start.isEnabled)
    assert begun == [True]
    assert dock.foot.message.text() == "It cannot be started."


def test_every_control_has_a_name_and_a_tip(dock: Any, plan: Path, until: Until) -> None:
    dock.plan.open_plan(plan)
    until(lambda: dock.planning.path == plan)
    named = [dock.plan.editor, dock.plan.mistakes, dock.run.workers, dock.run.found]
    assert all(one.accessibleName() for one in named)
    buttons = [dock.plan.open_button, dock.plan.new, dock.plan.draft, dock.plan.demo, dock.plan.check]
    buttons += [dock.plan.estimate, dock.run.start, dock.run.stop, dock.run.report, dock.run.worst, dock.run.compare]
    assert all(one.toolTip() and one.text() for one in [*buttons, dock.run.remarks, dock.plan.trust])
    assert dock.body_widget.minimumSizeHint().width() <= dock.minimumWidth() + 10, "nothing is cut off"


@pytest.mark.thorough
def test_it_opens_at_once_and_loads_no_torch() -> None:
    code = (
        "import sys, time, napari\n"
        "from qtpy.QtWidgets import QApplication\n"
        "viewer = napari.Viewer(show=False)\n"
        f"viewer.window.add_plugin_dock_widget({PLUGIN!r}, 'Gallery')\n"
        "for _ in range(20): QApplication.processEvents()\n"
        "before = time.process_time()\n"
        f"viewer.window.add_plugin_dock_widget({PLUGIN!r}, 'Studies')\n"
        "print(time.process_time() - before, {'torch', 'h5py', 'polars', 'distributed'} & set(sys.modules))\n"
        "from qtpy.QtCore import QThreadPool\n"
        "QThreadPool.globalInstance().waitForDone(60000)\n"
        "for _ in range(20): QApplication.processEvents()\n"
        "viewer.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seconds, loaded = done.stdout.split(maxsplit=1)
    assert loaded.strip() == "set()", loaded
    assert float(seconds) < 1.5, "seconds of the processor; it takes 0.1 on a machine that does nothing else"
