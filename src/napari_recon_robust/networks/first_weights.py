"""The first weights of networks, which torch draws from one generator for all threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import torch

_generator = RLock()


@contextmanager
def first_weights(seed: int | None = None) -> Iterator[None]:
    """Draw the first weights of a network within; other threads that do so wait, and nobody's own draws are used up.

    seed: what they depend on alone; None where they are replaced anyway.
    """
    with _generator, torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        yield
