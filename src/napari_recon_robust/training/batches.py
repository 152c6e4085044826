"""Examples of one size as one example with a batch axis in front, for GPUs, which one example leaves idle.

What networks start at (TV images) is computed with each example, on processor cores, and joined like the rest.
"""

from collections.abc import Callable, Sequence

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional

from ..data.points import without_gaps
from ..physics.model import ForwardModel
from ..reconstructors.problem import Problem
from .case import Cases, TrainingCase
from .example import Example, MaskSpecification, draw_example

_POINTS = "poisson-disc"


def draw_batch(
    cases: Cases,
    masks: MaskSpecification,
    pixels: int,
    size: int,
    rng: Generator,
    prepare: Callable[[Example], None] = lambda example: None,
) -> Example:
    """`size` examples of random cases as one, or a single one without a batch axis; see `example.draw_example`.

    The cases have as many columns as the first, which is drawn of all; so each of all is drawn as often as before.
    prepare: what is done with each one before they are joined.
    """

    def draw(case: TrainingCase, masks: MaskSpecification, pixels: int) -> Example:
        example = draw_example(case, masks, pixels, rng)
        prepare(example)
        return example

    first = cases[int(rng.integers(len(cases)))]
    if size == 1:
        return draw(first, masks, pixels)
    columns = first.truth.shape[1]
    alike = cases.of_width(columns)
    drawn = [first, *(cases[int(rng.choice(alike))] if alike else first for _ in range(size - 1))]
    # One may have been replaced since by a case of another width.
    drawn = [case if case.truth.shape[1] == columns else first for case in drawn]
    rows = min(max(round(pixels / columns), 1), *(case.truth.shape[0] for case in drawn))
    kind = _one_kind(masks, drawn, rng)
    return joined([draw(case, kind, rows * columns) for case in drawn])


def _one_kind(masks: MaskSpecification, cases: Sequence[TrainingCase], rng: Generator) -> MaskSpecification:
    """The masks without points, or points alone, as they are drawn: they have other dimensions than lines."""
    if _POINTS not in masks.patterns:
        return masks
    lines = tuple(pattern for pattern in masks.patterns if pattern != _POINTS)
    whole = all(without_gaps(case.acquired[None]) for case in cases)
    points = whole and rng.uniform() < 1 / len(masks.patterns)
    return masks.model_copy(update={"patterns": (_POINTS,) if points or not lines else lines})


def joined(examples: Sequence[Example]) -> Example:
    """Examples of as many rows and columns as one; those with fewer coils get coils that received nothing.

    The loss of the result is the mean of theirs.
    """
    result = Example(
        _joined([example.problem for example in examples]),
        torch.stack([example.truth for example in examples]),
        torch.stack([example.magnitude for example in examples]),
    )
    if all("inside" in example.__dict__ for example in examples):
        result.__dict__["inside"] = torch.stack([example.inside for example in examples])
    return result


def moved(example: Example, device: torch.device) -> Example:
    """An example on another device, with what was computed for it."""
    arrived = Example(_moved(example.problem, device), example.truth.to(device), example.magnitude.to(device))
    if "inside" in example.__dict__:
        arrived.__dict__["inside"] = example.inside.to(device)
    return arrived


def compute_like(example: Example, used: Example) -> None:
    """Compute beforehand what a network and a loss have computed of another example.

    That is its foreground, its TV image, and the problem without its local phase with the TV image of that.
    """
    if "inside" in used.__dict__:
        _ = example.inside
    _compute_like(example.problem, used.problem)


def _compute_like(problem: Problem, used: Problem) -> None:
    if used.starts:
        problem.tv_by_rule(problem.noise)
    if "aligned" in used.__dict__:
        _compute_like(problem.aligned[0], used.aligned[0])


def _joined(problems: Sequence[Problem]) -> Problem:
    coils = max(len(problem.data) for problem in problems)

    def filled(x: Tensor) -> Tensor:
        return functional.pad(x, (0, 0, 0, 0, 0, coils - len(x)))

    models = [problem.model for problem in problems]
    model = ForwardModel(
        torch.stack([filled(model.sensitivities) for model in models]),
        torch.stack([model.mask[None] for model in models]),
        models[0].dims,
    )
    result = Problem(
        model,
        torch.stack([filled(problem.data) for problem in problems]),
        torch.stack([problem.noise for problem in problems]),
    )
    if all(problem.starts for problem in problems):
        weights = [next(iter(problem.starts)) for problem in problems]
        images = [problem.starts[key] for problem, key in zip(problems, weights, strict=True)]
        result.starts[tuple(weight for (weight,) in weights)] = torch.stack(images)
    if all("aligned" in problem.__dict__ for problem in problems):
        aligned, phases = zip(*(problem.aligned for problem in problems), strict=True)
        result.__dict__["aligned"] = _joined(aligned), torch.stack(phases)
    return result


def _moved(problem: Problem, device: torch.device) -> Problem:
    model = problem.model
    result = Problem(
        ForwardModel(model.sensitivities.to(device), model.mask.to(device), model.dims),
        problem.data.to(device),
        problem.noise.to(device),
    )
    result.starts.update({weights: image.to(device) for weights, image in problem.starts.items()})
    if "aligned" in problem.__dict__:
        aligned, phase = problem.aligned
        result.__dict__["aligned"] = _moved(aligned, device), phase.to(device)
    return result
