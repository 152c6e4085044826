import numpy as np
import pytest
import torch

from napari_recon_robust.reconstructors.learned.neumann import NeumannNetwork
from napari_recon_robust.reconstructors.problem import Problem

UNIT = np.eye(72)


def image_of(network: NeumannNetwork, problem: Problem) -> np.ndarray:
    with torch.no_grad():
        return network.image(problem, 1.0).flatten().numpy()


def series(operator: np.ndarray, first: np.ndarray, terms: int) -> np.ndarray:
    """sum_{k=0}^{terms} B^k b_0."""
    return sum(np.linalg.matrix_power(operator, k) @ first for k in range(terms + 1))


@pytest.mark.parametrize("terms", [0, 1, 6])
def test_untrained_it_is_the_truncated_neumann_series(tiny, dense, terms):
    network = NeumannNetwork(terms, (8, 8))
    network.log_step.data.fill_(np.log(0.8))
    b = tiny.right_hand_side.flatten().numpy()
    expected = series(UNIT - 0.8 * dense, 0.8 * b, terms)
    np.testing.assert_allclose(image_of(network, tiny), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("terms", [0, 1, 6])
def test_untrained_and_preconditioned_it_is_the_series_of_the_preconditioned_equation(tiny, dense, terms):
    network = NeumannNetwork(terms, (8, 8), preconditioned=True)
    b = tiny.right_hand_side.flatten().numpy()
    inverse = np.linalg.inv(dense + 0.1 * UNIT)
    expected = series(0.1 * inverse, inverse @ b, terms)
    np.testing.assert_allclose(image_of(network, tiny), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_untrained_it_is_gradient_descent(lines):
    """The partial sums of the series are the iterates of gradient descent."""
    from napari_recon_robust.reconstructors.problem import problems

    (problem,) = problems(lines)
    b = iterate = problem.right_hand_side
    for _ in range(6):
        iterate = iterate - (problem.model.normal(iterate) - b)
    torch.testing.assert_close(NeumannNetwork(6, (8, 8)).image(problem, 1.0), iterate, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("preconditioned", [False, True])
def test_a_linear_regularizer_gives_the_regularized_solution(tiny, dense, preconditioned, monkeypatch):
    """All terms together: (A^H A + r / eta) x = A^H y, or preconditioned (I - eta P + r) x = P A^H y."""
    network = NeumannNetwork(60, (8, 8), preconditioned)
    monkeypatch.setattr(network.regularizer, "forward", lambda image, level: 0.4 * image)
    b = tiny.right_hand_side.flatten().numpy()
    if preconditioned:
        inverse = np.linalg.inv(dense + 0.1 * UNIT)
        expected = np.linalg.solve(1.4 * UNIT - 0.1 * inverse, inverse @ b)
    else:
        expected = np.linalg.solve(dense + 0.4 * UNIT, b)
    np.testing.assert_allclose(image_of(network, tiny), expected, rtol=0, atol=1e-4 * np.abs(expected).max())
