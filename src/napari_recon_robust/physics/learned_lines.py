"""LOUPE: lines by learned probabilities. Bahadir, Wang, Dalca, Sabuncu 2020, doi:10.1109/TCI.2020.3006727.

A logit O for each frequency gives the probability sigmoid(5 O) of the line there, rescaled so that as many lines as are
asked for are sampled; the calibration lines always are. What differs from the paper: the lines of one mask are not
drawn independently but at equal steps of the cumulative probability (Madow 1949, doi:10.1214/aoms/1177729988). Each
line keeps its probability, their number is exact, and equal probabilities give equispaced lines, which several coils
resolve best, where independent draws leave gaps and clumps.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..ground.errors import InputError
from ..weights import store

SLOPE, STEEPNESS = 5.0, 12.0  # of the probability in O, and of the relaxed mask


def learned_lines(width: int, centre: int, acceleration: float, offset: float) -> Tensor:
    """A mask by the packaged probabilities: bool (width,), round(width / R) lines, `centre` of them in the middle.

    offset: 0 to 1, which of the masks. InputError for an acceleration that was not learned, or a centre too large.
    """
    trained = store.load("loupe")
    assert trained.metadata is not None, "packaged weights are described"
    logits = logits_at(trained.state["logits"], trained.metadata.architecture["accelerations"], acceleration, width)
    count = number_of_lines(width, centre, acceleration)
    return draw(probabilities(logits, centre, count), centre, offset)


def logits_at(logits: Tensor, accelerations: Sequence[float], acceleration: float, width: int) -> Tensor:
    """O of each line of a matrix of that width, float64 (width,).

    logits: (accelerations, frequencies), on an even grid of frequencies from -1/2 to 1/2 of the width; linear between
    them, and between the accelerations, which rise, in log R. InputError for an acceleration outside of theirs.
    """
    first, last = accelerations[0], accelerations[-1]
    if not first <= acceleration <= last:
        raise InputError(
            f"the learned pattern (loupe) is for accelerations from {first:g} to {last:g}, and {acceleration:g} is "
            "asked for; choose one of these, or another pattern."
        )
    learned = torch.tensor([math.log(one) for one in accelerations], dtype=torch.float64)
    of_acceleration = _linear(learned, torch.tensor([math.log(acceleration)], dtype=torch.float64))
    frequency = (torch.arange(width, dtype=torch.float64) - width // 2) / width
    of_line = _linear(torch.linspace(-0.5, 0.5, logits.shape[1], dtype=torch.float64), frequency)
    return (of_acceleration.to(logits.device) @ logits.double() @ of_line.to(logits.device).mT)[0]


def probabilities(logits: Tensor, centre: int, count: int) -> Tensor:
    """P of each line, float64 (width,): 1 on the central lines, and in sum `count`.

    logits: O, (width,). Rescaled as in the paper, with a the mean that is asked for and p that of sigmoid(5 O):
    P a / p where that is at most 1 everywhere for sure (a <= p), else 1 - (1 - P) (1 - a) / (1 - p).
    """
    width = len(logits)
    inside = central(width, centre).to(logits.device)
    raw = torch.sigmoid(SLOPE * logits)[~inside]
    result = torch.ones_like(logits)
    if centre < width:
        wanted = (count - centre) / (width - centre)
        mean = raw.mean()
        scaled = raw * (wanted / mean) if wanted <= mean else 1 - (1 - raw) * ((1 - wanted) / (1 - mean))
        result = result.masked_scatter(~inside, scaled)
    return result


def number_of_lines(width: int, centre: int, acceleration: float) -> int:
    """round(width / R), all lines counted; InputError where the central ones alone are more."""
    count = round(width / acceleration)
    if centre > count:
        raise InputError(
            f"the {centre} centre lines of {width} alone give an acceleration of {width / centre:.3g}, "
            f"and {acceleration:.3g} is asked for; choose a smaller acceleration or centre fraction."
        )
    return count


def draw(probability: Tensor, centre: int, offset: float) -> Tensor:
    """A mask, bool (width,), with as many lines as the probabilities have in sum.

    offset: 0 to 1, uniform: then each line is sampled with its probability. Line i is, where a step of 1 begins
    between its cumulative probability and that of the line before.
    """
    inside = central(len(probability), centre).to(probability.device)
    before, after = _cumulative(probability, inside)
    chosen = (after - offset).floor() > (before - offset).floor()
    return inside.masked_scatter(~inside, chosen)


def thresholds(probability: Tensor, centre: int, offset: float) -> Tensor:
    """U, float64 (width,), for which `draw` samples the lines with P > U: frac(offset - cumulative P before the line).

    Uniform for a uniform offset, but not independent; 0 on the central lines. No gradient passes.
    """
    inside = central(len(probability), centre).to(probability.device)
    before, _ = _cumulative(probability, inside)
    return torch.zeros_like(probability).masked_scatter(~inside, (offset - before) % 1)


def relaxed(probability: Tensor, threshold: Tensor) -> Tensor:
    """The mask P > U as sigmoid(12 (P - U)), differentiable in P."""
    return torch.sigmoid(STEEPNESS * (probability - threshold))


def central(width: int, centre: int) -> Tensor:
    """The central lines of a mask, bool (width,)."""
    index = torch.arange(width)
    first = (width - centre + 1) // 2
    return (index >= first) & (index < first + centre)


def _cumulative(probability: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Of the lines outside the centre, before and after each; it ends on the whole number that it is by rounding."""
    outside = probability.detach()[~inside]
    after = outside.cumsum(0)
    if len(after):
        after[-1] = after[-1].round()
    return torch.cat((after.new_zeros(1), after))[:-1], after


def _linear(nodes: Tensor, at: Tensor) -> Tensor:
    """Weights of linear interpolation, (points, nodes), float64."""
    right = torch.searchsorted(nodes, at.contiguous(), right=True).clamp(1, len(nodes) - 1)
    share = (at - nodes[right - 1]) / (nodes[right] - nodes[right - 1])
    weights = torch.zeros(len(at), len(nodes), dtype=torch.float64)
    index = torch.arange(len(at))
    weights[index, right - 1] = 1 - share
    weights[index, right] = share
    return weights
