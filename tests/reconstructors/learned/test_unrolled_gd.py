from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse.linalg import cg

from napari_recon_robust.reconstructors.learned.unrolled_gd import GradientDescentNetwork
from napari_recon_robust.reconstructors.problem import problems


def started(dense: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Eight conjugate gradient steps on A^H A x = A^H y."""
    x, _ = cg(dense, b, rtol=0, maxiter=8)
    return x


@pytest.mark.parametrize("blocks", [0, 1, 5])
def test_an_untrained_network_is_gradient_descent(tiny, dense, blocks):
    """From eight conjugate gradient steps on; a step of another size too."""
    network = GradientDescentNetwork(blocks, (8, 8))
    network.log_step.data.fill_(np.log(0.7))
    b = tiny.right_hand_side.flatten().numpy()
    x = started(dense, b)
    for _ in range(blocks):
        x = x - 0.7 * (dense @ x - b)
    np.testing.assert_allclose(
        network.image(tiny, 1.0).detach().flatten().numpy(), x, rtol=0, atol=1e-4 * np.abs(x).max()
    )


def test_the_first_step_size_never_raises_the_residual(lines):
    (problem,) = problems(lines)

    def residual(blocks: int) -> float:
        image = GradientDescentNetwork(blocks, (8, 8)).image(problem, 1.0).detach()
        return float((problem.model.forward(image) - problem.model.mask * problem.data).norm())

    residuals = [residual(blocks) for blocks in range(7)]
    assert residuals[1] < residuals[0]
    assert all(later < (1 + 1e-6) * earlier for earlier, later in pairwise(residuals)), "but for rounding"


def test_the_regularizer_is_subtracted_in_each_block(tiny, dense, monkeypatch):
    network = GradientDescentNetwork(3, (8, 8))
    monkeypatch.setattr(network.regularizer, "forward", lambda image, level: 0.3 * image)
    b = tiny.right_hand_side.flatten().numpy()
    x = started(dense, b)
    for _ in range(3):
        x = x - (dense @ x - b) - 0.3 * x
    np.testing.assert_allclose(
        network.image(tiny, 1.0).detach().flatten().numpy(), x, rtol=0, atol=1e-4 * np.abs(x).max()
    )
