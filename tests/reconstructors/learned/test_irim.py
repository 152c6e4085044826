import pytest
import torch
from torch import Tensor, nn

from napari_recon_robust.networks.channels import channels
from napari_recon_robust.reconstructors.classical.conjugate_gradients import tikhonov
from napari_recon_robust.reconstructors.learned import irim as module
from napari_recon_robust.reconstructors.learned.irim import IRIMNetwork, Layer
from napari_recon_robust.reconstructors.problem import Problem, linear_start, problems


@pytest.fixture(params=[(48, 48), (47, 39)], ids="{0[0]}x{0[1]}".format)
def problem(request: pytest.FixtureRequest, lines) -> Problem:
    """Even sides, and a crop with odd ones that no stride divides."""
    (whole,) = problems(lines)
    rows, columns = request.param
    model = module.ForwardModel(
        whole.model.sensitivities[..., :rows, :columns], whole.model.mask[:, :columns], whole.model.dims
    )
    return Problem(model, whole.data[..., :rows, :columns], whole.noise)


def network(steps: int, size: float = 0.1) -> IRIMNetwork:
    """Each weight far from its first value."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        made = IRIMNetwork(steps, 34, (1, 2, 4), 8)
        for parameter in made.parameters():
            parameter.data += size * torch.randn_like(parameter)
    return made


def first_state(problem: Problem) -> Tensor:
    image = 3 * module.to_blocks(channels(linear_start(problem)))
    return torch.cat((image, torch.randn(1, 26, *image.shape[-2:], generator=torch.Generator().manual_seed(0))), 1)


def plainly(steps: nn.ModuleList, problem: Problem, state: Tensor, b: Tensor) -> Tensor:
    for step in steps:
        state = step(state, problem.model, b)
    return state


def test_images_and_blocks(problem):
    image = problem.right_hand_side
    assert torch.equal(module.to_image(module.to_blocks(channels(image)), problem.model.shape), image)


def test_the_rotation_is_orthogonal_and_a_layer_is_undone():
    layer = network(1).steps[0].layers[1]
    assert isinstance(layer, Layer)
    state = torch.randn(1, 34, 9, 7, generator=torch.Generator().manual_seed(1))
    after = layer(state).detach()
    assert float((after - state).norm() / state.norm()) > 1e-2
    torch.testing.assert_close(layer(after, -1), state, rtol=0, atol=1e-5)
    nn.init.zeros_(layer.widen.weight)
    nn.init.zeros_(layer.widen.bias)
    torch.testing.assert_close(layer(state), state, rtol=0, atol=1e-5)


@pytest.mark.parametrize("autocast", [False, True])
def test_eight_steps_are_undone(problem, autocast):
    """Also where the convolutions run in bfloat16, whose rounding the state does not see."""
    steps, first = network(8).steps, first_state(problem)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        state = last = plainly(steps, problem, first, problem.right_hand_side)
        for step in reversed(steps):
            state = step.inverse(state, problem.model, problem.right_hand_side)
    assert float((last - first).norm() / first.norm()) > 0.1
    assert float((state - first).norm() / first.norm()) < (1e-2 if autocast else 1e-4)


def gradients(run, steps: nn.ModuleList, problem: Problem) -> list[Tensor]:
    state, b = first_state(problem).requires_grad_(), problem.right_hand_side.clone().requires_grad_()
    last = run(steps, problem, state, b)
    weights = torch.randn(last.shape, generator=torch.Generator().manual_seed(5))
    return list(torch.autograd.grad((last * weights).sum(), [state, b, *steps.parameters()]))


def reversibly(steps: nn.ModuleList, problem: Problem, state: Tensor, b: Tensor) -> Tensor:
    return module.run_reversibly(steps, problem.model, state, b)


def test_the_gradient_is_that_of_plain_autograd(problem):
    steps = network(4).steps
    for ours, plain in zip(gradients(reversibly, steps, problem), gradients(plainly, steps, problem), strict=True):
        assert float((ours - plain).norm() / plain.norm()) < 1e-3


def test_the_gradient_in_half_precision(lines):
    """Backwards the convolutions run as they did forwards, and no weight's gradient is lost in a cache."""
    (problem,) = problems(lines)
    steps = network(2).steps
    exact = gradients(plainly, steps, problem)
    with torch.autocast("cpu", torch.bfloat16):
        state, b = first_state(problem).requires_grad_(), problem.right_hand_side.clone().requires_grad_()
        last = reversibly(steps, problem, state, b)
    weights = torch.randn(last.shape, generator=torch.Generator().manual_seed(5))
    halves = torch.autograd.grad((last * weights).sum(), [state, b, *steps.parameters()])
    for half, other in zip(halves, exact, strict=True):
        assert float((half - other).norm() / other.norm()) < 0.1


def test_a_frozen_network_still_passes_the_gradient_on(problem):
    steps = network(2).steps
    expected = gradients(plainly, steps, problem)[:2]
    for parameter in steps.parameters():
        parameter.requires_grad_(False)
    state, b = first_state(problem).requires_grad_(), problem.right_hand_side.clone().requires_grad_()
    last = reversibly(steps, problem, state, b)
    weights = torch.randn(last.shape, generator=torch.Generator().manual_seed(5))
    found = torch.autograd.grad((last * weights).sum(), [state, b])
    for ours, plain in zip(found, expected, strict=True):
        assert float((ours - plain).norm() / plain.norm()) < 1e-3


def kept(run, steps: nn.ModuleList, problem: Problem) -> int:
    """Bytes that are kept from the forward for the backward pass."""
    total = 0

    def pack(tensor: Tensor) -> Tensor:
        nonlocal total
        total += tensor.numel() * tensor.element_size()
        return tensor

    state, b = first_state(problem).requires_grad_(), problem.right_hand_side
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        run(steps, problem, state, b)
    return total


def test_more_steps_need_no_more_memory_in_training(problem):
    few, many = (kept(reversibly, network(steps).steps, problem) for steps in (2, 8))
    assert 0 < few == many
    assert kept(plainly, network(8).steps, problem) > 20 * many


@pytest.mark.parametrize("noise", [1.0, 20.0])
def test_an_untrained_machine_returns_its_start(problem, noise):
    """A SENSE image that is regularized the more, the more noise is assumed."""
    start = tikhonov(problem.model, problem.right_hand_side, 2 * (noise * problem.noise) ** 2, 8)
    image = IRIMNetwork(3, 34, (1, 2), 8).image(problem, noise)
    torch.testing.assert_close(image, start, rtol=1e-3, atol=1e-4)


def test_strong_noise_is_amplified_less_than_by_plain_conjugate_gradients(lines):
    (clean,) = problems(lines)
    noise = 0.2 * torch.randn(clean.data.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(3))
    noisy = Problem(clean.model, clean.data + clean.model.mask * noise, torch.full_like(clean.noise, 0.2))
    with torch.no_grad():
        image = IRIMNetwork(1, 34, (1,), 8).image(noisy, 1.0)
    plain, truth = linear_start(noisy), linear_start(clean)
    assert float((image - truth).norm()) < 0.9 * float((plain - truth).norm())
