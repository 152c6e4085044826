"""How good a network is on the validation cases of a bank, which are of other people than those it learns from."""

import inspect
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..data.points import without_gaps
from ..evaluation.metrics import nmse
from ..ground.progress import Job, Progress
from .bank import Bank
from .batches import moved
from .example import Example, draw_example
from .recipe import Recipe

VALIDATION_SEED = 2**20


class Validation:
    """The scores of networks on the validation cases, with the same draws each time."""

    def __init__(self, bank: Bank, recipe: Recipe) -> None:
        self._bank, self._recipe = bank, recipe
        self._tv_errors: dict[int, float] = {}

    def scores(self, network: nn.Module, loss: Any, device: torch.device) -> Job[tuple[float, float | None]]:
        """The mean loss, in float32, and the error over that of TV; each case is a step.

        The latter is the geometric mean of NMSE / NMSE of TV by its rule, of magnitudes within the foreground; None for
        networks that need more than a problem, for undersampled scans alone, and where an image is without error.
        """
        alone, cases = needs_problem_alone(network), self._bank.validation
        losses, ratios = [], []
        for number, case in enumerate(cases):
            yield Progress(number / len(cases), f"validating case {number + 1} of {len(cases)}")
            with torch.no_grad():
                rng = np.random.default_rng((self._recipe.seed, VALIDATION_SEED, number))
                drawn = draw_example(case, self._recipe.masks, self._recipe.pixels, rng)
                judged = alone and without_gaps(case.acquired[None])  # the truth of the others is the zero-filled image
                of_tv = self._tv_error(number, drawn) if judged else 1.0  # on the processor, whose kernels are fast
                example = moved(drawn, device)
                losses.append(float(loss(network, example, rng)))
                if judged:
                    ratios.append(foreground_error(network(example.problem), example) / of_tv)
        over_tv = math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios and min(ratios) > 0 else None
        return sum(losses) / len(losses), over_tv

    def _tv_error(self, number: int, example: Example) -> float:
        """The error of TV on a validation example, computed once."""
        if number not in self._tv_errors:
            problem = example.problem
            self._tv_errors[number] = foreground_error(problem.tv_by_rule(problem.noise), example)
        return self._tv_errors[number]


def foreground_error(image: Tensor, example: Example) -> float:
    """NMSE of the magnitude within the foreground; real images are compared with the root sum of squares."""
    reference = example.truth if image.is_complex() else example.magnitude
    return float(nmse(image, reference, example.inside))


def needs_problem_alone(network: nn.Module) -> bool:
    """Whether the network needs nothing but a problem: `network(problem)` is an image."""
    parameters = list(inspect.signature(network.forward).parameters.values())
    return all(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for one in parameters) and all(
        one.default is not inspect.Parameter.empty for one in parameters[1:]
    )
