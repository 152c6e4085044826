"""Pictures of the real window in every mode, in both themes, at two sizes and with larger letters.

    xvfb-run -a -s "-screen 0 1920x1200x24" python -m tools.screenshots FOLDER [--look light-1280x720] [--only wipe]
    xvfb-run -a -s "-screen 0 1920x1200x24" python -m tools.screenshots docs/images --docs

The first writes FOLDER/LOOK/PICTURE.png for all of them, to be looked at; the second the few that the documentation
shows, with at most 256 colours. Everything is done by the keys and the clicks of a user, on the packaged sample.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


def _set_apart(folder: Path) -> None:
    """Keep napari's settings, reviews and pictures of whoever runs this out of it; compiled loops stay where they are.

    Called before napari and Qt are imported.
    """
    os.environ["NAPARI_CONFIG"] = str(folder / "settings.yaml")
    os.environ["NAPARI_ASYNC"] = "0"
    for name in ("CONFIG", "DATA"):
        os.environ[f"XDG_{name}_HOME"] = str(folder / name.lower())


@dataclass(frozen=True)
class Look:
    """A theme, the size of the window, and the size of letters in percent."""

    theme: str
    width: int
    height: int
    percent: int = 100

    @property
    def name(self) -> str:
        letters = "" if self.percent == 100 else f"-{self.percent}%"
        return f"{self.theme}-{self.width}x{self.height}{letters}"


LOOKS = [
    Look(theme, width, height, percent)
    for theme in ("dark", "light")
    for width, height, percent in ((1280, 720, 100), (1920, 1080, 100), (1280, 720, 150))
]
DOCS = {  # the pictures of the documentation: where from
    "window": ("dark-1280x720", "laboratory-compare"),
    "review": ("dark-1280x720", "review"),
    "region-view": ("dark-1280x720", "region-view"),
    "wipe": ("dark-1280x720", "wipe"),
    "difference": ("dark-1280x720", "difference"),
    "gallery": ("dark-1920x1080", "gallery"),
    "report": ("dark-1280x720", "report"),
}
_PATIENCE = 600  # s for one step
_POINTS = 9  # of napari's letters
_METHOD = "tv"
_CASES = (  # of the gallery: perturbation, method, budget
    ("worst-case", "cg-sense", 0.01),
    ("worst-case", "zero-filled", 0.02),
    ("worst-case", "tv", 0.005),
    ("random", "cg-sense", 0.02),
    ("random", "tv", 0.02),
)


class Window:
    """The window under test, driven by real events."""

    def __init__(self, folder: Path, percent: int) -> None:
        from napari.settings import get_settings

        from napari_recon_robust.window.launch import _window

        get_settings().appearance.font_size = round(_POINTS * percent / 100)

        self.folder = folder
        self.session = _window()
        self.bench = self.session.bench
        self.viewer = self.session.panels.viewer
        self.qt = self.viewer.window._qt_window
        self.failures: list[str] = []
        self.session.jobs.failed.connect(self.failures.append)
        self.until(lambda: len(self.session.docks) >= 3)

    # ---------------------------------------------------------------- events

    def until(self, condition: Callable[[], object]) -> None:
        """Let the event loop run until a condition holds."""
        from qtpy.QtTest import QTest

        waited = 0.0
        while not condition():
            QTest.qWait(20)
            waited += 0.02
            if waited > _PATIENCE:
                raise SystemExit(f"the window did not get there; {self.failures}")

    def settle(self) -> None:
        """Wait until nothing is computed, nothing moves, and everything is drawn."""
        from qtpy.QtTest import QTest

        QTest.qWait(250)
        self.until(lambda: not self.session.jobs.working and self.session.panels.settled)
        QTest.qWait(400)

    def press(self, *keys: str) -> None:
        """Press keys, with the mouse over the picture; "Shift+S" is one of them."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        self.qt.activateWindow()
        self.until(self.qt.isActiveWindow)
        self.canvas.setFocus()
        for key in keys:
            shift = Qt.KeyboardModifier.ShiftModifier if key.startswith("Shift+") else Qt.KeyboardModifier.NoModifier
            QTest.keyClick(self.canvas, key.removeprefix("Shift+"), shift)
            self.settle()

    @property
    def canvas(self) -> Any:
        return self.viewer.window._qt_viewer.canvas.native

    @property
    def review(self) -> Any:
        """What switches between the layouts."""
        from napari_recon_robust.window.docks.review import Review

        return Review.of(self.session)

    @property
    def place(self) -> tuple[int, int]:
        """The middle of the chosen region."""
        rows, columns = self.bench.acquisition.shape[1:]
        inside = self.bench.regions.chosen[0].roi.mask((rows, columns)).nonzero().float().mean(0)
        return round(float(inside[0])), round(float(inside[1]))

    def click(self, button: Any) -> None:
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self.settle()

    def front(self, title: str) -> Any:
        """Bring a dock to the front."""
        page = next(page for page in self.session.docks if page.title == title)
        page.parent().raise_()
        self.settle()
        return page

    def dress(self, look: Look) -> None:
        """Put on a theme and a size."""
        from napari.settings import get_settings

        get_settings().appearance.theme = look.theme
        self.qt.resize(look.width, look.height)
        self.settle()
        self.viewer.reset_view()

    def shoot(self, path: Path, widget: Any = None) -> None:
        """Write what is on the screen; widget: a window of its own instead of the main one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if widget is not None:
            widget.grab().save(str(path))
            return
        self.viewer.window.screenshot(str(path), canvas_only=False, flash=False)

    # ---------------------------------------------------------------- the way there

    def attack(self) -> None:
        """Attack the method in the region."""
        self.session.choose_method(_METHOD)
        self.run("worst-case", 0.01)

    def run(self, kind: str, budget: float, **knobs: Any) -> None:
        """Run a perturbation and wait for its result."""
        perturbing = self.bench.perturbing
        perturbing.budget = budget
        perturbing.choose(kind, **knobs)
        before = perturbing.result
        self.settle()
        self.session.attempt(perturbing.run)
        self.until(lambda: perturbing.result is not before or self.failures)
        self.settle()

    def open_sample(self) -> None:
        """Open the sample and choose the first region of its middle slice."""
        bench = self.bench
        self.session.open_sample()
        self.until(lambda: bench.acquisition.slice is not None)
        bench.regions.choose(bench.regions.on(bench.acquisition.index)[:1])

    def close(self) -> None:
        """Close the window, without a word on what is not saved."""
        self.session.jobs.cancel_all()
        self.until(lambda: not self.session.jobs.working)
        self.viewer.close()

    def save_cases(self) -> None:
        """Save a folder of cases for the gallery."""
        for number, (kind, method, budget) in enumerate(_CASES, start=1):
            self.session.choose_method(method)
            self.run(kind, budget)
            self.session.attempt(lambda number=number: self.bench.rating.save(self.folder / "cases" / f"case-{number}"))
            self.settle()


# -------------------------------------------------------------------- pictures

Picture = Callable[[Window], AbstractContextManager[Any]]
PICTURES: dict[str, Picture] = {}


def picture(function: Callable[[Window], Iterator[Any]]) -> Picture:
    """Add a picture: go there, yield the window that is meant (None: the main one), and go back."""
    made = PICTURES[function.__name__.replace("_", "-")] = contextmanager(function)
    return made


def pressing(before: str, after: str) -> Picture:
    """Make a picture that keys make."""

    @contextmanager
    def pressed(window: Window) -> Iterator[None]:
        window.press(*before.split())
        yield
        window.press(*after.split())

    return pressed


# Pictures that keys make: those before it, and those that put everything back.
_PRESSED = {
    "review": ("Q 4", "Q"),
    "side-by-side": ("Q 2", "4 Q"),
    "region-view": ("Q 4 N", "N Q"),
    "wipe": ("Q 1 N W", "W N 4 Q"),
    "difference": ("Q 4 D K K", "D 4 Q"),
    "turned": ("Q 4 T M", "M T T T Q"),
    "reference-alone": ("Q 5", "4 Q"),
    "fade": ("Q 1 F", "F 4 Q"),
    "phase": ("Q 4 Z", "Z Z Z Q"),
    "kspace": ("Q 4 S", "S Q"),
    "film-strip": ("Q 4 Shift+S", "Shift+S Q"),
    "laboratory-film-strip": ("Shift+S", "Shift+S"),
}
PICTURES.update({name: pressing(*keys) for name, keys in _PRESSED.items()})


@picture
def laboratory_reconstruct(window: Window) -> Iterator[None]:
    window.front("Reconstruct")
    yield


@picture
def laboratory_perturb(window: Window) -> Iterator[None]:
    window.front("Perturb")
    yield


@picture
def laboratory_compare(window: Window) -> Iterator[None]:
    window.front("Compare")
    yield


@picture
def statistics(window: Window) -> Iterator[None]:
    page = window.front("Compare")
    window.click(page.statistics.measure)
    window.until(lambda: window.bench.measuring.found)
    window.settle()
    page.scroll.verticalScrollBar().setValue(page.scroll.verticalScrollBar().maximum())
    window.settle()
    yield
    page.scroll.verticalScrollBar().setValue(0)


@picture
def folded(window: Window) -> Iterator[None]:
    window.press("Q", "4")
    window.click(window.review.bar.arrow)
    yield
    window.click(window.review.bar.arrow)
    window.press("Q")


@picture
def flicker(window: Window) -> Iterator[None]:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    window.press("Q", "1", "N")
    QTest.keyPress(window.canvas, Qt.Key.Key_G)
    window.until(lambda: not window.session.scene.view.flicker)
    window.until(lambda: window.session.scene.view.flicker)
    yield
    QTest.keyRelease(window.canvas, Qt.Key.Key_G)
    window.press("N", "4", "Q")


@picture
def read_out(window: Window) -> Iterator[None]:
    window.press("Q", "4", "N")
    row, column = window.place
    window.session.panels.navigation.moved.emit(row, column)
    window.settle()
    yield
    window.press("N", "Q")


@picture
def regions(window: Window) -> Iterator[None]:
    bench = window.bench
    chosen, result = bench.regions.chosen, bench.perturbing.result
    bench.regions.choose(bench.regions.on(bench.acquisition.index))
    window.run("fnaf", 0.01, row=150.0, column=180.0)
    window.press("Q", "4")
    yield
    window.press("Q")
    bench.regions.choose(chosen)
    bench.perturbing.choose("worst-case")
    bench.perturbing.take(result)
    window.settle()


@picture
def keys(window: Window) -> Iterator[Any]:
    window.press("Q", "?")
    yield window.review._keys
    window.press("?", "Q")


@picture
def lens(window: Window) -> Iterator[None]:
    window.press("Q", "1", "N", "Shift+W")
    row, column = window.place
    window.session.panels.navigation.moved.emit(row, column)
    window.settle()
    yield
    window.press("Shift+W", "N", "4", "Q")


@picture
def profile(window: Window) -> Iterator[None]:
    window.press("Q", "4", "L")
    row, column = window.place
    window.bench.ruling.draw(np.array([[row, column - 40.0], [row, column + 40.0]]))
    window.settle()
    yield
    window.press("Shift+E", "L", "Q")


@picture
def distance_and_area(window: Window) -> Iterator[None]:
    window.press("Q", "4", "I")
    row, column = window.place
    window.bench.ruling.draw(np.array([[row - 20.0, column - 40.0], [row, column + 40.0]]))
    window.press("B")
    window.bench.ruling.draw(np.array([[row, column], [row + 30.0, column], [row + 20.0, column + 30.0]]))
    window.settle()
    yield
    window.press("Shift+E", "Shift+E", "B", "Q")


@picture
def several_methods(window: Window) -> Iterator[None]:
    from qtpy.QtCore import Qt

    methods = window.front("Compare").lineup.methods
    for item in (methods.item(number) for number in range(methods.count())):
        if item.data(Qt.ItemDataRole.UserRole) in ("zero-filled", "cg-sense", "tv"):
            item.setCheckState(Qt.CheckState.Checked)
    window.press("Q", "O")
    window.until(lambda: window.bench.lining_up.settled)
    window.settle()
    yield
    window.press("4", "Q")


def _perturb_as(kind: str) -> Callable[[Window], Iterator[None]]:
    """The Perturb dock with the controls of a kind."""

    def show(window: Window) -> Iterator[None]:
        page = window.front("Perturb")
        window.bench.perturbing.choose(kind)
        page.scroll.verticalScrollBar().setValue(page.scroll.verticalScrollBar().maximum())
        window.settle()
        yield
        page.scroll.verticalScrollBar().setValue(0)
        window.bench.perturbing.choose("worst-case")
        window.settle()

    show.__name__ = f"perturb_{kind}"
    return show


for kind in ("fnaf", "rotation", "targeted", "contrast"):
    picture(_perturb_as(kind))


@picture
def attacks(window: Window) -> Iterator[None]:
    window.press("E")
    yield
    window.front("Compare")


@picture
def studies(window: Window) -> Iterator[None]:
    window.press("Shift+O")
    yield
    window.front("Compare")


@picture
def studies_from_the_review(window: Window) -> Iterator[None]:
    window.press("Shift+O")
    plan = window.folder / "plan.yaml"
    window.session.attempt(lambda: window.bench.planning.draft(plan))
    window.settle()
    yield
    window.front("Compare")


@picture
def tour(window: Window) -> Iterator[None]:
    window.session.asked_tour.emit()
    window.settle()
    yield
    window.bench.touring.leave()
    window.settle()


@picture
def gallery(window: Window) -> Iterator[None]:
    window.session.open_gallery(window.folder / "cases")
    window.until(lambda: len(window.bench.browsing.shown) == len(_CASES))
    page = window.front("Gallery")
    page.view.setFocus()
    window.settle()
    yield


@picture
def two_cases(window: Window) -> Iterator[Any]:
    from qtpy.QtWidgets import QDialog

    window.session.open_gallery(window.folder / "cases")
    page = window.front("Gallery")
    page.view.selectAll()
    selection = page.view.selectionModel()
    selection.clearSelection()
    for row in (0, 1):
        selection.select(page.view.model().index(row, 0), selection.SelectionFlag.Select)
    window.click(page.compare)
    window.until(lambda: page.findChildren(QDialog))
    window.settle()
    yield page.findChildren(QDialog)[0]
    page.findChildren(QDialog)[0].close()
    selection.clearSelection()
    window.settle()


# -------------------------------------------------------------------- the report


def shoot_report(cases: list[Path], looks: Sequence[Look], folder: Path, temporary: Path) -> None:
    """The first page of a report in Chromium; larger letters are the browser's zoom. A report has one theme."""
    from tests.helpers.browser import Browser, found

    from napari_recon_robust.reports.report import write_report

    if found() is None:
        print("No Chromium is here; the report is left out.")
        return
    page = temporary / "report.html"
    write_report(cases, page)
    with Browser(temporary / "browser") as browser:
        for look in (look for look in looks if look.theme == looks[0].theme):
            browser.resize(look.width, look.height, look.percent / 100)
            browser.open(page, "document.querySelector('canvas') !== null")
            for name, pressed in (("report", ""), ("report-wipe", "3"), ("report-difference", "4")):
                if pressed:
                    browser.key(pressed)
                time.sleep(1.0)
                browser.screenshot(folder / look.name / f"{name}.png")


# -------------------------------------------------------------------- all of it


def take(folder: Path, looks: Sequence[Look], names: Collection[str]) -> None:
    """Write FOLDER/LOOK/PICTURE.png of these."""
    with tempfile.TemporaryDirectory() as made:
        temporary = Path(made)
        _set_apart(temporary)
        for percent in sorted({look.percent for look in looks}):
            same = [look for look in looks if look.percent == percent]
            window = Window(temporary, percent)
            for look in same:
                window.dress(look)
                window.shoot(folder / look.name / "empty.png")
            window.open_sample()
            if not (temporary / "cases").exists() and (not names or {"gallery", "two-cases", "report"} & set(names)):
                window.save_cases()
            window.attack()
            for look in same:
                window.dress(look)
                for name in [name for name in PICTURES if name in names or not names]:
                    with PICTURES[name](window) as widget:
                        window.shoot(folder / look.name / f"{name}.png", widget)
            window.close()
        if not names or "report" in names:
            shoot_report(sorted((temporary / "cases").iterdir()), looks, folder, temporary)


def compress(source: Path, target: Path) -> None:
    """A picture of at most 256 colours, which is half as large and looks the same."""
    from PIL import Image

    with Image.open(source) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(target, optimize=True)


def main() -> None:
    """Take the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--look", action="append", choices=[look.name for look in LOOKS], default=[])
    parser.add_argument("--only", action="append", default=[], metavar="PICTURE")
    parser.add_argument("--docs", action="store_true", help="only the pictures of the documentation, compressed")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if not asked.docs:
        take(asked.folder, [look for look in LOOKS if not asked.look or look.name in asked.look], asked.only)
        return
    with tempfile.TemporaryDirectory() as made:
        names = {name for _, name in DOCS.values()}
        take(Path(made), [look for look in LOOKS if look.name in {name for name, _ in DOCS.values()}], names)
        for name, (look, shown) in DOCS.items():
            compress(Path(made) / look / f"{shown}.png", asked.folder / f"{name}.png")


if __name__ == "__main__":
    main()
