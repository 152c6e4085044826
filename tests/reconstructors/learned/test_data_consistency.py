import numpy as np
import pytest
import torch

from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors.learned import data_consistency as module
from napari_recon_robust.reconstructors.learned.data_consistency import IterativeInverse, RowInverse, data_consistency

ROWS, COLUMNS = 3, 12


@pytest.fixture
def model() -> ForwardModel:
    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(4, ROWS, COLUMNS, dtype=torch.complex128, generator=generator)
    maps = maps / torch.linalg.vector_norm(maps, dim=0)
    mask = torch.rand(1, COLUMNS, generator=generator) < 0.5
    return ForwardModel(maps, mask, (-1,))


def dense(model: ForwardModel) -> np.ndarray:
    """A^H A as a matrix, column by column through the forward model and its adjoint."""
    units = torch.eye(ROWS * COLUMNS, dtype=torch.complex128).reshape(-1, ROWS, COLUMNS)
    return torch.stack([model.adjoint(model.forward(unit)).flatten() for unit in units], dim=1).numpy()


def image(seed: int = 0) -> torch.Tensor:
    return torch.randn(ROWS, COLUMNS, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def test_the_row_inverse_is_the_inverse(model):
    penalty = torch.tensor(0.07, dtype=torch.float64)
    inverse = np.linalg.inv(dense(model) + 0.07 * np.eye(ROWS * COLUMNS))
    consistency = RowInverse(model, penalty)
    expected = (inverse @ image().flatten().numpy()).reshape(ROWS, COLUMNS)
    np.testing.assert_allclose(consistency.solve(image()).numpy(), expected, rtol=1e-9)
    np.testing.assert_allclose(consistency.diagonal.flatten().numpy(), np.diag(inverse).real, rtol=1e-9)


def test_each_row_may_have_its_own_lines(model):
    mask = torch.rand(ROWS, COLUMNS, generator=torch.Generator().manual_seed(2)) < 0.5
    ragged = ForwardModel(model.sensitivities, mask, (-1,))
    consistency = RowInverse(ragged, torch.tensor(0.07, dtype=torch.float64))
    inverse = np.linalg.inv(dense(ragged) + 0.07 * np.eye(ROWS * COLUMNS))
    expected = (inverse @ image().flatten().numpy()).reshape(ROWS, COLUMNS)
    np.testing.assert_allclose(consistency.solve(image()).numpy(), expected, rtol=1e-9)


def test_conjugate_gradients_agree_with_the_row_inverse(model):
    """The same lines as a 2-D pattern: another code path, the same inverse up to a transform along the rows."""
    penalty = torch.tensor(0.1, dtype=torch.float64)
    plane = ForwardModel(model.sensitivities, model.mask.expand(ROWS, COLUMNS), (-2, -1))
    by_rows, iterative = data_consistency(model, penalty), data_consistency(plane, penalty)
    assert isinstance(by_rows, RowInverse)
    assert isinstance(iterative, IterativeInverse)
    exact = by_rows.solve(image())
    assert torch.linalg.vector_norm(iterative.solve(image()) - exact) < 2e-4 * torch.linalg.vector_norm(exact)
    assert float(iterative.diagonal.mean() / by_rows.diagonal.mean()) == pytest.approx(1, abs=0.1)


@pytest.mark.thorough
@pytest.mark.parametrize("dims", [(-1,), (-2, -1)])
def test_gradients_of_image_and_penalty(model, dims, monkeypatch):
    monkeypatch.setattr(module, "_PRECISION", 1e-6)
    one = ForwardModel(model.sensitivities, model.mask if dims == (-1,) else model.mask.expand(ROWS, COLUMNS), dims)

    def solve(x: torch.Tensor, penalty: torch.Tensor) -> torch.Tensor:
        return data_consistency(one, penalty).solve(x)

    penalty = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(solve, (image().requires_grad_(), penalty), atol=1e-6)
