"""How far a call to train has come, and its learning rate: a warm-up, then constant, then a decay to zero at the end.

The constant part has no end of its own: the undecayed weights are kept for further training, and the decay is a branch
that ends with the weights to use. Hägele et al. 2024, https://arxiv.org/abs/2405.18392, report for language models that
this reaches a cosine of the right length, with a decay over a fifth of the steps; that was not tested here. A short
call that goes on from trained weights gains most while the rate decays, so a preset may let the decay take longer.
"""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Steps:
    """A budget of all steps of a run together, including those of earlier calls."""

    steps: int

    def spent(self, step: int) -> float:
        """The share of the budget that was spent before this step."""
        return step / self.steps

    def outside(self) -> AbstractContextManager[None]:
        """What takes a while, which steps do not count."""
        return nullcontext()

    def state(self, step: int) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"steps": self.steps}


class Minutes:
    """A budget of wall time for one call, which begins when it is first asked for; validations are not of it.

    before: the share that an interrupted call has spent.
    """

    def __init__(self, minutes: float, before: float = 0.0) -> None:
        self.minutes, self.before, self._began = minutes, before, math.inf

    def spent(self, step: int) -> float:
        """The share of the budget that is spent up to now."""
        now = time.monotonic()
        self._began = min(self._began, now)
        return self.before + (now - self._began) / (60 * self.minutes)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """What takes a while and is not of the budget: else a long validation could take the place of the decay."""
        began = time.monotonic()
        try:
            yield
        finally:  # also where it is cancelled
            self._began += time.monotonic() - began

    def state(self, step: int) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"minutes": self.minutes, "spent": self.spent(step)}


Budget = Steps | Minutes


def rate(step: int, warm_up: int, spent: float, decay: float) -> float:
    """The factor of the learning rate in a step: a linear warm-up, 1, and a linear decay over a share at the end."""
    return min(1.0, (step + 1) / (warm_up + 1)) * min(1.0, max(0.0, (1 - spent) / decay))


def decays(spent: float, decay: float) -> bool:
    """Whether the decay has begun."""
    return spent > 1 - decay + 1e-9
