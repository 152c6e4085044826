"""The Gallery dock in the real window, by its keys."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent, QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel, QShortcut, QWidget

from helpers.galleries import copied
from napari_recon_robust.cases.gallery.verdicts import SCALE, Judgement, read_judgement
from napari_recon_robust.window.docks.case_pair import PairWindow
from napari_recon_robust.window.docks.review import Review
from napari_recon_robust.window.keys import GALLERY, Shortcuts, text
from napari_recon_robust.window.reader import get_reader
from napari_recon_robust.window.session import PLUGIN, Session

Until = Callable[[Callable[[], object]], None]
Key = Qt.Key


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("napari_recon_robust.ground.user_cache.cache_folder", lambda: tmp_path / "cache")
    return copied(tmp_path / "cases", "fnaf", "random", "worst-case", "contrast", "spike")


@pytest.fixture
def dock(viewer: Any, folder: Path, until: Until) -> Any:
    """The dock in front, five cases in it, the list with the keyboard."""
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Gallery", tabify=True)
    session = Session.of(viewer)
    until(lambda: len(session.docks) == 4)
    dock.window().show()
    dock.window().activateWindow()
    dock.open_folder(folder)
    until(lambda: dock.browsing.entries and not session.jobs.busy("thumbnails"))
    until(lambda: dock.isVisible() and dock.window().isActiveWindow())
    until(lambda: not dock.visibleRegion().isEmpty())
    dock.view.setFocus()
    until(dock.view.hasFocus)
    QTest.qWait(50)  # until no dock moves
    return dock


def press(widget: QWidget, *keys: Any) -> None:
    for key in keys:
        QTest.keyClick(widget, key)


def names(dock: Any) -> list[str]:
    return [entry.name for entry in dock.browsing.shown]


def test_cases_are_shown_as_pictures_the_worst_first(dock: Any, until: Until) -> None:
    assert names(dock) == ["contrast", "spike", "worst-case", "fnaf", "random"]
    model = dock.view.model()

    def pictures() -> list[Any]:
        return [model.data(model.index(row), Qt.ItemDataRole.DecorationRole) for row in range(5)]

    until(lambda: None not in pictures())
    assert all(picture.width() == 2 * picture.height() + 2 for picture in pictures())
    assert pictures()[0].toImage() != pictures()[1].toImage()
    until(lambda: dock.browsing.labels)
    text = model.data(model.index(2), Qt.ItemDataRole.AccessibleTextRole)
    assert text == "worst-case: Worst-case noise 3% on Total variation, Change 19%, no verdict"
    assert dock.view.gridSize().width() * 2 <= dock.view.viewport().width(), "two columns"
    assert dock.body_widget.minimumSizeHint().width() <= dock.minimumWidth() + 10, "nothing is cut off"


def test_keys_go_through_the_cases_and_judge_them(dock: Any, folder: Path) -> None:
    window = dock.window()
    assert dock.view.current.name == "contrast"
    press(dock.view, Key.Key_Period, Key.Key_Period, Key.Key_Comma)
    assert dock.view.current.name == "spike"
    assert dock.name.text().casefold().startswith("spike · spike on ")  # also before it knows what that is called
    press(dock.view, Key.Key_1)
    assert read_judgement(folder / "spike") == Judgement("failure")
    assert dock.foot.message.text() == "spike: failure."
    assert [one.isChecked() for one in dock.judging.scale.buttons] == [True, False, False, False, False]
    window.setFocus()  # as after a click into the picture
    press(window, Key.Key_4, Key.Key_Period)
    assert dock.foot.message.text() == "", "another case is current"
    press(window, Key.Key_5)
    assert read_judgement(folder / "spike") == Judgement("probably-acceptable")
    assert read_judgement(folder / "worst-case") == Judgement("acceptable")
    press(dock.view, Key.Key_0)
    assert read_judgement(folder / "worst-case") == Judgement()
    press(dock.view, Key.Key_End, Key.Key_Period)
    assert dock.view.current.name == "random", "the last one stays"


def test_behind_another_tab_it_judges_nothing_and_the_keys_are_those_of_the_images(
    dock: Any, folder: Path, until: Until
) -> None:
    session, window = Session.of(dock.session.panels.viewer), dock.window()
    press(window, Key.Key_4)
    judged = read_judgement(folder / "contrast")
    compare = next(page for page in session.docks if page.title == "Compare")
    compare.parent().raise_()
    taken = Shortcuts.of(session)._shortcuts
    until(lambda: {"1", "T", "N", "R"} <= {key.key for key in taken})
    press(window, Key.Key_1)
    assert read_judgement(folder / "contrast") == judged, "behind a tab no case is seen"
    dock.parent().raise_()
    until(lambda: not {"1", "T", "N", "R"} & {key.key for key in taken})
    QTest.qWait(50)  # until those of the review are deleted
    press(window, Key.Key_1)
    assert read_judgement(folder / "contrast") != judged


def test_the_list_of_keys_has_those_of_the_gallery(dock: Any) -> None:
    bound = {one.key().toString() for one in dock.findChildren(QShortcut)} | {*dock.in_list}
    assert bound - {"Enter"} == {*GALLERY}  # Enter is the Return of the keypad
    assert all(words in text() for words in GALLERY.values())


def test_tags_and_a_note_are_typed(dock: Any, folder: Path, until: Until) -> None:
    press(dock.view, Key.Key_T)
    assert dock.judging.tags.hasFocus()
    QTest.keyClicks(dock.judging.tags, "small 1, Lesion")
    press(dock.judging.tags, Key.Key_Return)
    assert dock.view.hasFocus()
    assert read_judgement(folder / "contrast") == Judgement(tags=("small 1", "Lesion"))
    press(dock.view, Key.Key_N)
    QTest.keyClicks(dock.judging.note, "gone, 2.5 mm")
    until(lambda: read_judgement(folder / "contrast").note == "gone, 2.5 mm")
    QTest.keyClicks(dock.judging.note, "!")
    press(dock.judging.note, Key.Key_Escape)
    assert read_judgement(folder / "contrast").note == "gone, 2.5 mm!", "at once when it is left"
    assert dock.view.hasFocus()
    press(dock.view, Key.Key_Period)
    assert (dock.judging.tags.text(), dock.judging.note.toPlainText()) == ("", "")
    press(dock.view, Key.Key_Comma)
    assert dock.judging.tags.text() == "small 1, Lesion"
    press(dock.view, Key.Key_N)
    QTest.keyClick(dock.judging.note, Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(dock.judging.note, "not in T1")
    QTest.keyClick(dock.judging.note, Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    press(dock.judging.note, Key.Key_Return)
    assert dock.view.hasFocus()
    assert read_judgement(folder / "contrast").note == "gone, 2.5 mm!\nnot in T1", "behind what was there"


def test_a_verdict_in_the_middle_of_a_note_leaves_the_note(dock: Any, folder: Path) -> None:
    press(dock.view, Key.Key_N)
    QTest.keyClicks(dock.judging.note, "half a")
    dock.judging.judge("failure")  # as by a click where buttons do not take the keyboard
    assert dock.judging.note.toPlainText() == "half a"
    QTest.keyClicks(dock.judging.note, " word")
    press(dock.judging.note, Key.Key_Escape)
    assert read_judgement(folder / "contrast") == Judgement("failure", note="half a word")


def test_what_is_typed_belongs_to_the_case_that_was_shown(dock: Any, folder: Path) -> None:
    press(dock.view, Key.Key_N)
    QTest.keyClicks(dock.judging.note, "of the contrast")
    dock.view.step(1)
    assert read_judgement(folder / "contrast").note == "of the contrast"
    assert read_judgement(folder / "spike").note == ""
    press(dock.view, Key.Key_T)
    QTest.keyClicks(dock.judging.tags, "of the spike")
    dock.arranging.filter.setText("method:tv")
    assert read_judgement(folder / "spike").tags == ("of the spike",)
    assert dock.judging.tags.text() == ""


def test_a_filter_that_cannot_be_read_is_refused_after_a_pause_or_when_it_is_left(dock: Any, until: Until) -> None:
    """The list stayed the one of a shorter filter, and only Return said so."""
    filter, refusal = dock.arranging.filter, dock.arranging.refusal
    filter.setFocus()
    QTest.keyClicks(filter, "perturbation:worst-case ssim<x")
    assert names(dock) == ["worst-case"], "it may be unfinished"
    until(refusal.isVisible)
    assert refusal.text().endswith("give a number, for instance 0.8 or 5%. Until then all cases are shown.")
    assert len(names(dock)) == 5
    assert "5 of 5" in dock.count.text()
    assert "border" in filter.styleSheet()
    press(filter, Key.Key_Backspace)
    QTest.keyClicks(filter, "0,99")
    assert names(dock) == ["worst-case"]
    assert (refusal.text(), filter.styleSheet()) == ("", "")
    filter.setText("perturbation:spike tag:")
    assert not dock.arranging._pause.isActive(), "its value is still to come"
    assert names(dock) == ["spike"]
    dock.view.setFocus()
    until(refusal.isVisible)
    assert "half a condition" in refusal.text()
    assert len(names(dock)) == 5


def test_the_list_is_filtered_and_sorted_by_keys(dock: Any) -> None:
    press(dock.view, Key.Key_Slash)
    filter = dock.arranging.filter
    QTest.keyClicks(filter, "perturbation:worst-ca")
    assert names(dock) == []
    assert dock.view.hint == "No case passes the filter."
    QTest.keyClicks(filter, "se")
    assert names(dock) == ["worst-case"]
    assert "1 of 5" in dock.count.text()
    QTest.keyClicks(filter, " ssim<a")
    assert names(dock) == ["worst-case"], "as long as it cannot be read"
    press(filter, Key.Key_Return)
    assert "give a number" in dock.arranging.refusal.text()
    assert dock.arranging.refusal.isVisible()
    dock.column.activate()
    assert dock.arranging.refusal.height() >= dock.arranging.refusal.heightForWidth(dock.arranging.refusal.width())
    assert dock.foot.message.text() == "", "it is said once, beside the filter"
    filter.setText("xyz")
    assert dock.arranging.refusal.isHidden()
    assert dock.view.hint == "No case passes the filter."
    filter.setText("xyz>5")
    press(filter, Key.Key_Return)
    assert len(names(dock)) == 5, "not those of another filter"
    filter.setText("tag:")
    assert dock.arranging.refusal.text() == "", "its value is still to come"
    press(filter, Key.Key_Return)
    assert "half a condition" in dock.arranging.refusal.text()
    assert not dock.view.hasFocus()
    filter.clear()
    press(filter, Key.Key_Return)
    assert dock.view.hasFocus()
    assert not dock.session.jobs.busy(), "it opens no case"
    assert dock.foot.message.text() == ""
    order = dock.arranging.order
    order.setFocus()
    QTest.keyClicks(order, "Name")
    assert names(dock) == ["contrast", "fnaf", "random", "spike", "worst-case"]
    assert "SSIM 0.951 → 0.941" in dock.view.model().index(0).data()
    dock.view.go_to(dock.browsing.shown[1])
    dock.arranging.reverse.setFocus()
    press(dock.arranging.reverse, Key.Key_Space)
    assert names(dock)[0] == "worst-case"
    assert dock.view.current.name == "fnaf", "it stays the current one"


def test_return_opens_the_case_and_it_is_attacked_again(dock: Any, until: Until) -> None:
    bench = dock.bench
    dock.view.go_to(next(entry for entry in dock.browsing.entries if entry.name == "random"))
    press(dock.view, Key.Key_A)
    assert "No scan is open" in dock.foot.message.text()
    press(dock.view, Key.Key_Return)
    until(lambda: bench.perturbing.current is not None and not dock.session.jobs.busy())
    assert bench.perturbing.chosen.id == "random"
    dock.view.go_to(next(entry for entry in dock.browsing.entries if entry.name == "fnaf"))
    dock.attack.click()
    assert bench.perturbing.chosen.id == "fnaf"
    assert bench.perturbing.knobs["row"] == 8.0
    (perturb,) = (one for one in dock.session.docks if one.title == "Perturb")
    until(perturb.isVisible)
    assert "Press Run" in perturb.foot.message.text()


def test_two_cases_are_compared_and_several_replayed(dock: Any, until: Until, tmp_path: Path) -> None:
    until(lambda: dock.browsing.labels)
    assert not dock.compare.isEnabled()
    QTest.keyClick(dock.view, Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert [entry.name for entry in dock.view.chosen] == ["contrast", "spike"]
    assert dock.compare.isEnabled()
    press(dock.view, Key.Key_C)
    until(lambda: dock.findChildren(PairWindow))
    (pair,) = dock.findChildren(PairWindow)
    assert pair.windowTitle() == "contrast and spike"
    texts = {pair.table.item(row, 0).text(): pair.table.item(row, 1) for row in range(pair.table.rowCount())}
    assert pair.table.horizontalHeader().textElideMode() == Qt.TextElideMode.ElideMiddle
    assert [pair.table.horizontalHeaderItem(place).toolTip() for place in (1, 2)] == ["contrast", "spike"]
    assert texts["Perturbation"].text() == "Contrast"
    assert texts["Perturbation"].font().bold()
    assert not texts["Method"].font().bold()
    assert any("Not for diagnostic use" in label.text() for label in pair.findChildren(QLabel))
    press(pair, Key.Key_Escape)
    until(lambda: not dock.findChildren(PairWindow))
    press(dock.view, Key.Key_R)
    until(lambda: len(dock.browsing.replays) == 2)
    until(lambda: dock.replayed.text().startswith("The metrics "))
    assert dock.replayed.isVisible()
    assert "The metrics " in dock.view.currentIndex().data(Qt.ItemDataRole.ToolTipRole)


def test_its_keys_work_while_the_images_have_the_window(dock: Any, until: Until) -> None:
    layouts = Review.of(dock.session)
    layouts.enter()
    dock.session.bring("Gallery")
    until(dock.view.isVisible)
    dock.view.setFocus()
    QTest.keyClick(dock.view, Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    press(dock.view, Key.Key_C)
    until(lambda: dock.findChildren(PairWindow))
    layouts.leave()


def test_damaged_cases_are_shown_with_their_sentence_and_cannot_be_judged(
    dock: Any, folder: Path, until: Until
) -> None:
    model = dock.view.model()
    # One that is still being made would be of the images as they were.
    until(lambda: None not in [model.index(row, 0).data(Qt.ItemDataRole.DecorationRole) for row in range(5)])
    until(lambda: not dock.session.jobs.busy("thumbnails"))
    (folder / "contrast" / "case.json").write_text("{}", encoding="utf-8")
    images = folder / "fnaf" / "images.npz"
    images.write_bytes(images.read_bytes()[:-1] + b"x")
    dock.loader._pictures.clear()
    for png in (folder.parent / "cache").rglob("*.png"):
        png.unlink()
    press(dock.view, Key.Key_F5)
    until(lambda: names(dock)[-1:] == ["contrast"])
    fnaf = model.index(names(dock).index("fnaf"))
    until(lambda: "was altered" in str(fnaf.data(Qt.ItemDataRole.DecorationRole)))
    dock.view.go_to(dock.browsing.shown[-1])
    assert "does not describe a saved case" in dock.about.text()
    assert not dock.judging.isEnabled()
    assert not dock.open_case.isEnabled()
    press(dock.view, Key.Key_1, Key.Key_Return, Key.Key_A)
    assert not (folder / "contrast" / "verdict.jsonl").exists()
    assert not dock.session.jobs.busy()


def test_what_cannot_be_written_is_said(dock: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("napari_recon_robust.cases.gallery.verdicts.os.open", refuse)
    press(dock.view, Key.Key_2)
    assert "cannot be written (Permission denied); copy the case" in dock.foot.message.text()
    assert not any(one.isChecked() for one in dock.judging.scale.buttons)


def test_a_folder_is_dropped_and_an_empty_one_says_so(dock: Any, until: Until, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "empty"))])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    event = QDropEvent(QPointF(5, 5), action, data, button, Qt.KeyboardModifier.NoModifier)
    dock.dropEvent(event)
    until(lambda: not dock.browsing.entries)
    assert dock.view.hint.startswith("No case in empty.")
    press(dock.view, Key.Key_Period, Key.Key_1, Key.Key_Return, Key.Key_R, Key.Key_C)
    assert "Two cases are compared" in dock.foot.message.text()


def test_every_control_has_a_name(dock: Any) -> None:
    controls = [dock.view, dock.again, dock.arranging.filter, dock.arranging.order, dock.arranging.reverse]
    controls += [*dock.judging.scale.buttons, dock.judging.tags, dock.judging.note]
    named = [one.accessibleName() for one in controls]
    assert all(named)
    assert len(set(named)) == len(named)
    assert [one.accessibleName() for one in dock.judging.scale.buttons] == [
        f"Verdict: {verdict.replace('-', ' ').capitalize()}" for verdict in SCALE
    ]


def test_closed_and_opened_again_it_shows_the_same(dock: Any, viewer: Any, until: Until) -> None:
    session = dock.session
    dock.arranging.filter.setText("-method:tv")
    press(dock.view, Key.Key_N)
    QTest.keyClicks(dock.judging.note, "typed")
    viewer.window.remove_dock_widget(dock)
    until(lambda: len(session.docks) == 3)
    assert read_judgement(session.bench.browsing.folder / "contrast").note == "typed", "what was typed is not lost"
    _, again = viewer.window.add_plugin_dock_widget(PLUGIN, "Gallery", tabify=True)
    assert again.arranging.filter.text() == "-method:tv"
    assert names(again) == ["contrast", "spike", "fnaf", "random"]
    assert again.view.current is not None
    until(lambda: isinstance(again.view.grab().toImage(), QImage) and not session.jobs.busy("thumbnails"))


def test_a_folder_of_cases_that_is_opened_is_shown_in_the_gallery(viewer: Any, folder: Path, until: Until) -> None:
    assert get_reader(str(folder)) is not None
    assert get_reader(str(folder.parent)) is not None, "two levels deep"
    (folder.parent / "empty").mkdir()
    assert get_reader(str(folder.parent / "empty")) is None
    session = Session.of(viewer)
    session.open(folder)
    until(lambda: len(session.bench.browsing.shown) == 5 and len(session.docks) == 4)
    (dock,) = (one for one in session.docks if one.title == "Gallery")
    until(lambda: dock.isVisibleTo(dock.window()))  # in front of the others
    assert not session.bench.acquisition.is_open


@pytest.mark.thorough
def test_opening_it_needs_no_torch() -> None:
    code = (
        "import sys; import napari_recon_robust.window.docks.gallery;"
        "assert not {'torch', 'h5py', 'matplotlib'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
