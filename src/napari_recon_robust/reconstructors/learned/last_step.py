"""A last step towards the samples, for networks whose own last step is a correction that does not see the samples."""

from abc import abstractmethod

from torch import Tensor, nn

from ...ground.knob import Knob
from ...physics.model import ForwardModel
from ..classical.conjugate_gradients import proximal
from ..problem import Problem
from .trained import NOISE, TrainedReconstructor

ERROR = 0.04  # of a network's image, relative to its scale
STEPS = 12
LEAST = 0.01  # of the knob; at this value there is no last step

CONSISTENCY = Knob(
    name="consistency",
    label="Data consistency",
    help="How closely a last step follows the samples, relative to what their noise asks for; the least leaves the "
    "network's image as it is.",
    default=1.0,
    minimum=LEAST,
    maximum=10.0,
    scale="log",
    unit="× usual",
    live=True,
)


def last_step(
    model: ForwardModel,
    data: Tensor,
    image: Tensor,
    noise: Tensor,
    consistency: float,
    error: float | Tensor = ERROR,
) -> Tensor:
    """`towards_samples` with the error c e, c the knob `consistency`; the image itself at the knob's least value."""
    if consistency <= LEAST:
        return image
    return towards_samples(model, data, image, noise, consistency * error)


def towards_samples(model: ForwardModel, data: Tensor, image: Tensor, noise: Tensor, error: float | Tensor) -> Tensor:
    """min_x ||A x - y||^2 + (sigma / e)^2 ||x - z||^2, by conjugate gradient steps from z on; differentiable.

    This is the likeliest image if the samples y have white noise sigma and the network's image z has a white error of e
    in each pixel. image: z, complex64 (..., rows, columns). noise: sigma, real (..., 1, 1), in z's units like e.
    """
    return proximal(model, model.adjoint(data), image, (noise / error).square(), STEPS)


class ConsistentReconstructor(TrainedReconstructor):
    """x of a `ConsistentNetwork`, with its knobs."""

    knobs: tuple[Knob, ...] = (NOISE, CONSISTENCY)


class ConsistentNetwork(nn.Module):
    """x = argmin ||A x - y||^2 + (sigma / (c e))^2 ||x - z||^2, z the image of a network, c the knob `consistency`.

    sigma is the assumed noise (knob `noise`). error: e, that of the network's image, relative to its scale.
    """

    error = ERROR

    @abstractmethod
    def image(self, problem: Problem, noise: float) -> Tensor:
        """z, complex64 (rows, columns), relative to the problem's scale."""

    def forward(self, problem: Problem, noise: float = 1.0, consistency: float = 1.0) -> Tensor:
        """x, complex64 (rows, columns), relative to the problem's scale; z at the least consistency."""
        image = self.image(problem, noise)
        return last_step(problem.model, problem.data, image, noise * problem.noise, consistency, self.error)
