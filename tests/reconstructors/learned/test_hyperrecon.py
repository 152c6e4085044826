import pytest
import torch

from napari_recon_robust.networks.loading import load_trained
from napari_recon_robust.reconstructors.classical import tv, tv_wavelet
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperReconNetwork
from napari_recon_robust.reconstructors.problem import problems


@pytest.mark.slow
@pytest.mark.parametrize("weight", [5e-4, 2e-3, 1e-2])
def test_the_shipped_weights_minimise_the_objective_on_a_real_brain(real_brain, weight):
    """With mix 0 J is TV's, whose minimiser the TV solver knows."""
    network = load_trained(HyperReconNetwork, "hyperrecon", torch.device("cpu"))
    (problem,) = problems(real_brain)
    images = network(problem, weight, 0.0), tv.minimiser(problem.right_hand_side, problem.model, weight)
    reached, lowest = (float(tv_wavelet.objective(problem.model, problem.data, x, weight, 0.0)) for x in images)
    assert lowest < 1.001 * reached
    assert reached < 1.1 * lowest
