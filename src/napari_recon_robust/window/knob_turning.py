"""Knobs of the chosen method are turned, and the picture follows as fast as the method allows."""

from typing import Any

from ..workbench import Workbench
from .following import Following
from .jobs import Jobs

_SLOW = 1.5  # s for one image, beyond which a method waits for its Preview button


class KnobTurning:
    """Turns knobs by hand, or to those of an image that is chosen among several."""

    def __init__(self, bench: Workbench, jobs: Jobs, following: Following) -> None:
        self.bench, self.jobs, self.following = bench, jobs, following

    @property
    def slow(self) -> bool:
        """Whether the method is too slow to follow its knobs, as far as is known."""
        method = self.bench.reconstruction.method
        return method is not None and self.bench.reconstruction.seconds.get(method.id, 0.0) > _SLOW

    def turn(self, values: dict[str, Any]) -> None:
        """Turn knobs: the picture follows at once where it can, and is exact when they rest."""
        with self.jobs.saying():
            followed = self.bench.reconstruction.turn(**values)
            self.jobs.failures.recover_without_job()
            if followed or not self.slow:
                self.following.render_at_rest()

    def diverse(self, count: int) -> None:
        """Choose the images over the knobs' range that differ most, on the chosen regions."""
        if self.bench.reconstruction.stale and self.bench.acquisition.slice is not None:
            self.following.prepare()
        with self.jobs.saying():
            self.jobs.start(self.bench.choosing.diverse(count))

    def pick(self, knobs: dict[str, Any]) -> None:
        """Take the knobs of an image that was chosen, and compute it without waiting for the Preview button."""
        self.turn(knobs)
        if self.slow:
            self.following.render()
