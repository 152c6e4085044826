import pytest
import torch

from napari_recon_robust.reconstructors.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (16, 16)])
def test_the_update_has_the_singular_vectors_of_the_gradient_and_even_singular_values(shape):
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, vh = torch.linalg.svd(gradient, full_matrices=False)
    inner = u.mT @ orthogonalise(gradient) @ vh.mT
    assert inner.diagonal().min() > 0.6
    assert inner.diagonal().max() < 1.3
    assert (inner - inner.diagonal().diag()).abs().max() < 1e-3


def test_it_is_unaware_of_the_scale_of_the_loss():
    def trained(scale: float) -> torch.Tensor:
        kernel = torch.nn.Parameter(torch.ones(4, 3, 1, 1))
        optimiser = Muon([kernel], lr=0.1)
        for _ in range(5):
            optimiser.zero_grad()
            (scale * (kernel - torch.arange(12.0).view(4, 3, 1, 1)).square().sum()).backward()
            optimiser.step()
        return kernel.detach()

    assert torch.allclose(trained(1.0), trained(1e-6), atol=1e-5)


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
