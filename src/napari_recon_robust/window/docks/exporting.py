"""Buttons for a report on what is shown, and for the image of a panel, or of all slices, as a file."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMenu, QMessageBox, QPushButton, QWidget

from ...canvas.difference_scale import KEY as DIFFERENCE
from ...canvas.scene import Scene
from ...controls.parts import file_filter
from ...workbench.looking import Way
from ..session import Session

REPORT = "Images, metrics, curves and recipe in one file: a page for any browser, or a PDF; in the window as it is"
EXPORT = "A panel as PNG, TIFF, NIfTI or DICOM, which say what they are, or all slices, as DICOM, NIfTI, HDF5 or NumPy"
_KEYS: dict[Way, str] = {"wipe": "W", "lens": "⇧W", "fade": "F"}
# Suffixes by what a dialog calls the files.
CSV = {"CSV": [".csv"]}
_REPORTS = {"Page": [".html"], "Sheets of A4": [".pdf"]}
_VOLUMES = {"NIfTI": [".nii.gz"], "HDF5": [".h5"], "NumPy": [".npy"]}
_PANELS = {"PNG": [".png"], "TIFF": [".tiff", ".tif"], "NIfTI": [".nii.gz"], "DICOM": [".dcm"]}


def export_button(session: Session) -> QPushButton:
    """Make the button with a menu of the panels that are shown, and of all slices."""
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
    scan, method = session.bench.acquisition.scan, session.bench.reconstruction.method
    if scan is not None and len(scan) > 1 and method is not None:
        menu.addSeparator()
        words = f"All {len(scan)} slices by {method.label}"
        menu.addAction(f"{words}…").triggered.connect(lambda: ask_all_slices(session, _VOLUMES))
        menu.addAction(f"{words} as DICOM…").triggered.connect(lambda: ask_all_slices(session, {}))


def _exporter(session: Session, key: str) -> Callable[[], None]:
    return lambda: export_panel(session, key)


def export_panel(session: Session, key: str) -> None:
    """Ask for a place, and write what the panel shows, or say why not where that is no image of a case."""
    refusal = _refusal(session.scene, key)
    if refusal:
        session.jobs.failed.emit(refusal)
        return
    place, _ = ask_place(session, "Export the panel", key.replace(" ", "-"), _PANELS)
    if place is not None:
        scene, window = session.scene, session.panels.shared_window.limits
        white = scene.comparing.full / scene.comparing.gain
        session.attempt(lambda: session.bench.exporting.panel(key, scene.view, place, window, white))


def _refusal(scene: Scene, key: str) -> str:
    """Say what the panel shows that is not exported, and what to do; empty where it shows an image of a case."""
    comparing, view = scene.comparing, scene.view
    frames, former = comparing.of_strip, scene.panels.panels[key].former
    if key in frames or (frames and key == DIFFERENCE):
        shown, advice = "an image of the film strip", "take the strip away (⇧S) to export the result"
    elif former is not None:
        slice = scene.panels.navigation.slice
        shown, advice = f"slice {former} still", f"export it when slice {slice} is there, or go back to slice {former}"
    elif comparing.mixes(key):
        end = (
            "stop the flicker" if view.way is None or view.flicker else f"take the {view.way} away ({_KEYS[view.way]})"
        )
        shown, advice = "two images", f"{end} to export its own"
    elif view.part != "magnitude" and key != DIFFERENCE:
        name = view.part if view.part == "phase" else f"{view.part} part"
        shown, advice = f"the {name}", "press Z until it shows the magnitude to export that"
    else:
        return ""
    return f"The panel shows {shown}, which is not exported; {advice}."


def ask_all_slices(session: Session, kinds: Mapping[str, Sequence[str]]) -> None:
    """Ask for a file of these kinds, or without any for a new folder, and reconstruct all slices into it."""
    path, _ = ask_place(session, "All slices", "images.nii.gz" if kinds else "images", kinds)
    if path is not None:
        session.attempt(lambda: session.bench.exporting.all_slices(path))


def ask_report(session: Session) -> None:
    """Ask for a place, and write the report."""
    path, _ = ask_place(session, "Report", "report.html", _REPORTS)
    if path is not None:
        window = session.panels.shared_window.limits
        session.attempt(lambda: session.bench.exporting.report(path, window))


def ask_place(
    session: Session,
    title: str,
    proposed: str,
    filters: Mapping[str, Sequence[str]] = {},
    also: Sequence[str] = (),
) -> tuple[Path | None, str]:
    """Ask where to write; None where nothing is chosen, or could be written now, which is said. Also the filter's name.

    filters: suffixes by what the files are called; without any, a folder is named. A name that ends in none of them
    gets the first one of the filter that is chosen. also: further suffixes that a name keeps.
    """
    if not session.jobs.takes("Saving"):
        return None, ""
    window = _window(session)
    offered = ";;".join(file_filter(name, suffixes) for name, suffixes in filters.items())
    answer, filter = QFileDialog.getSaveFileName(window, title, proposed, offered)
    if not answer or not filters:
        return Path(answer) if answer else None, ""
    path, chosen = Path(answer), filter.partition(" (")[0]
    if chosen not in filters:  # not every dialog says which it was
        chosen = next(iter(filters))
    known = [*chain.from_iterable(filters.values()), *also]
    completed = path.with_name(_completed(path.name, proposed, filters[chosen], known))
    replaces = completed != path and completed.exists()  # the dialog has asked for the name that was typed
    if replaces and not _confirmed(window, title, f"{completed.name} is there already. Replace it?"):
        return None, ""
    return completed, chosen


def _completed(name: str, proposed: str, chosen: Sequence[str], known: Sequence[str]) -> str:
    """A name with the first of the chosen suffixes unless it has a known one; that of `proposed` gives way."""
    given = next((suffix for suffix in known if name.lower().endswith(suffix)), "")
    if given and (given in chosen or name != proposed):
        return name
    return name.removesuffix(given) + chosen[0]


def _confirmed(window: QWidget | None, title: str, question: str) -> bool:
    return QMessageBox.question(window, title, question) == QMessageBox.StandardButton.Yes


def _window(session: Session) -> QWidget | None:
    return session.docks[0].window() if session.docks else None
