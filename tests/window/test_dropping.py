"""What is dropped on napari's canvas and on its welcome page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from napari.qt import QtViewer
from napari.settings import get_settings
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from qtpy.QtWidgets import QApplication

from helpers.docks import dock_of
from napari_recon_robust.io.images import write_image
from napari_recon_robust.window.session import PLUGIN, Session

Until = Callable[[Callable[[], object]], None]
ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def empty(viewer: Any, until: Until) -> Session:
    """A review without a scan."""
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) == 3)
    return session


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What napari was to open."""
    found: list[list[str]] = []
    monkeypatch.setattr(QtViewer, "_qt_open", lambda self, names, **_: found.append(names))
    return found


def drop(widget: Any, *paths: Path, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Drop files. Qt gives them to the widget that has let them in before."""
    data, place = QMimeData(), widget.rect().center()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    QApplication.sendEvent(widget, QDragEnterEvent(place, action, data, button, modifiers))
    QApplication.sendEvent(widget, QDropEvent(QPointF(place), action, data, button, modifiers))


def test_a_scan_opens_without_a_question(empty: Session, asked: list[list[str]], until: Until, scan_file: Path) -> None:
    qt_viewer = empty.panels.viewer.window._qt_viewer
    drop(qt_viewer._welcome_widget, scan_file)
    until(lambda: empty.bench.acquisition.slice is not None)
    first = empty.bench.acquisition.scan
    until(lambda: not empty.jobs.busy())
    drop(qt_viewer, scan_file)
    until(lambda: empty.bench.acquisition.slice is not None and empty.bench.acquisition.scan is not first)
    assert asked == []


def test_of_several_the_first_scan_opens_and_a_sentence_says_so(
    empty: Session, until: Until, scan_file: Path, tmp_path: Path
) -> None:
    other, said = tmp_path / "other.h5", list[str]()
    other.write_bytes(scan_file.read_bytes())
    empty.jobs.failed.connect(said.append)
    drop(empty.panels.viewer.window._qt_viewer, scan_file.with_suffix(".csv"), scan_file, other)
    until(lambda: empty.bench.acquisition.slice is not None)
    assert empty.bench.acquisition.facts.startswith("head.h5")
    assert said == ["Only head.h5 is opened; drop scans, cases and tables one at a time."]
    assert dock_of(empty, "Reconstruct").foot.message.text() == said[0]


def test_a_damaged_scan_is_answered_in_a_sentence(
    empty: Session, asked: list[list[str]], until: Until, tmp_path: Path
) -> None:
    qt_viewer, said = empty.panels.viewer.window._qt_viewer, list[str]()
    empty.jobs.failed.connect(said.append)
    (tmp_path / "damaged.h5").write_bytes(b"no HDF5")
    drop(qt_viewer, tmp_path / "damaged.h5")
    until(lambda: said)
    assert "damaged.h5" in said[0]
    assert asked == []


def test_anything_else_is_for_napari(
    empty: Session,
    asked: list[list[str]],
    until: Until,
    viewer: Any,
    scan_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    qt_viewer, picture = empty.panels.viewer.window._qt_viewer, tmp_path / "picture.npy"
    np.save(picture, np.zeros((8, 8)))
    drop(qt_viewer, picture)
    drop(qt_viewer, picture, scan_file)
    with monkeypatch.context() as held:
        held.setattr(QGuiApplication, "keyboardModifiers", lambda: ALT)  # which napari looks at
        drop(qt_viewer, scan_file, modifiers=ALT)
    for page in list(empty.docks):
        viewer.window.remove_dock_widget(page)
    until(lambda: not empty.docks)
    drop(qt_viewer, scan_file)
    assert asked == [[str(picture)], [str(picture), str(scan_file)], [str(scan_file)], [str(scan_file)]]
    assert not empty.bench.acquisition.is_open


def test_the_file_menu_opens_a_scan_without_a_question(
    empty: Session,
    asked: list[list[str]],
    until: Until,
    viewer: Any,
    scan_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    qt_viewer, picture = empty.panels.viewer.window._qt_viewer, tmp_path / "picture.npy"
    np.save(picture, np.zeros((8, 8)))
    chosen: list[str] = []
    monkeypatch.setattr(QtViewer, "_open_file_dialog_uni", lambda self, caption: list(chosen))

    def choose(path: Path, **options: Any) -> None:
        chosen[:] = [str(path)]
        QtViewer._open_files_dialog(qt_viewer, **options)

    choose(scan_file)
    until(lambda: empty.bench.acquisition.slice is not None)
    assert asked == []
    choose(picture)
    choose(scan_file, choose_plugin=True)
    for page in list(empty.docks):
        viewer.window.remove_dock_widget(page)
    until(lambda: not empty.docks)
    choose(scan_file)
    assert asked == [[str(picture)], [str(scan_file)], [str(scan_file)]]


@pytest.mark.parametrize("name", ["head.nii.gz", "notes.txt"])
def test_what_no_reader_can_open_is_answered_in_a_sentence(
    empty: Session, until: Until, tmp_path: Path, name: str
) -> None:
    qt_viewer, said = empty.panels.viewer.window._qt_viewer, list[str]()
    empty.jobs.failed.connect(said.append)
    if name.endswith(".nii.gz"):
        write_image(tmp_path / name, torch.ones(8, 8))
    else:
        (tmp_path / name).write_text("no scan")
    drop(qt_viewer, tmp_path / name)
    until(lambda: said)
    what = "a NIfTI image, which has no k-space" if "nii" in name else "of no format that is known here"
    assert said[0].startswith(f"{name} is {what}; expected is a scan")


def test_a_picture_is_a_layer_of_napari_s(empty: Session, tmp_path: Path) -> None:
    write_image(tmp_path / "picture.png", torch.ones(8, 8))
    drop(empty.panels.viewer.window._qt_viewer, tmp_path / "picture.png")
    assert [one.name for one in empty.panels.viewer.layers] == ["picture"]


def test_a_folder_is_answered_in_a_sentence_unless_napari_can_read_it(
    empty: Session, asked: list[list[str]], until: Until, tmp_path: Path
) -> None:
    qt_viewer, said = empty.panels.viewer.window._qt_viewer, list[str]()
    empty.jobs.failed.connect(said.append)
    pictures = tmp_path / "pictures"
    for folder in (tmp_path / "plain", pictures):
        folder.mkdir()
    (tmp_path / "plain" / "notes.txt").write_text("no scan")
    drop(qt_viewer, tmp_path / "plain")
    until(lambda: said)
    assert said[0].startswith("plain holds no saved case; open the file of a scan")
    (pictures / "one.PNG").write_bytes(b"")
    drop(qt_viewer, pictures)
    get_settings().plugins.extension2reader = {f"{tmp_path}/plain/": "napari"}
    drop(qt_viewer, tmp_path / "plain")
    assert asked == [[str(pictures)], [str(tmp_path / "plain")]]
