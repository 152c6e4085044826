"""The examples of a run by their numbers, drawn by the training itself or, ahead of it, by other processes."""

import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from ..ground.errors import ReconRobustError
from .bank import Bank
from .batches import compute_like, draw_batch
from .example import Example
from .recipe import Recipe

_EXAMPLES = 2**21  # in the seeds
_AHEAD = 2  # examples that each process has ready


@dataclass(frozen=True, eq=False)
class Draws(Dataset[Example]):
    """The example of each number, which depends on nothing but the recipe, the number and the bank.

    batch: how many cases are one example. used: an example of which the loss has computed what it needs; the same is
    computed of each one (`batches.compute_like`), or by the loss itself if this is None.
    """

    bank: Bank
    recipe: Recipe
    batch: int = 1
    used: Example | None = None

    def __getitem__(self, number: int) -> Example:
        rng = np.random.default_rng((self.recipe.seed, _EXAMPLES, number))

        def prepare(example: Example) -> None:
            if self.used is not None:
                compute_like(example, self.used)

        return draw_batch(self.bank, self.recipe.masks, self.recipe.pixels, self.batch, rng, prepare)


class Drawing:
    """Examples by their numbers. While the numbers follow each other, `processes` draw ahead; 0 draws here, when asked.

    What goes wrong with a case is raised here in either way.
    """

    def __init__(self, draws: Draws, processes: int = 0) -> None:
        self.draws, self.processes = draws, processes
        self._next = 0
        self._ahead: Iterator[Example | ReconRobustError] | None = None

    def __getitem__(self, number: int) -> Example:
        if not self.processes:
            return self.draws[number]
        if self._ahead is None or number != self._next:
            self._ahead = self._from(number)
        self._next = number + 1
        example = next(self._ahead)
        if isinstance(example, ReconRobustError):
            raise example
        return example

    def close(self) -> None:
        """End the processes."""
        self._ahead = None

    def _from(self, number: int) -> Iterator[Example | ReconRobustError]:
        # Processes that are forked would share the threads of numba and CUDA.
        loader = DataLoader(
            _Telling(self.draws),
            batch_size=None,
            sampler=_Numbers(number),
            num_workers=self.processes,
            collate_fn=_as_it_is,
            prefetch_factor=_AHEAD,
            worker_init_fn=_heed_no_interrupt,
            multiprocessing_context="spawn",
        )
        return iter(loader)


@dataclass(frozen=True)
class _Telling(Dataset[Example | ReconRobustError]):
    """What goes wrong comes as it is: a DataLoader would wrap it in a traceback."""

    draws: Draws

    def __getitem__(self, number: int) -> Example | ReconRobustError:
        try:
            return self.draws[number]
        except ReconRobustError as error:
            return error


@dataclass(frozen=True)
class _Numbers(Iterable[int]):
    first: int

    def __iter__(self) -> Iterator[int]:
        return count(self.first)


def _heed_no_interrupt(_: int) -> None:
    """A terminal sends Ctrl-C to these processes as well, and the training still takes the step that it is in."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _as_it_is(example: Any) -> Any:
    return example
