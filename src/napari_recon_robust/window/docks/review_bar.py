"""The slim dock of the review layout: panels, comparison and window, folded away by one click."""

from collections.abc import Callable

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...controls.letters import letters
from ...controls.parts import NARROW_LIST, button, row, words
from ...evaluation.parts import PARTS
from ...workbench.looking import PAIRS, PRESETS, RATES, lacking
from ...workbench.windowing import PRESETS as WINDOWS
from .. import keys
from ..remembered import recall, remember
from ..session import Session
from .exporting import keep_button
from .opening import SAMPLE, browse, what_opens
from .page import Page

UNFOLDED, FOLDED = 120, 24  # pixels, of a font of usual size
_WIDEST = "Laboratory  q"  # of the words in it
_AROUND = 28  # pixels beside them
_TIGHT = "QPushButton { padding: 3px 0px; } QPushButton::menu-indicator { width: 0px; }"
_SMALL = "QComboBox { padding: 3px 0px 3px 3px; } QComboBox::drop-down { width: 12px; }"
_LIST, _BESIDE = "2 Hz ▾", 8  # what a list of rates needs; pixels beside words
_TOOLS = {"kspace": "k-space  s", "profile": "Line  l", "film": "Film  ⇧s"}
_SHORT = {"reference": "Ref.", "clean": "Clean", "perturbed": "Pert."}


class ReviewBar(Page):
    """A thin view on how the session looks at images. Signal: `folded(width)`, when its width has changed."""

    folded = Signal(int)

    title = "Review"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.looking = session.looking
        self._scrolled = False
        self.arrow = QToolButton()
        self.arrow.setAutoRaise(True)
        self.arrow.clicked.connect(self._toggle)
        self.layout().insertWidget(0, self.arrow, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self.column.setContentsMargins(4, 0, 4, 4)
        self.column.setSpacing(3)
        self.go_on = QPushButton("Reviews")
        self.go_on.setToolTip("Go on with an earlier review: open it as it was, or start again what was not finished.")
        self.reviews = QMenu(self.go_on)
        self.reviews.aboutToShow.connect(self._list_reviews)
        self.go_on.setMenu(self.reviews)
        self.open = button("Open…", "Open k-space", lambda: browse(session, self))
        self.sample = button("Open sample", SAMPLE, session.open_sample)
        self.hint = words(f"Or drop a file here or on the canvas: {what_opens()}. Press ? for all keys.")
        self.column.addWidget(self.open)
        self.column.addWidget(self.sample)
        self.column.addWidget(self.hint)
        self.column.addWidget(self.go_on)
        self.tools = QWidget()
        self.rows = QVBoxLayout(self.tools)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setSpacing(3)
        self._add_panels()
        self._add_comparison()
        self._add_window()
        self._add_rest()
        self.column.addWidget(self.tools)
        self.column.addWidget(self.leave)
        self.column.addStretch(1)
        self.setMinimumWidth(0)
        for each in self.body_widget.findChildren(QWidget):
            if isinstance(each, (QPushButton, QComboBox, QLineEdit)):  # they share the little room that there is
                each.setMinimumWidth(0)
                each.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        # Queued, since Qt is laying out the page when the range changes, and would go on with the width before.
        ranged = self.scroll.verticalScrollBar().rangeChanged
        ranged.connect(self.fit_letters, Qt.ConnectionType.QueuedConnection)
        self._fold(recall("folded", False))
        self._follow()
        self._show_state()
        self._show_offer()

    def _follow(self) -> None:
        self.listen(self.session.jobs.failed, self._unfold)
        for signal in (
            self.session.looked,
            self.bench.acquisition.opened,
            self.bench.acquisition.closed,
            self.bench.acquisition.measured,
            self.bench.perturbing.finished,
            self.bench.perturbing.earlier_changed,
            self.bench.regions.chosen_changed,
            self.bench.ruling.kind_changed,
        ):
            self.listen(signal, self._show_state)
        self.listen(self.session.scene.drawn, self._show_share)
        self.listen(self.session.panels.shared_window.changed, self.show_window)
        self.listen(self.bench.lining_up.changed, self._show_state)
        for offered in (self.bench.resuming.changed, self.bench.unfinished.changed):
            self.listen(offered, self._show_offer)

    # ---------------------------------------------------------------- what is in it

    def _add_panels(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(2)
        self.panels: dict[str, QPushButton] = {}
        for column, name in enumerate(PRESETS):
            one = button(name, "", lambda _=False, name=name: self.looking.show_preset(name))
            one.setAccessibleName(keys.words_of(f"panels_{name}"))
            self.panels[name] = one
            grid.addWidget(one, 0, column)
        self.rows.addWidget(words("Panels", faint=True))
        self.rows.addLayout(grid)

    def _add_comparison(self) -> None:
        self.pair = _combo("The images that are compared  (p)")
        for first, second in PAIRS:
            self.pair.addItem(f"{_SHORT[first]}–{_SHORT[second].lower()}", (first, second))
            words_ = f"{first.capitalize()} and {second}"
            self.pair.setItemData(self.pair.count() - 1, words_, Qt.ItemDataRole.ToolTipRole)
        self.pair.activated.connect(lambda at: self.looking.take_pair(self.pair.itemData(at)))
        self.flicker = QPushButton("Flicker  g")
        self.flicker.setToolTip(f"{keys.words_of('flicker')}\nFlicker may disturb people with photosensitive epilepsy.")
        self.flicker.pressed.connect(lambda: keys.Shortcuts.of(self.session).start_flicker())
        self.flicker.released.connect(lambda: keys.Shortcuts.of(self.session).stop_flicker())
        self.rate = _combo("How often both images are shown in a second")
        for rate in RATES:
            self.rate.addItem(f"{rate} Hz", rate)
        self.rate.activated.connect(lambda at: self.looking.set_rate(self.rate.itemData(at)))
        self.wipe = _switch("Wipe  w", "wipe", self.looking.toggle_wipe)
        self.signed = _switch("Sign  d", "signed", self.looking.toggle_signed)
        self.rows.addWidget(words("Compare", faint=True))
        self.lens = _switch("Lens", "lens", lambda: self.looking.mix("lens"))
        self.lens.setToolTip(f"{self.lens.toolTip()}  (shift+w)")
        self.fade = _switch("Fade  f", "fade", lambda: self.looking.mix("fade"))
        self.share = QSlider(Qt.Orientation.Horizontal)
        self.share.setRange(0, 100)
        self.share.setToolTip("Share of the second image, in percent")
        self.share.setAccessibleName("Share of the second image")
        self.share.valueChanged.connect(lambda value: self.looking.mixing.fade(value / 100))
        self.rows.addWidget(self.pair)
        self.rows.addLayout(_side_by_side(self.flicker, self.rate))
        self.rows.addLayout(_side_by_side(self.wipe, self.lens))
        self.rows.addLayout(_side_by_side(self.fade, self.signed))
        self.rows.addWidget(self.share)

    def _add_window(self) -> None:
        self.window_preset = _combo("Windows of the reference, the same for all images  (6 7 8 9)")
        self.window_preset.addItem("Preset…")
        for number, name in enumerate(WINDOWS, start=6):
            self.window_preset.addItem(f"{name.capitalize()}  {number}", name)
        self.window_preset.activated.connect(self._take_window)
        self.auto = button("Auto  a", keys.words_of("window_auto"), lambda: self.looking.levels.fit_to_region())
        self.reset = button("Reset  0", keys.words_of("window_reset"), lambda: self.looking.levels.reset())
        self.black, self.white = QLineEdit(), QLineEdit()
        for edit, name in ((self.black, "Black"), (self.white, "White")):
            edit.setToolTip(f"{name}, in percent of the reference's maximum; Return takes it")
            edit.setAccessibleName(name)
            edit.returnPressed.connect(self._type_window)
            edit.editingFinished.connect(self._leave_window)
        self.rows.addWidget(words("Window", faint=True))
        self.rows.addWidget(self.window_preset)
        self.rows.addLayout(_side_by_side(self.auto, self.reset))
        grid = QGridLayout()
        grid.setSpacing(4)
        grid.setColumnStretch(1, 1)
        for line, (label, edit) in enumerate((("Black, %", self.black), ("White, %", self.white))):
            grid.addWidget(words(label, faint=True), line, 0)
            grid.addWidget(edit, line, 1)
        self.rows.addLayout(grid)

    def _add_rest(self) -> None:
        self.region = _switch("Region  n", "region_view", self.looking.region_view.toggle)
        self.outlines = button("Outlines  u", keys.words_of("regions"), lambda: self.session.panels.drawing.toggle())
        self.random = _switch("Random  h", "random", lambda: self.looking.swap("random"))
        self.truth = _switch("Truth  y", "truth", lambda: self.looking.swap("truth"))
        self.lineup = _switch("Methods  o", "lineup", self.session.line_up)
        self.list_keys = button("Keys  ?", "All keys", lambda: self.session.asked_keys.emit())
        self.leave = button("Laboratory  q", "Back to the docks", lambda: self.session.asked_layout.emit())
        self.part = _combo("Part of the complex images that is shown  (z)")
        for part in PARTS:
            self.part.addItem(part.capitalize(), part)
        self.part.activated.connect(lambda at: self.looking.take_part(self.part.itemData(at)))
        tools = {name: _tool(name, text, self.session) for name, text in _TOOLS.items()}
        self.kspace, self.profile = tools["kspace"], tools["profile"]
        self.distance = _switch("Ruler  i", "distance", lambda: self.session.rulers.toggle("distance"))
        self.cine = button("Play", f"{keys.words_of('cine')}  (space)", lambda: self.session.cine.toggle())
        self.area = _switch("Area  b", "area", lambda: self.session.rulers.toggle("area"))
        self.rows.addWidget(words("See", faint=True))
        self.keep = keep_button(self.session)
        self.rows.addWidget(self.part)
        self.rows.addLayout(_side_by_side(self.region, self.keep))
        self.rows.addWidget(self.outlines)
        self.rows.addWidget(self.random)
        self.rows.addWidget(self.lineup)
        self.rows.addLayout(_side_by_side(self.truth, self.list_keys))
        self.rows.addLayout(_side_by_side(self.profile, self.distance))
        self.rows.addLayout(_side_by_side(self.area, tools["film"]))
        self.rows.addLayout(_side_by_side(self.cine, self.kspace))

    # ---------------------------------------------------------------- window

    def _take_window(self, at: int) -> None:
        if at:
            self.looking.levels.take_preset(self.window_preset.itemData(at))
        self.window_preset.setCurrentIndex(0)

    def _type_window(self) -> None:
        try:
            low, high = float(self.black.text()), float(self.white.text())
        except ValueError:
            typed = f"{self.black.text()!r} and {self.white.text()!r}"
            self.session.jobs.failed.emit(f"Black and white must be numbers, not {typed}.")
            return
        self.looking.levels.set(low / 100, high / 100)

    def show_window(self) -> None:
        """Show black and white as they are."""
        if self.session.panels.panels and self.bench.acquisition.slice is not None:
            for edit, value in zip((self.black, self.white), self.looking.levels.window, strict=True):
                if not edit.hasFocus():
                    edit.setText(f"{100 * value:.3g}")

    def _leave_window(self) -> None:
        """Show what holds, once both fields are left: what was typed without Return, or refused, does not."""
        if not (self.black.hasFocus() or self.white.hasFocus()):
            self.show_window()

    # ---------------------------------------------------------------- state

    def _show_state(self) -> None:
        view, comparing = self.session.scene.view, self.session.scene.comparing
        self.pair.setCurrentIndex(PAIRS.index(comparing.pair or view.pair))
        self.part.setCurrentIndex(PARTS.index(view.part))
        self.rate.setCurrentIndex(self.rate.findData(self.looking.rate))
        for name, one in self.panels.items():
            tip = " · ".join(self.looking.preset(name)).replace("first", "one").replace("second", "other of the pair")
            one.setToolTip(f"{keys.words_of(f'panels_{name}')}\nNow: {tip}\nCtrl+{name} stores what is shown")
        result, ruling = self.bench.perturbing.current, self.bench.ruling.kind
        self._show_share()
        states = {
            self.wipe: (view.way == "wipe", comparing.pair is not None),
            self.lens: (view.way == "lens", comparing.pair is not None),
            self.fade: (view.way == "fade", comparing.pair is not None),
            self.profile: (ruling == "profile", self.bench.acquisition.is_open),
            self.distance: (ruling == "distance", self.bench.acquisition.is_open),
            self.area: (ruling == "area", self.bench.acquisition.is_open),
            self.signed: (view.signed, result is not None),
            self.lineup: (self.session.scene.arrangement.lineup is not None, result is not None),
            self.region: (self.looking.region_view.active, self.bench.acquisition.is_open),
            self.random: (view.random, not lacking("random", self.bench.perturbing)),
            self.truth: (view.truth, not lacking("truth", self.bench.perturbing)),
        }
        for switch, (on, possible) in states.items():
            switch.setChecked(on)
            switch.setEnabled(possible)
        self.flicker.setEnabled(comparing.pair is not None)
        self._show_open()
        self.show_window()

    def _show_open(self) -> None:
        """Say how to begin while nothing is open, instead of tools that have nothing to act on."""
        is_open = self.bench.acquisition.is_open
        for one in (self.open, self.sample, self.hint):
            one.setVisible(not is_open)
        self.tools.setVisible(is_open)

    def _show_offer(self) -> None:
        """Offer to go on with an earlier review, or with a search that was cut off, if there is one."""
        found = self.bench.unfinished.found
        self.go_on.setVisible(found is not None or bool(self.bench.resuming.offers))
        if found is not None and self.isVisible():
            self.session.jobs.said.emit(self.bench.unfinished.sentence)

    def _list_reviews(self) -> None:
        """Say in the menu which reviews there are when it is opened, so that no line moves below the pointer."""
        self.reviews.clear()
        search = self.bench.unfinished.found
        if search is not None:
            action = self.reviews.addAction(f"Start again: {search.words}".replace("&", "&&"))
            action.triggered.connect(lambda: self.session.attempt(self.bench.unfinished.again))
        for found in self.bench.resuming.offers:
            action = self.reviews.addAction(found.words.replace("&", "&&"))  # a single one underlines what follows
            action.triggered.connect(lambda _=False, found=found: self.session.keeping.go_on(found))

    def _show_share(self) -> None:
        fade = self.session.scene.view.fade
        self.share.setVisible(fade is not None)
        if fade is not None and not self.share.isSliderDown() and self.share.value() != round(100 * fade):
            self.share.blockSignals(True)
            self.share.setValue(round(100 * fade))
            self.share.blockSignals(False)

    # ---------------------------------------------------------------- folding

    def _toggle(self) -> None:
        self._fold(self.scroll.isVisible())
        remember("folded", not self.scroll.isVisible())

    def _unfold(self, _: str) -> None:
        """Unfold when something went wrong, since the foot says what."""
        if self.isVisible():
            self._fold(False)

    def _fold(self, folded: bool) -> None:
        self.scroll.setHidden(folded)
        self.foot.setHidden(folded)
        self.arrow.setArrowType(Qt.ArrowType.LeftArrow if folded else Qt.ArrowType.RightArrow)
        self.arrow.setToolTip("Unfold the controls" if folded else "Fold the controls")
        self.arrow.setAccessibleName(self.arrow.toolTip())
        self._fit(folded)
        self.folded.emit(self.width())

    def _fit(self, folded: bool) -> None:
        """Take the width of the longest word in the font that napari has."""
        self.leave.ensurePolished()
        needed = self.leave.fontMetrics().horizontalAdvance(_WIDEST) + round(_AROUND * letters())
        bar = self.scroll.verticalScrollBar()
        # What is higher than the window is scrolled, and the images stay in place when the foot shows less again.
        self._scrolled = self._scrolled or bar.maximum() > 0
        beside = bar.sizeHint().width() if self._scrolled else 0
        self.setFixedWidth(FOLDED if folded else max(UNFOLDED, needed) + beside)

    def fit_letters(self) -> None:
        """Fit the width to other letters, once there are any."""
        if self.isVisible():
            self._fit(self.scroll.isHidden())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """See anew whether all is seen, when the window has another height."""
        super().resizeEvent(event)
        if event is not None and event.size().height() != event.oldSize().height():
            self._scrolled = False

    def showEvent(self, event: QShowEvent | None) -> None:
        """Fit the width, since another font may have been chosen meanwhile."""
        super().showEvent(event)
        self._fit(self.scroll.isHidden())

    def sizeHint(self) -> QSize:
        """The present width."""
        return QSize(self.maximumWidth(), 300)


def _combo(tip: str) -> QComboBox:
    made = QComboBox()
    made.setToolTip(tip)
    made.setAccessibleName(tip.split("  ")[0])
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(6)
    made.setStyleSheet(NARROW_LIST)
    return made


def _side_by_side(first: QWidget, second: QWidget) -> QHBoxLayout:
    """Put two in the room of one, each as wide as its words ask for."""
    made = row(first, second)
    made.setSpacing(2)
    for place, one in enumerate((first, second)):
        if isinstance(one, QPushButton):
            one.setText(one.text().replace("  ", " "))
            one.setStyleSheet(_TIGHT)
            text = one.text()
        else:
            one.setStyleSheet(_SMALL)
            text = _LIST
        made.setStretch(place, one.fontMetrics().horizontalAdvance(text) + _BESIDE)
    return made


def _tool(name: str, text: str, session: Session) -> QPushButton:
    """Make a button that puts a tool below the images, or takes it away."""
    made = _switch(text, name, lambda: session.asked_tool.emit(name))
    made.setCheckable(name == "profile")
    return made


def _switch(text: str, command: str, action: Callable[[], object]) -> QPushButton:
    """Make a button that stays down while what it switches is on; a click runs the action only."""
    made = QPushButton(text)
    made.setToolTip(keys.words_of(command))
    made.setCheckable(True)
    made.clicked.connect(lambda _=False: action())
    return made
