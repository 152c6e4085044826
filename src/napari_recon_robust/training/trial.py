"""A small case on which a recipe's loss is tried before cases are made and hours are spent."""

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import said_by
from ..physics.model import root_sum_of_squares
from .batches import joined
from .case import TrainingCase
from .example import Example, draw_example
from .losses import LOSSES, make_loss
from .recipe import Preset, Recipe, make_network

_SIDE = 64  # pixels of the small case


def check_loss(recipe: Recipe, weights: tuple[str, ...] = (), preset: Preset | None = None) -> Example:
    """Compute a recipe's loss once, on a small case, before cases are made and hours are spent.

    Returns the example of the case, with what the loss computed of it, such as its TV image.
    Raises InputError for a loss that there is not or that cannot be used with the network, or not with the batches of a
    preset, and for weights to start from that do not fit.
    """
    if recipe.loss not in LOSSES:
        raise InputError(f"there is no loss {recipe.loss!r}; choose one of {', '.join(LOSSES)}.")
    network = make_network(recipe, weights)
    rng = np.random.default_rng(recipe.seed)
    masks = recipe.masks.model_copy(update={"patterns": recipe.masks.patterns[:1]})  # of one kind, for a batch
    # As many rows as a crop of the largest slices has, and no more than the case has.
    pixels = min(round(recipe.pixels * _SIDE / max(recipe.bank.matrix)), _SIDE**2)
    loss, example = make_loss(recipe.loss, recipe.seed), draw_example(_trial(rng), masks, pixels, rng)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            loss(network.eval(), example, rng)
        except ReconRobustError:
            raise
        except Exception as error:
            raise InputError(
                f"the loss {recipe.loss!r} of {recipe.id} cannot be used with the network {recipe.network!r} "
                f"({said_by(error)}); choose another loss or network."
            ) from error
        if preset is not None and preset.batch > 1:
            other = draw_example(_trial(rng, coils=2), masks, pixels, rng)
            _check_batch(recipe, partial(loss, network), [example, other])
    return example


def _check_batch(
    recipe: Recipe, loss: Callable[[Example, np.random.Generator], Tensor], examples: list[Example]
) -> None:
    """Raise InputError unless the loss of examples together is the mean of their losses."""
    together, apart = math.nan, math.nan
    with suppress(Exception):
        apart = sum(float(loss(example, np.random.default_rng(0))) for example in examples) / len(examples)
        together = float(loss(joined(examples), np.random.default_rng(0)))
    if not math.isclose(together, apart, rel_tol=1e-3):
        raise InputError(
            f"the loss {recipe.loss!r} of {recipe.id} with the network {recipe.network!r} cannot be used on batches; "
            "set the preset's batch to 1, and accumulate to what it was."
        )


def _trial(rng: np.random.Generator, coils: int = 4) -> TrainingCase:
    """A case of 64 x 64 pixels that shows a random image."""
    size = coils, _SIDE, _SIDE
    maps = torch.from_numpy(rng.standard_normal(size) + 1j * rng.standard_normal(size)).to(torch.complex64)
    maps = maps / root_sum_of_squares(maps)
    truth = torch.from_numpy(rng.uniform(0.5, 1, size[1:])).to(torch.complex64)
    return TrainingCase(maps * truth, maps, truth, truth.abs(), 0.01, 12, torch.ones(_SIDE, dtype=torch.bool))
