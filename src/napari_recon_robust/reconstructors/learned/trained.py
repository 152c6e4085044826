"""The base class of reconstructors that run one network, and the noise level that most of these networks take."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...data.measurement import Measurement
from ...former import names
from ...ground.knob import Knob
from ...networks.loading import load_trained
from ...networks.registry import registry as networks
from ..base import Reconstructor
from ..problem import Problem, assemble, problems
from .start import Start

if not TYPE_CHECKING:  # else every name would be found
    __getattr__ = names(__name__)

TYPICAL_NOISE = 0.005  # relative to the image's scale

NOISE = Knob(
    name="noise",
    label="Assumed noise",
    help="The noise level that the network assumes, relative to the measured one; more is smoother.",
    default=1.0,
    minimum=0.5,
    maximum=2.0,
    scale="log",
    unit="× measured",
    live=True,
    more="smoother",
)


class TrainedReconstructor(Reconstructor):
    """x = f(y; theta), f a network that maps each problem to an image and takes the knobs by their names.

    The table of networks (`networks.registry`) has f under the method's id.

    weights: the id of a shipped set (the reconstructor's own id if None), or a safetensors file of `training`.
    """

    weights: str
    knobs: tuple[Knob, ...] = (NOISE,)

    def __init__(self, weights: str | Path | None = None) -> None:
        self.weights = str(weights or self.id)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image at these knobs."""
        return self.apply(self.network(measurement.kspace.device), measurement, **knobs)

    def network(self, device: torch.device) -> Any:
        """The trained network, of the class that the table of networks has for the method.

        All instances share it, so it must never be changed.
        """
        return load_trained(networks.kind_of(type(self).id), self.weights, device)

    def start(self) -> Reconstructor:
        """The same method with its correction at zero."""
        return Start(self, self.id)

    def apply(self, network: Any, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image by a network of this kind."""
        return assemble([self.solve(network, problem, **knobs) for problem in problems(measurement)], measurement)

    def problem(self, measurement: Measurement, **knobs: Any) -> Problem:
        """The problem of one slice of which `solve` gives the image that `apply` does, before its crop."""
        (problem,) = problems(measurement)
        return problem

    def solve(self, network: Any, problem: Problem, **knobs: Any) -> Tensor:
        """The image of one slice by a network of this kind, (rows, columns), relative to the scale.

        Complex64, or float32 where the network gives magnitudes.
        """
        image: Tensor = network(problem, **knobs)
        return image


def noise_level(problem: Problem, assumed: float = 1.0) -> Tensor:
    """The noise level as networks see it, log(sigma / 0.005), (1, 1); sigma is `assumed` times the measured one."""
    return (problem.noise * (assumed / TYPICAL_NOISE)).log()
