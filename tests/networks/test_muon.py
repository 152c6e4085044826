import pytest
import torch

from napari_recon_robust.networks.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (16, 16)])
def test_the_update_has_the_singular_vectors_of_the_gradient_and_even_singular_values(shape):
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, vh = torch.linalg.svd(gradient, full_matrices=False)
    inner = u.mT @ orthogonalise(gradient) @ vh.mT
    assert inner.diagonal().min() > 0.6
    assert inner.diagonal().max() < 1.3
    assert (inner - inner.diagonal().diag()).abs().max() < 1e-3


@pytest.mark.parametrize(("outputs", "stretch"), [(12, 2.0), (3, 1.0), (2, 1.0)])
def test_kernels_with_more_outputs_than_taps_move_further(outputs, stretch):
    """By the root of how many times as many, as in Muon's own code."""
    kernel = torch.nn.Parameter(torch.zeros(outputs, 3, 1, 1))
    kernel.grad = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(0))
    update = orthogonalise(kernel.grad[None].flatten(2))[0]
    Muon([kernel], lr=0.1).step()
    torch.testing.assert_close(kernel.detach().flatten(1), -0.1 * stretch * update, atol=1e-5, rtol=1e-4)


def test_it_is_unaware_of_the_scale_of_the_loss():
    def trained(scale: float) -> torch.Tensor:
        kernel = torch.nn.Parameter(torch.ones(4, 3, 1, 1))
        optimiser = Muon([kernel], lr=0.1)
        for _ in range(5):
            optimiser.zero_grad()
            (scale * (kernel - torch.arange(12.0).view(4, 3, 1, 1)).square().sum()).backward()
            optimiser.step()
        return kernel.detach()

    for power in (-20, -73, -100, 60):  # exact in floating point: what is rounded elsewhere is not judged
        assert torch.allclose(trained(1.0), trained(2.0**power), atol=1e-6)
    # This gradient has rank two, and rounding in its third direction grows by 3.4445 in each of five rounds.
    for scale in (1e-6, 1e-22, 1e-30, 1e18):
        assert torch.allclose(trained(1.0), trained(scale), atol=1e-3)


def test_an_ill_conditioned_problem_is_solved_faster_than_by_gradient_descent():
    """min ||S W - T||^2 with singular values of S from 1 to 30: all directions are learned equally fast."""
    generator = torch.Generator().manual_seed(1)
    system = torch.diag(torch.logspace(0, 1.5, 16))
    target = system @ torch.randn(16, 16, generator=generator)

    def distance(make) -> float:
        weights = torch.nn.Parameter(torch.zeros(16, 16))
        optimiser = make([weights])
        for step in range(100):
            optimiser.zero_grad()
            (system @ weights - target).square().sum().backward()
            for group in optimiser.param_groups:
                group["lr"] = optimiser.defaults["lr"] * (1 - step / 100)
            optimiser.step()
        return float((weights.detach() - torch.linalg.solve(system, target)).norm())

    assert distance(lambda p: Muon(p, lr=0.2)) < 0.7 * distance(lambda p: torch.optim.SGD(p, lr=5e-4))


def test_a_kernel_without_a_gradient_stays():
    kernel = torch.nn.Parameter(torch.ones(2, 2))
    Muon([kernel], lr=0.1).step()
    assert torch.equal(kernel, torch.ones(2, 2))


@pytest.mark.parametrize("largest", [1e-38, 1e-30, 3e-23, 1e-10, 1e10, 1e30])
def test_the_scale_of_a_matrix_does_not_matter(largest):
    """The squares of small or large entries are beyond float32."""
    matrix = torch.randn((24, 60), generator=torch.Generator().manual_seed(0))
    expected = orthogonalise(matrix)
    torch.testing.assert_close(orthogonalise(matrix * (largest / matrix.abs().max())), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.thorough
def test_a_kernel_behind_dead_units_stays_and_stays_finite():
    """Both runs that ended in NaN had a layer of rectified units that none of the images made active any more.

    Its kernels moved on by the momentum of their last gradients, which halves every 14 steps, until after 600 of them
    its squares were lost and the update was not finite.
    """
    first, second = (torch.nn.Parameter(torch.randn(16, 16, 3, 3) / 10) for _ in range(2))
    optimiser = Muon([first, second], lr=0.01)

    def step(bias: float) -> None:
        optimiser.zero_grad()
        hidden = torch.relu(torch.nn.functional.conv2d(torch.ones(1, 16, 8, 8), first) + bias)
        torch.nn.functional.conv2d(hidden, second).square().sum().backward()
        optimiser.step()

    for _ in range(3):
        step(5.0)
    kept = first.detach().clone(), second.detach().clone()
    for _ in range(2500):
        step(-100.0)
    assert torch.equal(first, kept[0])
    assert torch.equal(second, kept[1])
    step(5.0)
    assert not torch.equal(first, kept[0])
    assert bool(torch.isfinite(first).all())


@pytest.mark.slow
def test_weight_decay_bounds_the_spectral_norm():
    """By 1 / d, where a gradient of one direction lets a kernel grow without it."""
    kernels = [torch.nn.Parameter(torch.zeros(4, 4)) for _ in range(2)]
    optimisers = [Muon(kernels[:1], lr=0.1), Muon(kernels[1:], lr=0.1, weight_decay=0.5)]
    for _ in range(400):
        for kernel, optimiser in zip(kernels, optimisers, strict=True):
            kernel.grad = -torch.eye(4)
            optimiser.step()
    grown, bounded = (float(torch.linalg.matrix_norm(kernel.detach(), 2)) for kernel in kernels)
    assert grown > 20
    assert 1.4 < bounded < 2.6
