import numpy as np
import pytest
import torch

from napari_recon_robust.errors import WeightsError
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors import unrolled
from napari_recon_robust.reconstructors.hqs_supervised import HQSNetwork
from napari_recon_robust.reconstructors.unrolled import Problem, problems

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
    consistency = unrolled.RowInverse(model, penalty)
    expected = (inverse @ image().flatten().numpy()).reshape(ROWS, COLUMNS)
    np.testing.assert_allclose(consistency.solve(image()).numpy(), expected, rtol=1e-9)
    np.testing.assert_allclose(consistency.diagonal.flatten().numpy(), np.diag(inverse).real, rtol=1e-9)


def test_conjugate_gradients_agree_with_the_row_inverse(model):
    """The same lines as a 2-D pattern: another code path, the same inverse up to a transform along the rows."""
    penalty = torch.tensor(0.1, dtype=torch.float64)
    plane = ForwardModel(model.sensitivities, model.mask.expand(ROWS, COLUMNS), (-2, -1))
    by_rows, iterative = unrolled.data_consistency(model, penalty), unrolled.data_consistency(plane, penalty)
    assert isinstance(by_rows, unrolled.RowInverse)
    assert isinstance(iterative, unrolled.IterativeInverse)
    torch.testing.assert_close(iterative.solve(image()), by_rows.solve(image()), rtol=1e-5, atol=1e-7)
    assert float(iterative.diagonal.mean() / by_rows.diagonal.mean()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("dims", [(-1,), (-2, -1)])
def test_gradients_of_image_and_penalty(model, dims):
    one = ForwardModel(model.sensitivities, model.mask if dims == (-1,) else model.mask.expand(ROWS, COLUMNS), dims)

    def solve(x: torch.Tensor, penalty: torch.Tensor) -> torch.Tensor:
        return unrolled.data_consistency(one, penalty).solve(x)

    penalty = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(solve, (image().requires_grad_(), penalty), atol=1e-6)


def test_channels_and_blocks_are_undone():
    x = image().to(torch.complex64)
    assert torch.equal(unrolled.to_complex(unrolled.channels(x)), x)
    odd = torch.rand(1, 3, 7, 5)
    assert torch.equal(unrolled.on_blocks(lambda blocks: blocks, odd), odd)


def test_an_aligned_problem_has_the_same_data_and_a_nearly_real_image(lines):
    """A phase that turns twice across the image is folded into the sensitivities; the coil images stay as they are."""
    (problem,) = problems(lines)
    column = torch.linspace(-1, 1, problem.model.shape[1])
    maps = problem.model.sensitivities * torch.polar(torch.ones(()), 6 * column).conj()
    steep = Problem(ForwardModel(maps, problem.model.mask, problem.model.dims), problem.data, problem.noise)
    aligned, phase = steep.aligned

    image = steep.tv(1e-3)
    torch.testing.assert_close(phase.abs(), torch.ones(steep.model.shape))
    torch.testing.assert_close(aligned.model.forward(image * phase.conj()), steep.model.forward(image))
    assert float(image.imag.norm() / image.norm()) > 0.5
    assert float((image * phase.conj()).imag.norm() / image.norm()) < 0.2


def test_weights_of_another_network_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not of a HQSNetwork"):
        unrolled.load_trained(HQSNetwork, str(tmp_path / "other.safetensors"), torch.device("cpu"))
