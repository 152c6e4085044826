"""The picture follows the workbench: what is opened, measured or chosen is computed and drawn."""

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

from ..canvas.geometry import Geometry
from ..canvas.layers import Panels
from ..canvas.scene import Scene
from ..workbench import Workbench
from ..workbench.reconstruction import Rendered
from ..workbench.task import Task
from .drawn import DrawnRegions
from .jobs import Jobs
from .warm import compile_kernels

if TYPE_CHECKING:
    from ..workbench.acquisition import Slice
    from ..workbench.history import Attack

_REST = 120  # ms after which a knob or a slice is at rest
_SOON = 0.15  # s after which a slice or a method that was asked for is said to be under way
_PATIENCE = 1.5  # s after which the same is said of an image at other knobs
_BEHIND = 2.0  # s after which it is said of the range of the knobs; less urgent than any image


class Following(QObject):
    """Measures, reconstructs and prepares what the workbench is at, and draws it into the panels."""

    def __init__(self, bench: Workbench, jobs: Jobs, panels: Panels, scene: Scene, parent: QObject) -> None:
        super().__init__(parent)
        self.bench, self.jobs, self.panels, self.scene = bench, jobs, panels, scene
        self.regions = DrawnRegions(bench, jobs, panels)
        self._given_up = False  # whether the reading of the slice that is shown was cancelled, or failed
        self._loaded = False  # whether all that an image needs was imported
        self._rest = self._timer(self._at_rest)
        self._slice_rest = self._timer(self._slice_at_rest)
        self._waiting = self._timer(self._wait)
        bench.acquisition.opened.connect(self._on_opened)
        bench.acquisition.closing.connect(self.panels.retire)  # or else what is forgotten is drawn in them first
        bench.acquisition.closed.connect(self._on_closed)
        bench.acquisition.previewed.connect(scene.first_look)
        bench.acquisition.measured.connect(self._on_measured)
        bench.reconstruction.method_changed.connect(self.compute)
        bench.reconstruction.rendered.connect(self._on_rendered)
        bench.reconstruction.knobs_changed.connect(self._on_turned)
        bench.fragility.changed.connect(scene.fragility)
        bench.perturbing.previewed.connect(scene.preview)
        bench.lining_up.changed.connect(scene.line_up)
        panels.navigation.slice_changed.connect(self._on_slice)
        jobs.idle.connect(self._on_idle)
        self._stopped = self._timer(self._on_stopped, 0)
        jobs.ended.connect(self._on_ended)

    def measure(self, sampling: Any = ...) -> None:
        """Measure the slice that is shown, with a sampling."""
        if self.bench.acquisition.scan is None:
            return
        self._drop_images()
        with self.jobs.saying():
            self._read(self.bench.acquisition.measure(self.panels.navigation.slice, sampling))

    def show_attack(self, entry: "Attack") -> None:
        """Show a finished perturbation again; InputError when its images are gone."""
        self.panels.navigation.go_to(entry.images.slice)
        self.restore(lambda: self.bench.history.show(entry))

    def restore(self, step: "Callable[[], Task[Slice] | None]") -> None:
        """Set something as it was before, and measure what has to be measured for it; raises what `step` does."""
        task = step()
        if task is None:
            self.render_at_rest()
        else:
            self._drop_images()
            self._read(task)

    def _drop_images(self) -> None:
        """Stop computing images of what is measured anew."""
        for lane in ("render", "prepare"):
            self.jobs.cancel(lane, said=False)

    def _read(self, task: "Task[Slice]") -> None:
        self._given_up = False
        if self.bench.acquisition.slice is None:
            self.scene.reading(self.bench.acquisition.index)
        self.jobs.replace(task, "measure", _SOON)

    def make_up(self) -> None:
        """Compute what was stopped when the docks were closed."""
        if self.bench.acquisition.slice is None:
            self.measure()
        elif self.bench.reconstruction.shown is None:
            self.compute()

    def compute(self) -> None:
        """Compute the exact image first, then the range of the knobs; read the slice before, if that was given up."""
        if self._given_up:
            self.measure()
        if self.bench.acquisition.slice is None or self.bench.reconstruction.method is None:
            return
        self._waiting.start()
        self.jobs.replace(self.bench.reconstruction.render(), "render", _SOON)
        self.prepare()

    def render(self) -> None:
        """Compute the exact image at the present knobs as soon as possible."""
        if self.bench.acquisition.slice is not None and self.bench.reconstruction.method is not None:
            self.jobs.latest(self.bench.reconstruction.render(), "render", _PATIENCE)

    def prepare(self) -> None:
        """Compute the range of the live knobs."""
        if self.bench.acquisition.slice is None or self.bench.reconstruction.method is None:
            return
        task = self.bench.reconstruction.prepare()
        if task is not None:
            self.jobs.replace(task, "prepare", _BEHIND)

    def render_at_rest(self) -> None:
        """Compute the exact image when the knobs rest."""
        self._rest.start()

    def set_up(self) -> None:
        """Make the panels for what is open."""
        acquisition = self.bench.acquisition
        voxel = acquisition.voxel
        geometry = Geometry(
            shape=acquisition.shape,
            voxel=None if voxel is None else (voxel[2], voxel[0], voxel[1]),
            upright=acquisition.upright,
            directions=acquisition.directions,
        )
        self.panels.open(geometry, acquisition.index)
        self.scene.arrangement.lay_out()
        self.regions.show()

    def _on_opened(self) -> None:
        self.scene.restart()
        self.set_up()
        self._slice_rest.stop()
        self.measure()
        self.jobs.latest(Task("Compiling", compile_kernels(), lambda _: None), "warm")

    def _on_closed(self) -> None:
        self._given_up = False
        for lane in ("measure", "render", "prepare", "scale"):
            self.jobs.cancel(lane)

    def _on_measured(self) -> None:
        self._given_up = False
        self.scene.measured()
        self.compute()

    def _on_rendered(self, _: Rendered) -> None:
        if not self._loaded:
            self._loaded = True
            gc.freeze()  # or else each change of the layers spends 0.2 s on collecting torch's objects
        self._waiting.stop()
        self.scene.reconstruction()

    def _on_turned(self) -> None:
        """Draw what there is at these knobs where no image was rendered yet; `rendered` tells of it where one was."""
        if self.bench.reconstruction.shown is None:
            self._waiting.start()

    def _wait(self) -> None:
        """Say what is awaited, unless nothing is under way: a slow method waits for its button."""
        self.scene.waiting(given_up=not (self.jobs.busy("render") or self._rest.isActive()))

    def _on_idle(self, lane: str) -> None:
        """Take back what a title promises when the work was cancelled or failed."""
        acquisition = self.bench.acquisition
        if lane == "measure" and acquisition.scan is not None and acquisition.slice is None:
            self._given_up = True
            self.scene.reading(acquisition.index, given_up=True)
        elif lane == "render" and not self.jobs.busy("measure"):
            self._waiting.stop()
            self.scene.waiting(given_up=True)

    def _on_ended(self) -> None:
        self._stopped.start()

    def _on_stopped(self) -> None:
        """Take it back at once when the thread of what was cancelled still has a step to end."""
        for lane in ("measure", "render"):
            if not self.jobs.busy(lane):
                self._on_idle(lane)

    def _at_rest(self) -> None:
        self.render()
        if self.bench.reconstruction.stale:
            self.prepare()

    def _on_slice(self, _: int) -> None:
        self.scene.comparing.turned_to()
        self._slice_rest.start()

    def _slice_at_rest(self) -> None:
        acquisition = self.bench.acquisition
        if acquisition.scan is not None and (self._given_up or self.panels.navigation.slice != acquisition.asked[0]):
            self.measure()

    def _timer(self, action: Callable[[], None], after: int = _REST) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(after)
        timer.timeout.connect(action)
        return timer
