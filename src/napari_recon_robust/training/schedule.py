"""How far a call to train has come, and the learning rate that follows: warm-up, constant, decay to zero at its end.

The constant part has no end of its own: what was trained so far is kept undecayed, to go on from, and the decay is a
branch whose end is the weights to use. Hägele et al. 2024, https://arxiv.org/abs/2405.18392, find it as good as a
cosine of the right length, with a decay over a fifth of the steps.
"""

import time
from dataclasses import dataclass
from typing import Any

DECAY = 0.2  # share of the steps or minutes


@dataclass(frozen=True)
class Steps:
    """All steps of a run together, those of earlier calls included."""

    steps: int

    def spent(self, step: int) -> float:
        """The share of it before this step."""
        return step / self.steps

    def state(self, step: int) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"steps": self.steps}


class Minutes:
    """The wall time of one call, from when it is made on.

    before: the share that an interrupted call has spent.
    """

    def __init__(self, minutes: float, before: float = 0.0) -> None:
        self.minutes, self.before, self.began = minutes, before, time.monotonic()

    def spent(self, step: int) -> float:
        """The share of it up to now."""
        return self.before + (time.monotonic() - self.began) / (60 * self.minutes)

    def state(self, step: int) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"minutes": self.minutes, "spent": self.spent(step)}


Budget = Steps | Minutes


def rate(step: int, warm_up: int, spent: float) -> float:
    """Of the learning rate in a step: a linear warm-up, 1, and over the last `DECAY` of the budget linear to 0."""
    return min(1.0, (step + 1) / (warm_up + 1)) * min(1.0, max(0.0, (1 - spent) / DECAY))


def decays(spent: float) -> bool:
    """Whether the decay has begun."""
    return spent > 1 - DECAY + 1e-9
