"""The images of a result at smaller budgets: prepared behind it, and looked at."""

from collections.abc import Callable

from ..canvas.scene import Scene
from ..workbench import Workbench
from .jobs import Jobs

_LANE = "scale"


class SmallerBudgets:
    """Prepares what the slider of the budget shows. look: looks at the result in another way."""

    def __init__(self, bench: Workbench, jobs: Jobs, scene: Scene, look: Callable[..., None]) -> None:
        self.bench, self.jobs, self.scene, self._look = bench, jobs, scene, look
        bench.perturbing.prepared.connect(self._on_prepared)

    def prepare(self) -> None:
        """Prepare the images of the present result, and no longer those of another one."""
        self.jobs.cancel(_LANE)
        task = self.bench.perturbing.prepare()
        if task is not None:
            self.jobs.latest(task, _LANE)

    def look_at(self, factor: float) -> None:
        """Look at the result at a fraction of its budget; the whole one is looked at first."""
        if factor < 1:
            self._look(factor=factor)

    def _on_prepared(self) -> None:
        """Draw anew what was interpolated between fewer images, unless those of another setting are shown by now."""
        if self.bench.perturbing.on_screen is not None:
            self.look_at(self.scene.view.factor)
