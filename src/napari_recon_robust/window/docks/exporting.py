"""Buttons for a report on what is shown, and for the image of a panel as a file."""

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from ...controls.parts import file_filter
from ..session import Session

REPORT = "Images, metrics, curves and recipe in one file: a page for any browser, or a PDF; in the window as it is"
EXPORT = "What a panel shows as PNG, TIFF, NIfTI or DICOM; it says in the file what it is"
FORMATS = {"PNG": ".png", "TIFF": ".tiff", "NIfTI": ".nii.gz", "DICOM": ".dcm"}


def export_button(session: Session) -> QPushButton:
    """Make the button with a menu of the panels that are shown."""
    made = QPushButton("Export…")
    made.setToolTip(EXPORT)
    made.setMinimumWidth(40)
    menu = QMenu(made)
    menu.aboutToShow.connect(lambda: _list_panels(menu, session))
    made.setMenu(menu)
    return made


def keep_button(session: Session) -> QPushButton:
    """Make a button with both in its menu, where there is little room."""
    made = QPushButton("Keep…")
    made.setToolTip(f"Report: {REPORT}\nExport: {EXPORT}")
    menu = QMenu(made)
    menu.addAction("Report…").triggered.connect(lambda: ask_report(session))
    panels = menu.addMenu("Export")
    panels.aboutToShow.connect(lambda: _list_panels(panels, session))
    made.setMenu(menu)
    return made


def _list_panels(menu: QMenu, session: Session) -> None:
    menu.clear()
    for key in session.panels.shown:
        name = " · ".join(session.panels.panels[key].title.splitlines()[:2])
        menu.addAction(name).triggered.connect(_exporter(session, key))


def _exporter(session: Session, key: str) -> Callable[[], None]:
    return lambda: export_panel(session, key)


def export_panel(session: Session, key: str) -> None:
    """Ask for a place, and write what the panel shows; not an image of a film strip, of which no case tells."""
    frames = session.scene.comparing.of_strip
    if key in frames or (frames and key == "difference"):
        session.jobs.failed.emit(
            "the panel shows an image of the film strip, which is not exported; "
            "take the strip away (⇧S) to export the result."
        )
        return
    filters = ";;".join(file_filter(name, [suffix]) for name, suffix in FORMATS.items())
    place, chosen = ask_place(session, "Export the panel", key.replace(" ", "-"), filters)
    if place is not None:
        if not place.suffix[1:].isalpha():  # none, or the digits of a number; another format is refused with a sentence
            place = place.with_name(place.name + FORMATS.get(chosen.partition(" ")[0], ".png"))
        scene, window = session.scene, session.panels.window
        white = scene.comparing.full / scene.comparing.gain
        session.attempt(lambda: session.bench.exporting.panel(key, scene.view, place, window, white))


def ask_report(session: Session) -> None:
    """Ask for a place, and write the report."""
    formats = "Page (*.html);;Sheets of A4 (*.pdf)"
    path, chosen = ask_place(session, "Report", "report.html", formats)
    if path is not None:
        path = path if path.suffix else path.with_name(path.name + (".pdf" if "pdf" in chosen else ".html"))
        window = session.panels.window
        session.attempt(lambda: session.bench.exporting.report(path, window))


def ask_place(session: Session, title: str, proposed: str, filters: str = "") -> tuple[Path | None, str]:
    """Ask where to write; None where nothing is chosen, or could be written now, which is said. Also the filter."""
    if not session.jobs.takes("Saving"):
        return None, ""
    path, chosen = QFileDialog.getSaveFileName(_window(session), title, proposed, filters)
    return Path(path) if path else None, chosen


def _window(session: Session) -> QWidget | None:
    return session.docks[0].window() if session.docks else None
