"""LOUPE: lines by learned probabilities. Bahadir, Wang, Dalca, Sabuncu 2020, doi:10.1109/TCI.2020.3006727.

Each frequency has a logit O, and its line is sampled with the probability sigmoid(5 O), rescaled so that the number of
lines is the one asked for. Calibration lines are always sampled. Unlike in the paper the lines of one mask are not
drawn independently but at equal steps of the cumulative probability (Madow 1949, doi:10.1214/aoms/1177729988). Each
line keeps its probability, and the number of lines is exact. Equal probabilities give equispaced lines, which several
coils resolve best; independent draws would leave gaps and clumps.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..ground.errors import InputError
from ..weights import store
from .acs import too_many_centre_lines
from .fourier import central_lines

SLOPE, STEEPNESS = 5.0, 12.0  # of the sigmoids: the probability as a function of O, and the relaxed mask


def learned_lines(width: int, centre: int, acceleration: float, offset: float) -> Tensor:
    """A mask by the packaged probabilities: bool (width,), round(width / R) lines, `centre` of them in the middle.

    offset: 0 to 1, chooses the mask. InputError for an acceleration that was not learned, or a centre too large.
    """
    trained = store.load("loupe")
    assert trained.metadata is not None, "packaged weights are described"
    logits = logits_at(trained.state["logits"], trained.metadata.architecture["accelerations"], acceleration, width)
    count = number_of_lines(width, centre, acceleration)
    return draw(probabilities(logits, centre, count), centre, offset)


def logits_at(logits: Tensor, accelerations: Sequence[float], acceleration: float, width: int) -> Tensor:
    """The logits O of the lines of a matrix of that width, float64 (width,).

    logits: (accelerations, frequencies), on an even grid of frequencies from -1/2 to 1/2 of the width. They are
    interpolated linearly between frequencies, and in log R between accelerations, which must rise. InputError for an
    acceleration outside their range.
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
    """The probability P of each line, float64 (width,): 1 on the central lines; their sum is `count`.

    logits: O, (width,). P is rescaled as in the paper. With a the mean that is asked for and p that of sigmoid(5 O) it
    becomes P a / p if a <= p (then no value exceeds 1), else 1 - (1 - P) (1 - a) / (1 - p).
    """
    width = len(logits)
    inside = central_lines(width, centre).to(logits.device)
    raw = torch.sigmoid(SLOPE * logits)[~inside]
    result = torch.ones_like(logits)
    if centre < width:
        wanted = (count - centre) / (width - centre)
        mean = raw.mean()
        scaled = raw * (wanted / mean) if wanted <= mean else 1 - (1 - raw) * ((1 - wanted) / (1 - mean))
        result = result.masked_scatter(~inside, scaled)
    return result


def number_of_lines(width: int, centre: int, acceleration: float) -> int:
    """round(width / R), the number of all sampled lines; InputError if the central ones are more."""
    count = round(width / acceleration)
    if centre > count:
        raise too_many_centre_lines(centre, width, acceleration)
    return count


def draw(probability: Tensor, centre: int, offset: float) -> Tensor:
    """A mask, bool (width,), with as many lines as the sum of the probabilities says.

    offset: from 0 to 1; if it is uniform, each line is sampled with its probability. Line i is sampled if a step of 1
    begins between the cumulative probability of the line before it and its own.
    """
    inside = central_lines(len(probability), centre).to(probability.device)
    before, after = _cumulative(probability, inside)
    chosen = (after - offset).floor() > (before - offset).floor()
    return inside.masked_scatter(~inside, chosen)


def thresholds(probability: Tensor, centre: int, offset: float) -> Tensor:
    """U, float64 (width,), for which `draw` samples the lines with P > U: frac(offset - cumulative P before the line).

    They are uniform for a uniform offset, but not independent, and 0 on the central lines. No gradient passes.
    """
    inside = central_lines(len(probability), centre).to(probability.device)
    before, _ = _cumulative(probability, inside)
    return torch.zeros_like(probability).masked_scatter(~inside, (offset - before) % 1)


def relaxed(probability: Tensor, threshold: Tensor) -> Tensor:
    """The mask P > U as sigmoid(12 (P - U)), differentiable in P."""
    return torch.sigmoid(STEEPNESS * (probability - threshold))


def _cumulative(probability: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """The cumulative probability before and after each line outside the centre; its last value is rounded."""
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
