"""What holds on every dock, in one window that nothing of this changes: words, how they are read, and the wheel."""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QPushButton,
    QScrollBar,
)

from helpers.docks import dock_of, press
from helpers.jobs import counting
from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.io import FORMATS, suffixes
from napari_recon_robust.window.session import Session
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def review(standing: Session) -> Session:
    return standing


def test_every_control_has_a_tooltip(review: Session) -> None:
    from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QCheckBox, QComboBox

    kinds = (QPushButton, QComboBox, QCheckBox, QAbstractSpinBox, QAbstractSlider)
    for page in review.docks:
        for kind in kinds:
            for widget in page.body_widget.findChildren(kind):
                parents = [widget, widget.parentWidget(), widget.parentWidget().parentWidget()]
                assert any(one.toolTip() for one in parents) or "Scroll" in type(widget).__name__, widget


@pytest.mark.slow
def test_the_reading_surface_is_black_in_every_theme(review: Session) -> None:
    for theme in ("light", "dark"):
        review.panels.viewer.theme = theme
        assert tuple(review.panels.viewer.canvas.background_color)[:3] == (0, 0, 0), theme


def luminance(colour: Sequence[float]) -> float:
    """WCAG 2's relative luminance of (red, green, blue) in 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.slow
def test_faint_text_can_be_read_in_every_theme(review: Session) -> None:
    for theme in ("light", "dark"):
        review.panels.viewer.theme = theme
        faint_text_can_be_read(review, theme)


def faint_text_can_be_read(review: Session, theme: str) -> None:
    ground = np.array(get_theme(theme).background.as_rgb_tuple()[:3]) / 255
    labels = [label for page in review.docks for label in page.findChildren(QLabel) if label.property("faint")]
    assert len(labels) > 8
    for label in labels:
        label.ensurePolished()
        *colour, alpha = label.palette().color(label.foregroundRole()).getRgbF()
        seen = alpha * np.array(colour) + (1 - alpha) * ground
        darker, lighter = sorted((luminance(seen), luminance(ground)))
        assert alpha < 1, "it does not stand back"
        assert (lighter + 0.05) / (darker + 0.05) > 4.5, label.text()


def test_the_dialog_and_the_hint_offer_the_files_of_all_formats(
    review: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[str] = []
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (offered.append(arguments[-1]), ("", ""))[1])
    press(dock_of(review, "Reconstruct"), "Open k-space")
    scans, tables, _ = offered[0].split(";;")
    assert scans == f"k-space ({' '.join(f'*{suffix}' for suffix in suffixes())})"
    assert "*.csv" in tables
    assert all(str(format) in dock_of(review, "Reconstruct").opening.hint.text() for format in FORMATS)


def test_what_went_wrong_stays_while_something_is_computed_in_the_background(review: Session) -> None:
    foot = dock_of(review, "Reconstruct").foot
    review.jobs.failed.emit("the file is no scan.")
    review.jobs.started.emit("Reconstructing")
    assert foot.message.text() == "the file is no scan.\nReconstructing…"
    review.jobs.ended.emit("")
    assert foot.message.text() == "the file is no scan."
    review.jobs.recovered.emit("foreground")
    assert foot.message.text() == ""


def test_what_was_saved_stays_while_a_knob_is_prepared_until_something_else_is_set(review: Session) -> None:
    foot, jobs = dock_of(review, "Reconstruct").foot, review.jobs
    jobs.started.emit("Writing")
    jobs.ended.emit("The report is saved as a.html.")
    jobs.started.emit("Preparing the knob")
    jobs.progressed.emit(Progress(0.6, "Preparing the knob, 6 of 10"))
    jobs.started.emit("Reconstructing")
    assert foot.message.text() == "The report is saved as a.html.\nReconstructing…"
    jobs.ended.emit("")
    assert foot.message.text() == "The report is saved as a.html."
    jobs.moved_on.emit()
    assert foot.message.text() == ""


def test_that_something_was_cancelled_is_said_until_it_goes_on_after_all(review: Session, until: Until) -> None:
    foot, jobs, stop = dock_of(review, "Reconstruct").foot, review.jobs, threading.Event()

    def waits() -> Job[None]:
        while not stop.is_set():
            yield Progress(0.5, "Reading slice 1")

    for lane in ("measure", "prepare"):
        jobs.latest(Task("Reading slice 1", waits(), lambda _: None), "measure", 0.0)
        until(lambda: foot.message.text().startswith("Reading slice 1"))
        jobs.cancel_shown()
        assert foot.message.text() == "Reading slice 1: cancelled."
        done: list[str] = []
        jobs.latest(Task("At once", finished(), done.append), lane)
        assert foot.message.text() == ("" if lane == "measure" else "Reading slice 1: cancelled.")
        until(lambda done=done: done)
    stop.set()


@pytest.mark.parametrize("newer", ["ended", "said"])
def test_a_newer_sentence_stays_when_what_was_cancelled_goes_on(review: Session, until: Until, newer: str) -> None:
    foot, jobs, stop = dock_of(review, "Reconstruct").foot, review.jobs, threading.Event()
    jobs.latest(Task("Reading slice 1", counting(stop, []), lambda _: None), "measure", 0.0)
    until(lambda: foot.bar.isVisibleTo(foot))
    jobs.cancel_shown()
    getattr(jobs, newer).emit("The report is saved as a.html.")
    done: list[str] = []
    jobs.latest(Task("At once", finished(), done.append), "measure")
    assert foot.message.text() == "The report is saved as a.html."
    stop.set()
    until(lambda: done)


def finished() -> Job[str]:
    yield Progress(1.0)
    return "done"


def test_what_was_said_stays_above_the_progress_of_a_job_that_comes_back(review: Session) -> None:
    foot, jobs = dock_of(review, "Reconstruct").foot, review.jobs
    jobs.started.emit("Saving")
    jobs.ended.emit("Saved as case-1.")
    jobs.resumed.emit(Progress(0.5, "Preparing the knob, 5 of 10"))
    assert foot.message.text() == "Saved as case-1.\nPreparing the knob, 5 of 10"
    assert not foot.bar.isHidden()
    assert not foot.cancel.isHidden()
    jobs.progressed.emit(Progress(0.6, "Preparing the knob, 6 of 10"))
    assert foot.message.text() == "Saved as case-1.\nPreparing the knob, 6 of 10"
    jobs.failed.emit("the file is no scan.")
    jobs.progressed.emit(Progress(0.7, "Preparing the knob, 7 of 10"))
    assert foot.message.text() == "the file is no scan.\nPreparing the knob, 7 of 10"
    jobs.recovered.emit("foreground")
    assert foot.message.text() == "Preparing the knob, 7 of 10"
    jobs.ended.emit("")
    assert foot.message.text() == ""
    assert foot.bar.isHidden()


def test_what_had_to_wait_is_said_until_that_is_done(review: Session, until: Until) -> None:
    foot, stop = dock_of(review, "Reconstruct").foot, threading.Event()
    for end in (stop.set, review.jobs.cancel):
        stop.clear()
        steps: list[Progress] = []
        assert review.jobs.start(Task("Searching", counting(stop, []), lambda _: None, steps.append))
        assert not review.jobs.start(Task("Saving", counting(stop, []), pytest.fail))
        before = len(steps)
        until(lambda before=before, steps=steps: len(steps) > before + 3)
        assert foot.message.text().startswith("Saving has to wait"), "and no progress in its place"
        end()
        stop.set()
        until(lambda: not review.jobs.working)
        assert "has to wait" not in foot.message.text()
        review.jobs.started.emit("Reconstructing")
        review.jobs.ended.emit("")
        assert "has to wait" not in foot.message.text()
        review.jobs.moved_on.emit()
        assert foot.message.text() == ""


def test_undo_is_the_windows_in_every_number_box(review: Session) -> None:
    boxes = [box for page in review.docks for box in page.findChildren(QAbstractSpinBox)]
    assert len(boxes) > 10
    for box in boxes:
        keys = Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier
        asked = QKeyEvent(QEvent.Type.ShortcutOverride, *keys)
        asked.ignore()
        QApplication.sendEvent(box, asked)
        assert not asked.isAccepted(), box.accessibleName()


def test_the_wheel_over_a_control_scrolls_the_dock(review: Session, until: Until) -> None:
    """HyperRecon became HQS-Net that way."""
    for page in review.docks:
        page.window().show()
        page.parent().raise_()
        until(page.isVisible)
        controls = [
            control
            for kind in (QComboBox, QAbstractSlider, QAbstractSpinBox)
            for control in page.body_widget.findChildren(kind)
            if not isinstance(control, QScrollBar)
        ]
        assert all(control.focusPolicy() != Qt.FocusPolicy.WheelFocus for control in controls)
        for control in controls:
            before = control.currentIndex() if isinstance(control, QComboBox) else control.value()
            control.clearFocus()
            for turn in (-120, 120):
                place = QPointF(control.rect().center())
                nothing = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
                event = QWheelEvent(place, control.mapToGlobal(place), QPoint(), QPoint(0, turn), *nothing, False)
                QApplication.sendEvent(control, event)
                after = control.currentIndex() if isinstance(control, QComboBox) else control.value()
                assert after == before, control.toolTip() or control
        assert controls or type(page).__name__ == "CompareDock"
