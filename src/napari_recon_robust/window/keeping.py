"""The review is kept by itself while it goes on, and the last one is offered when the window opens."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QObject, QTimer

from ..canvas.arrangement import LAYOUTS
from ..canvas.layers import Panels
from ..canvas.scene import Scene
from ..data.orientation import Turn
from ..ground.errors import ReconRobustError
from ..workbench import Workbench
from ..workbench.looking import PAIRS, Way
from ..workbench.saved_review import Found
from ..workbench.task import RunningSearch, Task
from .jobs import Jobs

_SOON = 1000  # ms between a change and its being kept
_LANE = "keep"


class Keeping(QObject):
    """Writes what the workbench is set to, a second after it has changed.

    take_in: starts a task that brings layers. look: shows the result at a fraction of its budget, by `factor`, or
    random noise or the truth in its place, by `random` and `truth`.
    """

    def __init__(
        self,
        bench: Workbench,
        jobs: Jobs,
        panels: Panels,
        scene: Scene,
        take_in: Callable[[Callable[[], Task[Any]]], object],
        look: Callable[..., object],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.bench, self.jobs, self.panels, self.scene = bench, jobs, panels, scene
        self._take_in, self._look = take_in, look
        self._way: dict[str, float | bool] = {}  # in which the result of the review that is gone on with was looked at
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON)
        self._soon.timeout.connect(self.keep)
        bench.resuming.layout = self._layout
        bench.unfinished.running = self._search
        bench.resuming.resumed.connect(self._lay_out)
        bench.resuming.returned.connect(lambda: self._look(**self._way))
        chosen = bench.now.changed, bench.lining_up.changed, bench.queue.changed, bench.ruling.changed
        for signal in (*chosen, bench.perturbing.finished, bench.rating.saved, panels.turned, scene.drawn):
            signal.connect(self._on_change)
        bench.unfinished.changed.connect(self._on_change)
        jobs.added.connect(self._on_job)
        jobs.idle.connect(self._on_job)

    def start(self) -> None:
        """Look for a review to offer, when the first dock has opened."""
        QTimer.singleShot(0, self.bench.resuming.look)

    def go_on(self, found: Found | None) -> None:
        """Go on with a review that is offered."""
        self._take_in(lambda: self.bench.resuming.resume(found))

    def keep(self) -> None:
        """Keep the review now, in a thread."""
        with suppress(ReconRobustError):  # a file is gone by now; the review does not depend on it
            task = self.bench.resuming.save()
            if task is not None:
                self.jobs.latest(task, _LANE)

    def close(self) -> None:
        """Note that the window is closed by the user."""
        self._soon.stop()
        self.bench.resuming.close()

    def _on_change(self, _: object = None) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _on_job(self, lane: str) -> None:
        if lane == "foreground":  # where searches run; what keeps the review is a job too
            self._on_change()

    def _search(self) -> RunningSearch | None:
        """The search that is under way."""
        task = self.jobs.under_way()
        return None if task is None else task.search

    def _layout(self) -> dict[str, Any]:
        geometry, view = self.panels.geometry, self.scene.view
        seen = {"layout": LAYOUTS[view.layout], "factor": view.factor, "random": view.random, "truth": view.truth}
        seen |= {"panels": view.panels, "pair": view.pair, "wipe": view.wipe, "fade": view.fade}
        if geometry is None:
            return seen
        return {**seen, "turn": geometry.turn.model_dump(), "upright": geometry.upright.model_dump()}

    def _lay_out(self, layout: dict[str, Any]) -> None:
        """Lay the window out as it was, as far as it still knows how."""
        if layout.get("layout") in LAYOUTS:
            self.scene.view.layout = LAYOUTS.index(layout["layout"])
        self._compare(layout)
        factor = layout.get("factor")
        self._way = {name: layout[name] for name in ("random", "truth") if isinstance(layout.get(name), bool)}
        if isinstance(factor, float) and 0 <= factor < 1:
            self._way["factor"] = factor
        with suppress(ReconRobustError, TypeError):
            self.panels.lay(*(Turn(**layout[name]) if name in layout else None for name in ("turn", "upright")))
        self.scene.arrangement.lay_out()

    def _compare(self, layout: dict[str, Any]) -> None:
        """Compare the two images that were compared, in the panels and in the way in which they were."""
        view, panels, pair = self.scene.view, layout.get("panels"), layout.get("pair")
        if isinstance(panels, list) and all(isinstance(key, str) for key in panels):
            view.panels = tuple(panels)
        view.pair = next((one for one in PAIRS if [*one] == pair), view.pair)
        if "wipe" in layout:
            view.mix(None)
        ways: tuple[Way, ...] = ("wipe", "fade")
        for way in ways:
            share = layout.get(way)
            if isinstance(share, float) and 0 <= share <= 1:
                view.mix(way)
                setattr(view, way, share)
