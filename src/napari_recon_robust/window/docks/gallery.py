"""The Gallery dock: saved cases as pictures, to be filtered, sorted, judged, opened, compared and replayed."""

from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import napari.viewer
from qtpy.QtCore import QEvent, QKeyCombination, QObject, Qt
from qtpy.QtGui import QDropEvent, QHideEvent, QKeyEvent, QKeySequence
from qtpy.QtWidgets import QFileDialog, QLabel, QShortcut, QSizePolicy, QWidget
from superqt import QElidingLabel

from ...cases.gallery.verdicts import SCALE
from ...cases.record import DESCRIPTION
from ...controls.filled_rows import FilledRows
from ...controls.parts import button, row, show_text, words
from ..session import Session
from .arranging import ArrangingRow, small_button
from .gallery_list import CaseModel, CaseView
from .judging import JudgementBox
from .page import Page
from .thumbnail_loader import ThumbnailLoader

if TYPE_CHECKING:
    from ...cases.gallery.entry import GalleryEntry
    from ...cases.gallery.pair import Pair

_NAMES, _AGAIN = "names", "list again"
_EMPTY = "Open a folder of saved cases, or drop one here."


class GalleryDock(Page):
    """A thin view on `browsing` of the workbench."""

    title = "Gallery"
    own_keys = frozenset(",.012345CARTN")

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__(Session.of(napari_viewer))
        self.browsing = self.bench.browsing
        self._judged = ""  # what the foot says of a verdict, until another case is the current one
        self.loader = ThumbnailLoader(self.session.jobs, self)
        self.view = CaseView(CaseModel(self.browsing, self.loader))
        self.open_button = button("Open folder…", "A folder of saved cases, or of folders of them", self._browse)
        self.again = small_button("↻", "List the folder again  (F5)", lambda: self.list_again())
        self.count = words(faint=True)
        self.arranging = ArrangingRow(self.browsing)
        self.name, self.about = _line(), _line()
        self.replayed = words()
        self.judging = JudgementBox(self.browsing)
        self.actions = FilledRows(*self._buttons())
        self._lay_out()
        self._follow()
        self._add_keys()
        self._show_listed()
        self._show_arranged()
        self.session.join(self, self.title)

    # ---------------------------------------------------------------- building

    def _buttons(self) -> list[QWidget]:
        self.open_case = button("Open", "Bring the case back, reconstructed again and checked  (Return)", self._open)
        self.compare = button("Compare", "Two chosen cases beside each other  (C)", self._compare)
        self.attack = button(
            "Attack again", "Set the perturbation's knobs as they were for this case  (A)", self._attack
        )
        self.replay = button(
            "Replay", "Compute the chosen cases again and compare with what was saved  (R)", self._replay
        )
        return [self.open_case, self.compare, self.attack, self.replay]

    def _lay_out(self) -> None:
        self.column.setSpacing(4)
        self.column.addLayout(row(self.open_button, self.again, self.count, stretch=2))
        self.column.addWidget(self.arranging)
        self.column.addWidget(self.arranging.refusal)
        self.column.addWidget(self.view, 1)
        for part in (self.name, self.about, self.replayed, self.judging):
            self.column.addWidget(part)
        self.column.addLayout(self.actions)

    def _follow(self) -> None:
        self.listen(self.browsing.listed, self._show_listed)
        self.listen(self.browsing.named, self._show_named)
        self.listen(self.browsing.arranged, self._show_arranged)
        self.listen(self.browsing.said, self._show_said)
        self.listen(self.browsing.replayed, self._show_replayed)
        self.listen(self.bench.rating.saved, self.list_again)
        self.view.current_changed.connect(self._show_current)
        self.view.current_changed.connect(lambda: self.foot.take_back(self._judged))
        self.view.selectionModel().selectionChanged.connect(self._show_buttons)
        self.view.doubleClicked.connect(self._open)
        self.judging.refused.connect(self.session.jobs.failed)
        for part in (self.arranging, self.judging):
            part.done.connect(self.view.setFocus)

    def _add_keys(self) -> None:
        """Add keys. Those on the whole window work while this page is in front, even if the picture has the focus."""
        on_window: dict[str, Callable[[], object]] = {
            ",": lambda: self.view.step(-1),
            ".": lambda: self.view.step(1),
            "0": lambda: self._judge(""),
            **{str(number): partial(self._judge, verdict) for number, verdict in enumerate(SCALE, start=1)},
            "F5": lambda: self.list_again(),
        }
        self.in_list: dict[str, Callable[[], object]] = {
            "Return": self._open,
            "Enter": self._open,
            "C": self._compare,
            "A": self._attack,
            "R": self._replay,
            "T": self.judging.tags.setFocus,
            "N": self.judging.note.setFocus,
            "/": self.arranging.filter.setFocus,
        }
        for key, action in on_window.items():
            QShortcut(QKeySequence(key), self).activated.connect(action)
        self.view.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take the keys of the list before shortcuts of the window, of which some hold off keys of napari."""
        kinds = QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress
        if watched is self.view and isinstance(event, QKeyEvent) and event.type() in kinds:
            held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            action = self.in_list.get(QKeySequence(QKeyCombination(held, Qt.Key(event.key()))).toString())
            if action is not None:
                event.accept()
                if event.type() == QEvent.Type.KeyPress:
                    action()
                return True
        return super().eventFilter(watched, event)

    # ---------------------------------------------------------------- showing

    def _show_listed(self) -> None:
        folder = self.browsing.folder
        if folder is not None:
            self.session.jobs.latest(self.browsing.name(), _NAMES)
        self.again.setEnabled(folder is not None)
        self.open_button.setToolTip(
            f"{'' if folder is None else f'{folder}: '}a folder of saved cases, or of folders of them"
        )

    def _show_arranged(self) -> None:
        current, browsing = self.view.current, self.browsing
        self.view.cases.show_entries()
        shown, all_ = len(browsing.shown), len(browsing.entries)
        folder = "" if browsing.folder is None else f" in {browsing.folder.name}"
        self.count.setText(f"{shown:,} of {all_:,}" if folder else "")
        self.view.say("No case passes the filter." if all_ else f"No case{folder}. {_EMPTY}" if folder else _EMPTY)
        if shown:
            self.view.go_to(current)
        self._show_current(self.view.current)
        self._show_buttons()

    def _show_current(self, entry: "GalleryEntry | None") -> None:
        self.judging.show_entry(entry)
        self._show_name(entry)
        show_text(self.replayed, "" if entry is None else self.browsing.replays.get(entry.path, ""))

    def _show_name(self, entry: "GalleryEntry | None") -> None:
        name, about = [], []
        if entry is not None:
            name = [entry.name, "" if entry.damage else entry.named(self.browsing.labels).title]
            about = [entry.damage, entry.label, "" if entry.slice is None else f"slice {entry.slice}"]
        self.name.setText(" · ".join(filter(None, name)))
        self.about.setText(" · ".join(filter(None, about)))
        self.about.setToolTip("" if entry is None else f"<p>{escape(entry.sentence)}</p>")

    def _show_named(self) -> None:
        self.view.viewport().update()
        self._show_name(self.view.current)

    def _show_said(self, entry: "GalleryEntry") -> None:
        self.view.cases.show_entry(entry)
        if self.judging.entry is not None and self.judging.entry.path == entry.path:
            self.judging.show_entry(entry)

    def _show_replayed(self, entry: "GalleryEntry") -> None:
        if self.view.current is not None and self.view.current.path == entry.path:
            self._show_current(self.view.current)

    def _show_buttons(self, *_: object) -> None:
        chosen = self.view.chosen
        sound = bool(chosen) and not any(entry.damage for entry in chosen)
        for one in (self.open_case, self.attack):
            one.setEnabled(self.view.current is not None and not self.view.current.damage)
        self.compare.setEnabled(sound and len(chosen) == 2)
        self.replay.setEnabled(sound)

    # ---------------------------------------------------------------- doing

    def open_folder(self, folder: Path) -> None:
        """List the cases of a folder."""
        self.session.attempt(lambda: self.browsing.open(folder))

    def list_again(self, folder: Path | None = None) -> None:
        """List the folder again, quietly if that is because another case lies in a folder of it."""
        own = self.browsing.folder
        if own is not None and folder is None:
            self.open_folder(own)
        elif own is not None and folder is not None and own in (folder, *folder.parents):
            self.session.jobs.latest(self.browsing.open(own), _AGAIN)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Write what was typed: the dock, or its window, may be closing."""
        self.judging.write()
        super().hideEvent(event)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped; a folder that is not a case is a folder of cases."""
        for url in () if event is None else event.mimeData().urls():
            path = Path(url.toLocalFile())
            if path.is_dir() and not (path / DESCRIPTION).is_file():
                self.open_folder(path)
            else:
                self.session.open(path)

    def _judge(self, verdict: str) -> None:
        """Judge the current case by a key, and say which that is: the panels may show another one."""
        self.judging.judge(verdict)
        entry = self.judging.entry
        if entry is not None and not entry.damage and entry.judgement.verdict == verdict:
            self._judged = f"{entry.name}: {entry.judgement.words}."
            self.foot.say(self._judged)

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open a folder of saved cases")
        if path:
            self.open_folder(Path(path))

    def _open(self, *_: object) -> None:
        entry = self.view.current
        if entry is not None and not entry.damage:
            self.session.open(entry.path)

    def _compare(self) -> None:
        self.session.attempt(lambda: self.browsing.compare(self.view.chosen, self._show_pair))

    def _show_pair(self, pair: "Pair") -> None:
        from .case_pair import PairWindow

        PairWindow(pair, self.session.panels.viewer.theme, self).show()

    def _attack(self) -> None:
        entry = self.view.current
        if entry is None or entry.damage:
            return
        with self.session.jobs.saying():
            said = self.browsing.attack_again(entry)
            self.session.bring("Perturb").foot.say(said)

    def _replay(self) -> None:
        self.session.attempt(lambda: self.browsing.replay(self.view.chosen))


def _line() -> QLabel:
    """Make one line of plain text that does not ask for room, and says by dots that there is more."""
    label = QElidingLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label
