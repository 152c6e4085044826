"""Goals of a benchmark beside what was measured, in one table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A measured value and its limit, an upper one unless `least`. cpu: the same by the processor's time, where known.

    Other work on a machine adds to the wall time and not to the processor's.
    """

    name: str
    limit: float
    wall: float
    cpu: float | None = None
    unit: str = "ms"
    least: bool = False

    def met(self, value: float) -> bool:
        """Return whether a value is within the limit."""
        return value >= self.limit if self.least else value <= self.limit

    @property
    def verdict(self) -> str:
        """Say whether it is met, or would be on a machine that does nothing else."""
        if self.met(self.wall):
            return "met"
        return "missed" if self.cpu is None or not self.met(self.cpu) else "met by CPU time"


def report(goals: list[Goal]) -> None:
    """Print all of them."""
    print(f"\n{'goal':<58} {'limit':>10} {'measured':>10} {'CPU':>8}  verdict")
    for one in goals:
        limit = f"{'≥' if one.least else '≤'} {one.limit:g} {one.unit}"
        cpu = "" if one.cpu is None else f"{one.cpu:.1f}"
        print(f"{one.name:<58} {limit:>10} {one.wall:>10.1f} {cpu:>8}  {one.verdict}")
