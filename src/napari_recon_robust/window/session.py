"""One review in one viewer: the workbench, its jobs and its panels, wired together; the docks share it."""

import gc
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from ..canvas.layers import Panels
from ..canvas.readout import ReadoutLine
from ..canvas.rulers import Rulers
from ..canvas.scene import Scene
from ..cases.gallery.listing import holds_cases
from ..io import annotations, guessed_axes, lacks_axes
from ..workbench import Workbench
from ..workbench.film import Frame
from ..workbench.task import Task
from .ahead import LookingAhead
from .cine import Cine
from .collecting import Collecting
from .dropping import Dropping
from .editing import Editing
from .event_loop_steps import EventLoopSteps
from .following import Following
from .glyphs import Glyphs
from .jobs import Jobs
from .keeping import Keeping
from .knob_turning import KnobTurning
from .line_widths import LineWidths
from .looking import Looking
from .marking import Marking
from .memory_trim import MemoryTrim
from .painting import Painting
from .preferring import Preferring
from .queueing import Queueing
from .slider_drags import SliderDrags
from .smaller_budgets import SmallerBudgets
from .surroundings import Surroundings
from .warm import after_warm_up, compiler, is_warm, warm_up

PLUGIN = "napari-recon-robust"
DOCKS = ("Reconstruct", "Perturb", "Compare")

_sessions: "dict[int, Session]" = {}  # by the viewer's id, until its window is closed
_leaving: "set[Session]" = set()  # closed ones, until their last job has ended, which reports to them


class Session(QObject):
    """One review in one viewer.

    Signals: `looked()` when the result is looked at in another way; `asked_keys()` when the list of keys is wanted;
    `asked_layout()` when the images are wanted first, or the laboratory layout again; `asked_tour()` when the tour is
    wanted; `asked_tool(name)` when a tool is wanted below the images, or is to go; `complete()` when all docks are
    open; `brought()` when another `asked_dock` is to be in front; `asked_methods()` when methods have to be chosen
    first; `left()` after the last of them was closed.
    """

    looked = Signal()
    asked_keys = Signal()
    asked_layout = Signal()
    asked_tool = Signal(str)
    asked_tour = Signal()
    complete = Signal()
    brought = Signal()
    asked_methods = Signal()
    left = Signal()

    @classmethod
    def of(cls, viewer: Any) -> "Session":
        """The review of a viewer, which has one."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if id(viewer) not in _sessions:
            _sessions[id(viewer)] = cls(viewer)
        return _sessions[id(viewer)]

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.bench = Workbench()
        self.jobs = Jobs(self)
        MemoryTrim(self.jobs)
        self._collecting = Collecting(self)
        self.event_loop_steps = EventLoopSteps(viewer.window._qt_viewer.canvas.native, self)
        self.panels = Panels(viewer, later=self.event_loop_steps.later)
        self.scene = Scene(self.bench, self.panels)
        self.looking = Looking(self.bench, self.jobs, self.scene)
        self.looking.changed.connect(self._on_looked)
        self.following = Following(self.bench, self.jobs, self.panels, self.scene, self)
        self.knob_turning = KnobTurning(self.bench, self.jobs, self.following)
        self.ahead = LookingAhead(self.bench, self.jobs, self)
        self.marking = Marking(self.bench, self.panels)
        self.cine = Cine(self.bench, self.jobs, self.panels, self.scene, self)
        self.cine.rested.connect(self.open_frame)
        self.rulers = Rulers(self.bench, self.panels, self.looking.wiping.on_drag, self)
        self.rulers.refused.connect(self.jobs.failed)
        self.editing = Editing(self.bench, self.jobs, self.panels, self.following, self.marking)
        self.slider_drags = SliderDrags(self.bench.undoing, self)
        self.painting = Painting(self.bench, self.jobs, self.panels, self.following.regions)
        self.queueing = Queueing(self.bench, self.jobs, self)
        self.readout = ReadoutLine(self.bench, self.panels, self.scene, self)
        self.smaller_budgets = SmallerBudgets(self.bench, self.jobs, self.scene, self.look)
        self.keeping = Keeping(self.bench, self.jobs, self.panels, self.scene, self._take_in, self.look, self)
        self.surroundings = Surroundings(self.panels.viewer, self.bench, self.jobs, self.panels, self)
        self._dropping = Dropping(PLUGIN, self.panels.viewer, self.open, self.jobs.failed.emit, self)
        LineWidths(self.panels, self)
        self.preferring = Preferring(PLUGIN, self.bench, self.panels, self)
        self._glyphs = Glyphs(self.panels.viewer.window._qt_viewer.canvas, self)
        self._opening_model: Task[Any] | None = None

        def forget_failure() -> None:
            """Take back that an own model was not opened, now that another method is set."""
            if self._opening_model is not None:
                self.jobs.failures.recover_task(self._opening_model)

        self.bench.reconstruction.method_changed.connect(forget_failure)
        self.docks: list[QWidget] = []
        self._waiting: list[Callable[[], object]] | None = None  # what was asked for while docks are opening
        self.asked_dock: QWidget | None = None  # napari's, around a page
        self.images_first = False  # how a window begins if nothing is remembered
        self.bench.perturbing.finished.connect(self._on_finished)

    # ---------------------------------------------------------------- opening

    def attempt(self, action: Callable[[], Task[Any] | None], lane: str = "foreground") -> bool:
        """Start the task that an action makes; what the action raises for the user is said at the foot."""
        started = False
        with self.jobs.saying():
            task = action()
            started = task is None or self.jobs.start(task, lane)
        return started

    def open(self, path: str | Path, axes: tuple[str, ...] | None = None) -> None:
        """Open a scan, a table of annotations, a saved case or a folder of cases; ask for an array's axes first."""
        path = Path(path)
        if holds_cases(path):
            self.open_gallery(path)
            return
        if os.path.isdir(path):  # False for a name that no file can have
            self._take_in(lambda: self.bench.open_case(path))
        elif path.suffix == annotations.SUFFIX:
            self.attempt(lambda: self.bench.annotate(path))
        elif axes is None and lacks_axes(path):
            self._ask_axes(path)
        else:
            self._take_in(lambda: self.bench.acquisition.open(path, axes))

    def open_gallery(self, folder: Path) -> None:
        """Show the saved cases of a folder in the Gallery dock, which comes to the front."""
        self.bring("Gallery").open_folder(folder)

    def bring(self, name: str) -> Any:
        """Bring a dock to the front, which opens it first where it is not open; returns its page."""
        dock, page = self.panels.viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
        dock.show()
        dock.raise_()
        self.asked_dock = dock
        self.brought.emit()
        return page

    def open_sample(self) -> None:
        """Open the packaged sample."""
        self._take_in(self.bench.acquisition.open_sample)

    def _take_in(self, action: Callable[[], Task[Any]]) -> None:
        """Open something that brings layers, after napari is warm."""
        self._prepare()
        self.attempt(lambda: after_warm_up(action()))

    def _prepare(self) -> None:
        """Do what a scan needs and a dock does not: beside an import in another thread, docks would open late."""
        self.preferring.begin()
        self._glyphs.begin()
        if not is_warm():
            self.jobs.latest(Task("Warming up", warm_up(compiler()), lambda _: None), "warm")

    def _ask_axes(self, path: Path) -> None:
        with self.jobs.saying():
            guess = guessed_axes(path)
            if guess is None:
                self._take_in(lambda: self.bench.acquisition.open(path))  # which says what is expected
            else:
                self.jobs.failures.recover_lane("foreground")  # of the file before
                self.jobs.failures.recover_without_job()
                self.bring("Reconstruct").opening.axes.ask(path, *guess)

    # ---------------------------------------------------------------- measuring and reconstructing

    def measure(self, sampling: Any = ...) -> None:
        """Measure the slice that is shown, with a sampling."""
        self.following.measure(sampling)

    def choose_method(self, id: str) -> None:
        """Take a method at its default knobs."""
        self.bench.reconstruction.choose(id)

    def open_model(self, source: str) -> None:
        """Open an own model and take it as the method."""
        self._opening_model = self.bench.reconstruction.open(source)
        self.attempt(lambda: self._opening_model)

    def open_frame(self, frame: Frame) -> None:
        """Show an image of a film strip with all that belongs to it."""
        if frame.knobs is not None:
            self.knob_turning.pick(dict(frame.knobs))
        elif frame.look is not None:
            self.attempt(frame.look, "measure")
            self.scene.reconstruction()
        elif frame.slice is not None and frame.slice != self.bench.acquisition.index:
            self.panels.navigation.go_to(frame.slice)
        elif frame.slice is not None:
            self.scene.draw_again()
        else:
            self.cine.show(frame)

    # ---------------------------------------------------------------- looking

    def look(self, **changes: Any) -> None:
        """Look at the result in another way: factor, random, truth, flicker."""
        for name, value in changes.items():
            setattr(self.scene.view, name, value)
        if {*changes} == {"flicker"}:
            self.scene.comparing.flip()
            return
        self.scene.reconstruction()
        self.looked.emit()

    def line_up(self) -> None:
        """Show several methods side by side, or the other panels again; where none are chosen, bring their list."""
        if self.scene.arrangement.lineup is None and not self.bench.lining_up.possible:
            self.bring("Compare")
            self.asked_methods.emit()
        self.looking.toggle_lineup()

    def step_layout(self, by: int) -> None:
        """Go to the next or the previous layout of the panels."""
        if self.panels.panels:
            self.scene.step_layout(by)
            self.looked.emit()

    def _on_looked(self) -> None:
        self.jobs.failures.recover_without_job()
        self.looked.emit()

    def _on_finished(self) -> None:
        self.scene.arrangement.lay_out()
        self.smaller_budgets.prepare()
        result = self.bench.perturbing.current
        changed_truth = result is not None and result.outcome.perturbed.judged_by == "perturbed"
        self.look(factor=1.0, random=False, truth=changed_truth)
        if result is not None:
            self.following.compute()

    # ---------------------------------------------------------------- the docks

    def join(self, dock: QWidget, name: str) -> None:
        """Take in an opened dock. The first one opens the others behind it, and the picture comes back."""
        self.docks.append(dock)
        self.event_loop_steps.later(self.surroundings.narrow_tabs)
        if len(self.docks) == 1:
            self.panels.viewer.window._qt_window.destroyed.connect(self.close)
            self._waiting = []
            self._collecting.begin()
            self.surroundings.take()
            self._dropping.take()
            self.keeping.start()
            self.event_loop_steps.later(lambda: self._open_docks((*DOCKS, name)))
            if self.bench.acquisition.is_open:
                self.following.set_up()
                self.scene.redraw()
                self.marking.show()
                self.rulers.show()
                self.following.make_up()

    def _open_docks(self, names: Sequence[str]) -> None:
        """Open docks, each in its own turn of the event loop, after the one before is painted; the last is in front.

        Then follows, each in a turn of its own too, what waited for all of them.
        """
        if not self.docks:
            return
        window = self.panels.viewer.window
        if len(names) > len(DOCKS):
            self.readout.take(self.docks[0].window())
        if names:
            dock, _ = window.add_plugin_dock_widget(PLUGIN, names[0], tabify=True)
            if len(names) == 1:
                dock.show()
                dock.raise_()
            self.event_loop_steps.later(lambda: self._open_docks(names[1:]))
        elif self._waiting:
            self._waiting.pop(0)()
            self.event_loop_steps.later(lambda: self._open_docks(()))
        else:
            self._waiting = None
            self.event_loop_steps.later(self._prepare)
            self.complete.emit()

    def once_open(self, action: Callable[[], object]) -> None:
        """Do something now, or while docks are opening when all are open: before, not all follow it."""
        if self._waiting is None:
            action()
        else:
            self._waiting.append(action)

    def leave(self, dock: QWidget) -> None:
        """Let a closed dock go. After the last one, jobs stop and the viewer is as it was before; results are kept."""
        if dock not in self.docks:
            return
        self.docks.remove(dock)
        self.event_loop_steps.later(self.surroundings.narrow_tabs)
        if not self.docks:
            self.asked_dock = self._waiting = None
            self.bench.unfinished.cut_off()
            self._collecting.end()
            self.queueing.cancel()
            self.jobs.cancel_all()
            self.panels.close()
            self.surroundings.give_back()
            self._dropping.give_back()
            self.readout.give_back()
            self.left.emit()

    def close(self) -> None:
        """End with the viewer: jobs stop, and nothing is kept."""
        if _sessions.pop(id(self.panels.viewer), None) is None:
            return
        _leaving.add(self)
        self.keeping.close()
        self.docks.clear()
        self._waiting = None
        self.panels.let_go()
        self.surroundings.let_go()
        self.jobs.idle.connect(self._delete)
        self.jobs.shut()
        self._delete()
        gc.unfreeze()

    def _delete(self) -> None:
        """Delete this after the last job; Python does not collect Qt's objects that hold each other."""
        if not self.jobs.working:
            self._collecting.end()
            _leaving.discard(self)
            self.deleteLater()
