import numpy as np
import pytest
import torch

from napari_recon_robust.reconstructors.classical import tv, tv_wavelet
from napari_recon_robust.reconstructors.learned.hqs_net_from_tv import HQSNetFromTVNetwork
from napari_recon_robust.reconstructors.problem import Problem, linear_start, problems
from napari_recon_robust.training.example import Example
from napari_recon_robust.training.losses import LOSSES


class Fixed(torch.nn.Module):
    """A network that has one answer."""

    def __init__(self, image: torch.Tensor, weight: float, mix: float) -> None:
        super().__init__()
        self.image, self.weight, self.mix = image, weight, mix

    def forward(self, problem: Problem) -> torch.Tensor:
        return self.image


def loss_of(network: torch.nn.Module, problem: Problem) -> float:
    """Without any fully sampled image: it is NaN."""
    nothing = torch.full(problem.model.shape, torch.nan)
    with torch.no_grad():
        return float(LOSSES["fixed-energy"](network, Example(problem, nothing, nothing), np.random.default_rng(0)))


@pytest.mark.parametrize("weight", [1e-3, 1e-2])
def test_the_loss_is_the_objective_at_the_weight_of_the_network(lines, weight):
    """Relative to the linear start: one there, and least at TV's minimiser where the mix is 0."""
    (problem,) = problems(lines)
    start, best = linear_start(problem), problem.tv(weight)
    assert loss_of(Fixed(start, weight, 0.0), problem) == pytest.approx(1)
    least = loss_of(Fixed(best, weight, 0.0), problem)
    values = [tv_wavelet.objective(problem.model, problem.data, x, weight, 0.0, 5e-4) for x in (best, start)]
    assert least == pytest.approx(float(values[0] / values[1]))
    others = [tv.minimiser(problem.right_hand_side, problem.model, factor * weight) for factor in (0.5, 2)]
    assert all(loss_of(Fixed(other, weight, 0.0), problem) > least for other in others)


def test_untrained_it_is_tv_at_its_weight(lines):
    """The pull of TV is kept through data consistency."""
    (problem,) = problems(lines)
    image = HQSNetFromTVNetwork(unrolls=3, width=8, weight=5e-3)(problem).detach()
    assert float((image - problem.tv(5e-3)).norm() / image.norm()) < 1e-4


def test_the_last_network_follows_the_last_data_consistency(lines):
    (problem,) = problems(lines)
    network = HQSNetFromTVNetwork(unrolls=2, width=8)
    before = network(problem)
    torch.nn.init.constant_(network.last.body[-1].bias, 10.0)
    change = network(problem) - before
    torch.testing.assert_close(change, torch.full_like(change, 0.1 + 0.1j))


def test_neither_noise_nor_phase_of_the_problem_change_what_it_does(tiny):
    network = HQSNetFromTVNetwork(unrolls=2, width=8)
    torch.nn.init.normal_(network.last.body[-1].weight, std=0.1, generator=torch.Generator().manual_seed(0))
    image = network(tiny)
    assert torch.equal(network(Problem(tiny.model, tiny.data, 3 * tiny.noise)), image)


@pytest.mark.slow
def test_training_lowers_the_objective_without_a_fully_sampled_image(lines):
    """From TV's minimiser towards that of the wavelets."""
    (problem,) = problems(lines)
    torch.manual_seed(0)
    network = HQSNetFromTVNetwork(unrolls=2, width=16, weight=1e-2, mix=1.0)
    before = loss_of(network, problem)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    nothing = torch.full(problem.model.shape, torch.nan)
    for _ in range(40):
        optimiser.zero_grad()
        LOSSES["fixed-energy"](network, Example(problem, nothing, nothing), np.random.default_rng(0)).backward()
        optimiser.step()
    assert loss_of(network, problem) < before - 0.005
