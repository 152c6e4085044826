"""The Studies dock: a plan over many scans is made, checked, run beside the window and watched, its results opened."""

from pathlib import Path

import napari.viewer
from qtpy.QtCore import QTimer
from qtpy.QtGui import QDropEvent, QHideEvent

from ...controls.parts import words
from ...workbench.planning import SUFFIXES
from ..remembered import recall, remember
from ..session import Session
from .page import Page
from .study_plan import PlanPanel
from .study_run import RUNS, RunPanel

_LANE = "study"
_EVERY = 1000  # ms between two looks at a run
_LAST, _UNWRITTEN = "plan", "unwritten plan"


class StudiesDock(Page):
    """A thin view on `planning` and `conducting` of the workbench."""

    title = "Studies"

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__(Session.of(napari_viewer))
        self.planning, self.conducting = self.bench.planning, self.bench.conducting
        self.plan, self.run = PlanPanel(self.session), RunPanel(self.session)
        self._unwritten: list[str] = recall(_UNWRITTEN, []) if self.planning.path is None else []
        self.hint = words("Many trials on a folder of scans, as a plan (YAML) says: docs/studies.md.", faint=True)
        for part in (self.hint, self.plan, self.run):
            self.column.addWidget(part)
        self.column.addStretch(1)
        self.listen(self.planning.opened, self._on_opened)
        self.listen(self.planning.changed, self.plan.show_plan)
        self.listen(self.planning.changed, self.run.show_run)
        self.listen(self.conducting.changed, self.run.show_run)
        self.listen(self.conducting.reported, self.run.open_report)
        self.listen(self.conducting.listed, self.run.compare_methods)
        self.listen(self.session.jobs.idle, self._on_idle)
        self._tick = QTimer(self)
        self._tick.setInterval(_EVERY)
        self._tick.timeout.connect(self._look)
        self._tick.start()
        self.plan.show_opened()
        self.run.show_run()
        self.session.join(self, self.title)
        self._open_last()

    def _open_last(self) -> None:
        """Open the plan of the last time, whose study may still be running, or have ended meanwhile."""
        last = recall(_LAST, "")
        if last and self.planning.path is None and Path(last).is_file():
            self.session.jobs.latest(self.planning.open(Path(last)), _LANE)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Keep what was edited and is not written: the window may be closing."""
        planning = self.planning
        if planning.path is not None:
            remember(_UNWRITTEN, [str(planning.path.absolute()), planning.text] if planning.edited else [])
        super().hideEvent(event)

    def _on_idle(self, lane: str) -> None:
        if lane == RUNS:
            self.run.show_run()

    def _on_opened(self) -> None:
        unwritten, self._unwritten = self._unwritten, []
        if self.planning.path is not None and unwritten[:1] == [str(self.planning.path.absolute())]:
            self.planning.edit(unwritten[-1])
            self.foot.say("What was edited the last time is here again; a check writes it.")
        self.plan.show_opened()
        if self.planning.path is not None:
            remember(_LAST, str(self.planning.path.absolute()))
        self._look()

    def _look(self) -> None:
        """Look in a thread: the folder of results may lie on another machine, which answers late."""
        task = None if self.session.jobs.busy(_LANE) else self.conducting.look()
        if task is not None:
            self.session.jobs.latest(task, _LANE)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped: a plan here, anything else in the review."""
        for url in () if event is None else event.mimeData().urls():
            path = Path(url.toLocalFile())
            if path.suffix.lower() in SUFFIXES:
                self.plan.open_plan(path)
            else:
                self.session.open(path)
