"""The ways of looking that the plan allows, as buttons above the questions, and the slice that is shown."""

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QWidget

from ...controls.parts import column, flow
from .controlled import Controlled
from .slice_bar import SliceBar

_MODES = {"side": "Side by side (S)", "flicker": "Flicker (L)", "wipe": "Wipe (V)"}


class ViewBar(QWidget):
    """Follows the way in which the images are looked at."""

    def __init__(self, room: Controlled) -> None:
        super().__init__()
        self._room = room
        self._buttons = flow()
        viewing = room.reading.study.viewing
        self._modes = {mode: self._button(words, self._to(mode), checkable=True) for mode, words in _MODES.items()}
        self._fit = self._button("Fit (F)", room.fit)
        self._region = self._button("Region (R)", room.show_region)
        self._window = self._button("Reset window (W)", room.reset_window)
        self._smooth = self._button("Smooth (I)", room.toggle_smooth, checkable=True)
        self._offered = {
            self._fit: viewing.zoom,
            self._region: viewing.zoom and viewing.region,
            self._window: viewing.window,
            self._smooth: viewing.smoothing,
        }
        column(self._buttons, SliceBar(room.reading), into=self)
        room.looking.changed.connect(self.follow)

    def _button(self, words: str, act: Callable[[], object], checkable: bool = False) -> QPushButton:
        made = QPushButton(words)
        made.setCheckable(checkable)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # Enter stays for the next case
        made.clicked.connect(lambda: act())
        return made

    def _to(self, mode: str) -> Callable[[], object]:
        return lambda: self._room.looking.set(mode)

    def follow(self) -> None:
        """Show what there is for this case, and what is chosen."""
        looking = self._room.looking
        several = len(looking.modes) > 1
        for mode, made in self._modes.items():
            made.setChecked(mode == looking.mode)
        offered = {made: several and mode in looking.modes for mode, made in self._modes.items()} | self._offered
        self._smooth.setChecked(self._room.smooth)
        shown = [made for made, on in offered.items() if on]
        for made in offered:
            self._buttons.removeWidget(made)
            made.setParent(self)
            made.setVisible(made in shown)
        for made in shown:
            self._buttons.addWidget(made)
        self._buttons.update()  # which it does not do by itself, and would keep the height that it had without them
