"""The invertible recurrent inference machine: its training needs no more memory for more steps."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ...networks.channels import channels, to_complex
from ...networks.correction import zero_at_first
from ...networks.image_network import REACH, image_features
from ...physics.model import ForwardModel
from ..classical.conjugate_gradients import tikhonov
from ..problem import Problem
from .last_step import ConsistentNetwork, ConsistentReconstructor
from .trained import noise_level

_IMAGE = 8  # channels of 2x2 complex pixels
_START = 2.0  # regularization of the start, in sigma^2: where noise is strong, plain conjugate gradients amplify it
_START_STEPS = 8


class IRIM(ConsistentReconstructor):
    """h_{t+1} = U_t(h_t + (0, A^H (A x_t - y) / c, 0)),  x_t = x_0 + c s_t, s_t the first channels of h_t,  x = x_T.

    The state h holds the change of the image in units of c = 0.05, as many channels for the gradient, and a memory,
    which starts at x_0, its detail, and the noise level (knob `noise`); x_0 is a regularized SENSE image, after a few
    conjugate gradient steps. U_t are layers h -> Q^T C(Q h) with orthogonal Q and the coupling C(a, b) = (a, b + F(a)),
    F two convolutions of stride d and a gated 3x3 one between. So each step can be undone, and training computes the
    states again, backwards, instead of keeping them. The network works on x / u, u the local phase
    (`Problem.aligned_linearly`), on 2x2 blocks of pixels. `last_step.ConsistentNetwork` is its last step. Putzky,
    Welling 2019, https://arxiv.org/abs/1911.10914.
    """

    id = "irim"
    label = "i-RIM"
    summary = "An invertible recurrent network that is fed the data's gradient at each step, supervised."
    sources = ("putzky2019",)


class IRIMNetwork(ConsistentNetwork):
    """The network of `IRIM`.

    steps: T. channels: those of the state, on 2x2 blocks, more than 32. strides: d of each layer of a step.
    width: channels inside F.
    """

    def __init__(self, steps: int, channels: int, strides: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.channels = channels
        self.steps = nn.ModuleList(Step(channels, strides, width) for _ in range(steps))

    def image(self, problem: Problem, noise: float) -> Tensor:
        """The image before the last step, complex64 (rows, columns), relative to the problem's scale."""
        level = noise_level(problem, noise)
        problem, phase = problem.aligned_linearly
        weight = _START * (noise * problem.noise).square()
        start = tikhonov(problem.model, problem.right_hand_side, weight, _START_STEPS)
        residual = (problem.right_hand_side - problem.model.normal(start)) / REACH
        memory = to_blocks(image_features(start))
        count, size = len(memory), memory.shape[-2:]
        unchanged = memory.new_zeros(count, 2 * _IMAGE, *size)
        rest = level.reshape(-1, 1, 1, 1).expand(count, self.channels - 4 * _IMAGE, *size)
        state = torch.cat((unchanged, memory, rest), dim=1)
        state = run_reversibly(self.steps, problem.model, state, residual)
        return phase * (start + REACH * to_image(state, problem.model.shape))


class Step(nn.Module):
    """One step of the machine, and its inverse.

    States are float32 (1, channels, rows / 2, columns / 2); b = A^H (y - A x_0) / c, complex64 (rows, columns).
    """

    def __init__(self, channels: int, strides: Sequence[int], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(channels, stride, width) for stride in strides)

    def forward(self, state: Tensor, model: ForwardModel, b: Tensor) -> Tensor:
        """The next state."""
        state = state + _gradient(state, model, b)
        for layer in self.layers:
            state = layer(state)
        return state

    def inverse(self, state: Tensor, model: ForwardModel, b: Tensor) -> Tensor:
        """The state before this one."""
        for layer in reversed(self.layers):
            state = layer(state, -1)
        return state - _gradient(state, model, b)


class Layer(nn.Module):
    """h -> Q^T c(Q h), c(a, b) = (a, b + F(a)); it starts as the identity.

    Q = (I + S)^-1 (I - S), S = W - W^T. The state stays in float32 even if F is computed in a lower precision, or the
    layer could not be undone.
    """

    def __init__(self, channels: int, stride: int, width: int) -> None:
        super().__init__()
        self.generator = nn.Parameter(torch.randn(channels, channels) / channels**0.5)
        self.stride = stride
        self.narrow = nn.Conv2d(channels // 2, width, stride, stride)
        self.gated = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.widen = nn.ConvTranspose2d(width, channels - channels // 2, stride, stride)
        zero_at_first(self.widen)

    def forward(self, state: Tensor, sign: int = 1) -> Tensor:
        """The next state; with sign -1 the state before."""
        skew = self.generator - self.generator.mT
        identity = torch.eye(len(skew), device=skew.device, dtype=skew.dtype)
        with torch.autocast(state.device.type, enabled=False):
            rotation = torch.linalg.solve(identity + skew, identity - skew)
            rotated = functional.conv2d(state, rotation[..., None, None])
        a, b = rotated.tensor_split(2, dim=1)
        rows, columns = a.shape[-2:]
        padded = functional.pad(a, (0, -columns % self.stride, 0, -rows % self.stride), mode="replicate")
        inside = functional.glu(self.gated(functional.silu(self.narrow(padded))), dim=1)
        coupled = torch.cat((a, b + sign * self.widen(inside)[..., :rows, :columns].float()), dim=1)
        with torch.autocast(state.device.type, enabled=False):
            return functional.conv2d(coupled, rotation.mT[..., None, None])


def run_reversibly(steps: nn.ModuleList, model: ForwardModel, state: Tensor, b: Tensor) -> Tensor:
    """Run all steps; only the last state is kept for the gradient."""
    result: Tensor = _Reversible.apply(steps, model, state, b, *steps.parameters())
    return result


class _Reversible(torch.autograd.Function):
    """The backward pass computes each state from the one after it, and runs its step once more with a graph."""

    @staticmethod
    def forward(ctx: Any, steps: nn.ModuleList, model: ForwardModel, *tensors: Tensor) -> Tensor:
        state, b = tensors[:2]
        ctx.steps, ctx.model, ctx.autocast = steps, model, _autocast(state.device.type)
        with torch.autocast(**ctx.autocast):
            for step in steps:
                state = step(state, model, b)
        ctx.save_for_backward(state, b)
        return state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        state, b = (tensor.detach() for tensor in ctx.saved_tensors)
        b.requires_grad_()
        of_b = torch.zeros_like(b)
        of_parameters: list[Tensor | None] = []
        with torch.autocast(**ctx.autocast):
            for step in reversed(ctx.steps):
                state = step.inverse(state, ctx.model, b.detach()).requires_grad_()
                with torch.enable_grad():
                    after = step(state, ctx.model, b)
                trained = [parameter for parameter in step.parameters() if parameter.requires_grad]
                gradient, part, *rest = torch.autograd.grad(after, (state, b, *trained), gradient)
                of_b += part
                state = state.detach()
                found = iter(rest)
                of_parameters = [next(found) if p.requires_grad else None for p in step.parameters()] + of_parameters
        return None, None, gradient, of_b, *of_parameters


def _autocast(device: str) -> dict[str, Any]:
    """The present autocast settings, to be entered again; without its cache, in which weights lose their gradient."""
    enabled = torch.is_autocast_enabled(device)
    return {
        "device_type": device,
        "dtype": torch.get_autocast_dtype(device),
        "enabled": enabled,
        "cache_enabled": False,
    }


def _gradient(state: Tensor, model: ForwardModel, b: Tensor) -> Tensor:
    """A^H A s - b as a state: it depends on the channels of s, and is zero in all but those after them."""
    gradient = to_blocks(channels(model.normal(to_image(state, model.shape)) - b))
    return functional.pad(gradient, (0, 0, 0, 0, _IMAGE, state.shape[1] - 2 * _IMAGE))


def to_blocks(maps: Tensor) -> Tensor:
    """Maps (1, n, rows, columns) as 4 n channels of 2x2 pixels; an odd side is padded with zeros."""
    rows, columns = maps.shape[-2:]
    return functional.pixel_unshuffle(functional.pad(maps, (0, columns % 2, 0, rows % 2)), 2)


def to_image(state: Tensor, shape: tuple[int, int]) -> Tensor:
    """The image in the first channels of a state, complex64 `shape`."""
    return to_complex(functional.pixel_shuffle(state[:, :_IMAGE], 2)[..., : shape[0], : shape[1]])
