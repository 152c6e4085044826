"""Every control of every dock has a name for screen readers, and Tab reaches all of them from the top to the bottom."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from napari.settings import get_settings
from npe2 import PluginManifest
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QScrollBar,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

from napari_recon_robust.controls.pad import Pad
from napari_recon_robust.controls.parts import Fold
from napari_recon_robust.controls.plot import Plot
from napari_recon_robust.window.docks.page import Page
from napari_recon_robust.window.docks.review import Review
from napari_recon_robust.window.docks.shelf import Shelf
from napari_recon_robust.window.session import PLUGIN, Session

Until = Callable[[Callable[[], object]], None]
CONTROLS = (
    *(QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit),
    *(Pad, Plot),
)
DOCKS = ["Review", *(one.display_name for one in PluginManifest.from_distribution(PLUGIN).contributions.widgets)]


def controls(page: Page) -> Iterator[Any]:
    """What takes keys or the mouse; not the parts of which Qt makes them."""
    for one in page.findChildren(CONTROLS):
        inner = isinstance(one, (QScrollBar, QHeaderView)) or isinstance(
            one.parent(), (QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit)
        )
        if not inner and one.window() is page.window():
            yield one


def opened(session: Session, name: str, until: Until) -> Page:
    """The page, unfolded, and in front."""
    if name == "Review":
        session.asked_layout.emit()
        page: Any = Review.of(session).bar
    else:
        dock, page = session.panels.viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
        dock.show()
        dock.raise_()
    for fold in page.findChildren(Fold):
        fold.arrow.setChecked(True)
    until(page.isVisible)
    return page


@pytest.fixture
def attacked(seen: Session, until: Until) -> Session:
    """A review with a result over several budgets, and a method with two live knobs."""
    bench = seen.bench
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    bench.perturbing.further = (0.005,)
    seen.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not seen.jobs.working)
    return seen


def test_every_control_has_a_name_and_tab_reaches_it_from_the_top_to_the_bottom(
    attacked: Session, until: Until
) -> None:
    for name in DOCKS:
        page = opened(attacked, name, until)
        if name == "Reconstruct":  # its knobs are built anew, and stay in their place
            attacked.choose_method("l1-wavelet")
            until(lambda: attacked.bench.reconstruction.shown is not None and not attacked.jobs.working)
        assert nameless(page) == [], name
        assert in_order(page, until) == [], name


@pytest.mark.thorough
def test_tab_never_leads_behind_another_dock(seen: Session, until: Until) -> None:
    pages = {name: opened(seen, name, until) for name in ("Compare", "Perturb", "Reconstruct")}
    window = pages["Reconstruct"].window()
    window.activateWindow()
    until(window.isActiveWindow)

    def behind(page: Page) -> bool:
        return bool(page.parent().geometry().right() < 0)

    first: Any = seen.panels.viewer.window._qt_viewer.canvas.native
    first.setFocus()
    reached = set()
    for _ in range(300):
        focused: Any = QApplication.focusWidget()
        QTest.keyClick(focused, Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        for name, page in pages.items():
            if page.parent().isAncestorOf(focused):
                until(lambda page=page: not behind(page))
                reached.add(name)
    assert reached == {*pages}

    front = pages["Perturb"]
    front.parent().raise_()
    until(lambda: not behind(front))
    last = [one for one in controls(front) if one.isEnabled() and one.isVisible()][-1]
    last.setFocus()
    for one in front.findChildren(QWidget):  # Qt hands the keys on, to another dock in the end
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus:  # a label with a link too, where one is shown
            one.setEnabled(False)
    assert not front.isAncestorOf(QApplication.focusWidget())
    QTest.qWait(50)
    assert not behind(front)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_frame_shows_which_control_a_key_has_led_to(attacked: Session, until: Until, theme: str) -> None:
    attacked.panels.viewer.theme = theme
    for name in DOCKS:
        page = opened(attacked, name, until)
        assert unseen(page) == [], name
    attacked.asked_tool.emit("film")
    film: Any = Shelf.of(attacked).widget
    until(film.isVisible)
    assert unseen(film.parentWidget()) == []


def test_tab_leaves_every_control(attacked: Session, until: Until) -> None:
    attacked.bench.queue.add(["cg-sense", "zero-filled"], attacked.bench.regions.on(1), [0.01])  # two lines
    for name in DOCKS:
        assert kept(opened(attacked, name, until)) == [], name


def kept(page: Page) -> list[str]:
    """The controls that keep Tab or Shift and Tab for themselves."""
    found = []
    for one in controls(page):
        for key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            if takes_tab(one):
                one.setFocus()
                QTest.keyClick(one, key)
                if one.hasFocus():
                    found.append(f"{describe(one)} {key.name}")
    return found


@pytest.mark.parametrize("size", [16, 20])
def test_no_words_of_buttons_and_lists_are_cut_with_large_letters(attacked: Session, until: Until, size: int) -> None:
    appearance = get_settings().appearance
    usual = appearance.font_size
    try:
        appearance.font_size = size
        for name in DOCKS:
            page = opened(attacked, name, until)
            until(lambda page=page: cut(page) == [])
            assert page.width() < 1280 / 2, name
    finally:
        appearance.font_size = usual


def cut(page: Page) -> list[str]:
    """The buttons and lists with less room than their words need."""
    found = []
    for one in page.findChildren(QComboBox):
        option = QStyleOptionComboBox()
        one.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = one.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, one).width()
        if one.isVisible() and page.title != "Review" and one.fontMetrics().horizontalAdvance(one.currentText()) > room:
            found.append(f"{describe(one)} {one.currentText()}: {room}")
    for one in page.findChildren(QPushButton):
        needed = one.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, one.text())
        if one.isVisible() and (needed.width() > one.width() or needed.height() > one.height()):
            found.append(describe(one))
    return found


def unseen(part: Any) -> list[str]:
    """The controls that look the same after Tab to them and before it."""
    canvas = part.window()._qt_viewer.canvas.native
    return [describe(one) for one in controls(part) if takes_tab(one) and not shows_focus(one, canvas)]


def takes_tab(one: Any) -> bool:
    return bool(one.isVisible() and one.isEnabled() and one.focusPolicy() & Qt.FocusPolicy.TabFocus)


def shows_focus(one: Any, canvas: Any) -> bool:
    for area in ancestors(one):
        if isinstance(area, QScrollArea):
            area.ensureWidgetVisible(one)
    window = one.window()
    around = QRect(one.mapTo(window, QPoint(-4, -4)), one.mapTo(window, QPoint(one.width() + 4, one.height() + 4)))
    canvas.setFocus()
    without = window.grab(around).toImage()
    one.setFocus(Qt.FocusReason.TabFocusReason)
    return bool(without != window.grab(around).toImage())


def ancestors(one: Any) -> Iterator[Any]:
    while (one := one.parent()) is not None:
        yield one


def nameless(page: Page) -> list[str]:
    found = [*controls(page)]
    assert len(found) > 8
    return [
        f"{type(one).__name__} {one.toolTip()[:60]!r} in {type(one.parent()).__name__}"
        for one in found
        if not (one.accessibleName() or (isinstance(one, QAbstractButton) and len(one.text()) > 1))
    ]


def in_order(page: Page, until: Until) -> list[str]:
    """What Tab does not reach, or not in its place."""
    expected = {one for one in controls(page) if one.isVisible() and one.isEnabled() and takes_keys(one)}
    reached: list[QWidget] = []
    first = one = page.nextInFocusChain()
    while True:
        if one in expected and one.focusPolicy() & Qt.FocusPolicy.TabFocus:
            reached.append(one)
        one = one.nextInFocusChain()
        if one is first:
            break
    seen: list[list[QPoint]] = [[]]

    def laid_out() -> bool:
        seen.append([one.mapTo(page, QPoint(0, one.height() // 2)) for one in reached])
        return seen[-1] == seen[-2]

    until(laid_out)
    places = seen[-1]
    start = min(range(len(places)), key=lambda number: (places[number].y() // 8, places[number].x()))
    pairs = [*zip(reached, places, strict=True)]
    wrong = [f"Tab does not reach {describe(one)}" for one in expected - {*reached}]
    for (before, above), (after, below) in itertools.pairwise(pairs[start:] + pairs[:start]):
        beside = abs(below.y() - above.y()) <= max(before.height(), after.height()) // 2
        if not (below.y() > above.y() or (beside and below.x() > above.x())):
            wrong.append(f"{describe(after)} {below} comes after {describe(before)} {above}")
    return wrong


def takes_keys(one: QWidget) -> bool:
    """Whether it takes keys: tables of figures do not."""
    return not isinstance(one, QAbstractItemView) or one.focusPolicy() != Qt.FocusPolicy.NoFocus


def describe(one: Any) -> str:
    return f"{type(one).__name__} {one.accessibleName() or getattr(one, 'text', str)() or one.toolTip()!r}"
