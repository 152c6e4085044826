import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.learned.last_step import ERROR, towards_samples
from napari_recon_robust.reconstructors.problem import assemble, problems


@pytest.mark.parametrize("weight", [0.05, 0.5, 5.0])
def test_it_solves_the_normal_equations(tiny, dense, weight):
    """(A^H A + w) x = A^H y + w z, against a dense solution."""
    image = torch.randn(tiny.model.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    noise = torch.tensor([[0.02]])
    found = towards_samples(tiny.model, tiny.data, image, noise, 0.02 / weight**0.5)
    right = tiny.right_hand_side.flatten().numpy() + weight * image.flatten().numpy()
    exact = np.linalg.solve(dense + weight * np.eye(len(dense)), right)
    np.testing.assert_allclose(found.flatten().numpy(), exact, rtol=0, atol=2e-3 * np.abs(exact).max())


@pytest.mark.slow
@pytest.mark.parametrize("id", ["varnet", "varnet-cg", "unrolled-gd", "neumann", "neumann-preconditioned", "irim"])
def test_the_least_consistency_leaves_the_image_of_the_network(lines: Measurement, id: str) -> None:
    """And the largest follows the samples most closely."""
    method = registry.get(id)

    def misfit(consistency: float) -> float:
        image = method(lines, consistency=consistency)
        return float((lines.model.forward(image) - lines.model.mask * lines.data).norm())

    values = [misfit(consistency) for consistency in (0.01, 0.3, 1.0, 10.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]
    if not id.startswith("varnet"):  # whose network works on the whole batch
        network = method.network(torch.device("cpu"))
        seen_in_training = assemble([network(problem) for problem in problems(lines)], lines)
        torch.testing.assert_close(seen_in_training, method(lines))
        own = assemble([network.image(problem, 1.0) for problem in problems(lines)], lines)  # type: ignore[operator]
        difference = (method(lines, consistency=0.01) - own).norm() / own.norm()
        (problem,) = problems(lines)
        assert float(difference) < 2 * (float(problem.noise) / (0.01 * ERROR)) ** -2 + 1e-5
