import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.reconstructors.learned.hqs_net import HQSNetNetwork
from napari_recon_robust.reconstructors.problem import Problem, problems
from napari_recon_robust.training.example import Example
from napari_recon_robust.training.losses import LOSSES


def loss_of(network: torch.nn.Module, problem: Problem) -> torch.Tensor:
    """Without any fully sampled image: it is NaN."""
    nothing = torch.full(problem.model.shape, torch.nan)
    return LOSSES["fixed-energy"](network, Example(problem, nothing, nothing), np.random.default_rng(0))


def test_the_noise_of_the_problem_changes_nothing(tiny: Problem) -> None:
    network = HQSNetNetwork(unrolls=2, width=8)
    torch.nn.init.normal_(network.corrections[0][-1].weight, std=0.1, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(Problem(tiny.model, tiny.data, 3 * tiny.noise)), network(tiny))


@pytest.mark.slow
def test_training_lowers_the_objective_without_a_fully_sampled_image(lines: Measurement) -> None:
    """From regularized SENSE images on, which are as good as conjugate gradients."""
    (problem,) = problems(lines)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = HQSNetNetwork(unrolls=3, width=16, weight=2e-2, mix=0.5)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    before = float(loss_of(network, problem).detach())
    for _ in range(60):
        optimiser.zero_grad()
        loss_of(network, problem).backward()
        optimiser.step()
    assert float(loss_of(network, problem).detach()) < before - 0.03
