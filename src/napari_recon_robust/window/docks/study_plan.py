"""The plan of a study: opened or made, edited as text, and checked."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QCheckBox, QFileDialog, QListWidget, QListWidgetItem, QShortcut, QSizePolicy, QWidget
from superqt import QElidingLabel
from superqt.utils import signals_blocked

from ...controls.filled_rows import FilledRows
from ...controls.line_editor import LineEditor
from ...controls.parts import button, column, file_filter, flow, heading, show_text, words
from ...ground.errors import InputError, left_out
from ...ground.numbers import counted
from ...workbench.planning import SUFFIXES
from ...workbench.task import Task
from ..session import Session

LANE = "plan"
_EDITOR, _MISTAKES = 190, 84  # pixels high
_TOLD = 3  # lines of a kind
_FILTER = file_filter("Plans of studies", SUFFIXES)


class PlanPanel(QWidget):
    """A thin view on `planning` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.planning = session, session.bench.planning
        self.open_button = button("Open…", "Open a plan, a YAML file; or drop one here", self._browse)
        self.new = button("New…", "Write a plan to begin with, and its explanations", self._begin)
        self.draft = button(
            "From the review…",
            "The beginning of a plan: the folder of the scan that is open, its regions, mask, method with its knobs, "
            "and the perturbation",
            self._draft,
        )
        self.demo = button("Demo…", "The packaged sample and its lesions, a few minutes", self._demonstrate)
        self.path = QElidingLabel()
        self.path.setTextFormat(Qt.TextFormat.PlainText)
        self.path.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.path.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.editor = LineEditor()
        self.editor.setFixedHeight(_EDITOR)
        self.editor.setAccessibleName("Text of the plan")
        self.editor.setToolTip("The plan; it is written when it is checked  (Ctrl+Return)")
        self.check = button(
            "Check", "Every mistake with its line, and the number of trials  (Ctrl+Return)", self._check
        )
        self.estimate = button("Estimate", "Run a sample of the trials: hours, and gigabytes", self._estimate)
        self.trust = QCheckBox("Trust its code")
        self.trust.setToolTip("Let the plan's own methods run code (.py, module:function, bart:)")
        self.verdict = words()
        self.mistakes = QListWidget()
        self.mistakes.setWordWrap(True)
        self.mistakes.setFixedHeight(_MISTAKES)
        self.mistakes.setAccessibleName("Mistakes of the plan")
        self.mistakes.setToolTip("A click, or Return, goes to the line")
        column(
            heading("Plan"),
            flow(self.open_button, self.new, self.draft, self.demo),
            self.path,
            self.editor,
            FilledRows(self.check, self.estimate, self.trust),
            self.mistakes,
            self.verdict,
            into=self,
            spacing=4,
        )
        self.editor.textChanged.connect(self._edit)
        self.trust.toggled.connect(self.planning.allow)
        self.mistakes.itemClicked.connect(self._go_to)
        self.mistakes.itemActivated.connect(self._go_to)
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self._check)

    # ---------------------------------------------------------------- showing

    def show_opened(self) -> None:
        """Show the plan that is open now."""
        path = self.planning.path
        self.path.setText("" if path is None else str(path))
        self.path.setToolTip("" if path is None else str(path))
        with signals_blocked(self.editor):
            self.editor.show_text(self.planning.text)
        for part in (self.path, self.editor, self.check, self.estimate, self.trust):
            part.setVisible(path is not None)
        self.show_plan()

    def show_plan(self) -> None:
        """Show what was found out about the plan."""
        planning, checked = self.planning, self.planning.checked
        with signals_blocked(self.trust):
            self.trust.setChecked(planning.trust)
        mistakes = () if checked is None else checked.mistakes
        self.mistakes.clear()
        for one in mistakes:
            item = QListWidgetItem(str(one))
            item.setData(Qt.ItemDataRole.UserRole, one.line)
            self.mistakes.addItem(item)
        self.mistakes.setVisible(bool(mistakes))
        self.editor.mark(one.line for one in mistakes)
        said = []
        if checked is not None and checked.extent is not None:
            faults = [left_out(path, sentence) for path, sentence in checked.extent.faults.items()]
            said = [checked.extent.sentence, *_first(faults, "further file", "left out")]
            said += _first(checked.extent.noted, "further note", "recon-robust study check lists all")
        elif checked is not None:
            said = [checked.fault or f"{len(mistakes)} mistake{'s' * (len(mistakes) > 1)}; a click goes to the line."]
        elif planning.edited:
            said = ["Edited; a check writes the file, and then it can be run."]
        if planning.estimate is not None:
            said.append(planning.estimate.sentence)
        show_text(self.verdict, "\n".join(said))

    # ---------------------------------------------------------------- doing

    def open_plan(self, path: Path) -> None:
        """Open the plan in a file, and check it."""
        self._take(lambda: self.planning.open(path))

    def _take(self, make: Callable[[], Task[Any]]) -> None:
        self.session.attempt(make, LANE)

    def _edit(self) -> None:
        self.planning.edit(self.editor.toPlainText())

    def _check(self) -> None:
        self.session.attempt(self.planning.check, LANE)

    def _estimate(self) -> None:
        self.session.attempt(self.planning.appraise, LANE)

    def _go_to(self, item: QListWidgetItem) -> None:
        self.editor.go_to(item.data(Qt.ItemDataRole.UserRole))

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a plan", "", f"{_FILTER};;All files (*)")
        if path:
            self.open_plan(Path(path))

    def _begin(self) -> None:
        path = self._new_file("New plan", Path("plan.yaml"))
        if path is not None:
            self._take(lambda: self.planning.begin(path))

    def _draft(self) -> None:
        opened = self.session.bench.acquisition.origin
        path = self._new_file(
            "Plan from the review", Path("plan.yaml") if opened is None else opened.path.parent / "plan.yaml"
        )
        if path is not None:
            self._take(lambda: self.planning.draft(path))

    def _new_file(self, title: str, proposed: Path) -> Path | None:
        """Ask for a file that is not there yet: what a user wrote is never replaced by the beginning of a plan."""
        unasked = QFileDialog.Option.DontConfirmOverwrite
        path, _ = QFileDialog.getSaveFileName(self, title, str(proposed), _FILTER, options=unasked)
        if not path:
            return None
        named = Path(path) if Path(path).suffix.lower() in SUFFIXES else Path(f"{path}.yaml")
        with self.session.jobs.saying():
            if named.exists():
                raise InputError(f"{named.name} is there already; name another file.")
        return None if named.exists() else named

    def _demonstrate(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the demonstration and its results")
        if folder:
            self._take(lambda: self.planning.demonstrate(Path(folder)))


def _first(lines: Sequence[str], others: str, words: str) -> list[str]:
    """The first of some lines, and how many others there are."""
    more = len(lines) - _TOLD
    return [*lines[:_TOLD], *([f"{counted(more, others)}: {words}."] if more > 0 else [])]
