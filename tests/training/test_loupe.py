import numpy as np
import pytest
import torch

from napari_recon_robust.physics import fourier, learned_lines
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors.learned.data_consistency import data_consistency
from napari_recon_robust.reconstructors.problem import Problem
from napari_recon_robust.training.loupe import LOUPENetwork, WeightedModel, solve

COILS, ROWS, COLUMNS = 4, 12, 48


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.view_as_complex(torch.from_numpy(np.random.default_rng(seed).normal(size=(*shape, 2))))


@pytest.fixture
def full() -> Problem:
    maps = random(COILS, ROWS, COLUMNS)
    maps = maps / maps.abs().square().sum(0).sqrt()
    model = ForwardModel(maps.to(torch.complex64), torch.ones(1, COLUMNS, dtype=torch.bool), (-1,))
    image = random(ROWS, COLUMNS, seed=1).to(torch.complex64)
    return Problem(model, model.forward(image), torch.full((1, 1), 0.005))


@pytest.fixture
def network() -> LOUPENetwork:
    torch.manual_seed(0)
    made = LOUPENetwork(2, 8, (2, 4, 8), 9)
    with torch.no_grad():
        made.logits.normal_(0, 0.3)
    return made


def test_the_mask_is_binary_and_its_gradient_the_relaxed_one(network: LOUPENetwork) -> None:
    weights = torch.linspace(-1, 1, COLUMNS)
    mask = network.mask(COLUMNS, 3, 0.1, 0.6)
    assert set(mask.unique().tolist()) == {0, 1}
    assert mask.sum() == COLUMNS / 3
    found = torch.autograd.grad((weights * mask).sum(), network.logits)[0]
    probability = learned_lines.probabilities(learned_lines.logits_at(network.logits, (2, 4, 8), 3, COLUMNS), 5, 16)
    soft = learned_lines.relaxed(probability, learned_lines.thresholds(probability, 5, 0.6))
    expected = torch.autograd.grad((weights * soft).sum(), network.logits)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert float(found[:2].norm()) > 0
    assert float(found[2].norm()) == 0  # that of 8x, which R = 3 does not lie beside


def test_weights_of_zero_and_one_are_a_mask(full: Problem) -> None:
    mask = torch.rand(1, COLUMNS, generator=torch.Generator().manual_seed(0)) < 0.4
    maps, image = full.model.sensitivities, random(ROWS, COLUMNS, seed=2).to(torch.complex64)
    binary, weighted = ForwardModel(maps, mask, (-1,)), WeightedModel(maps, mask.float(), (-1,))
    torch.testing.assert_close(weighted.normal(image), binary.normal(image))
    torch.testing.assert_close(weighted.adjoint(full.data), binary.adjoint(full.data))


def test_normal_operator_of_weights(full: Problem) -> None:
    """A^H W A x is the adjoint of W times the data of x, and passes a gradient to lines of weight 0."""
    weights = torch.tensor([[0.0, 0.5, 1.0]]).repeat(1, COLUMNS // 3).requires_grad_(True)
    image = random(ROWS, COLUMNS, seed=3).to(torch.complex64)
    normal = WeightedModel(full.model.sensitivities, weights, (-1,)).normal(image)
    torch.testing.assert_close(normal, full.model.adjoint(weights * full.model.forward(image)))
    assert float(torch.autograd.grad(normal.abs().square().sum(), weights)[0][0, ::3].abs().min()) > 0


def test_lines_that_are_not_drawn_are_not_seen(full: Problem, network: LOUPENetwork) -> None:
    drawn = network.mask(COLUMNS, 4, 0.1, 0.2).bool()
    changed = Problem(full.model, torch.where(drawn, full.data, 7.0), full.noise)
    torch.testing.assert_close(network(changed, 4, 0.1, 0.2), network(full, 4, 0.1, 0.2))


def test_lines_that_the_scan_lacks_are_not_sampled(full: Problem, network: LOUPENetwork) -> None:
    acquired = torch.ones(1, COLUMNS, dtype=torch.bool)
    acquired[:, :8] = False
    padded = Problem(ForwardModel(full.model.sensitivities, acquired, (-1,)), full.data, full.noise)
    zeroed = Problem(padded.model, acquired * full.data, full.noise)
    torch.testing.assert_close(network(padded, 2, 0.1, 0.2), network(zeroed, 2, 0.1, 0.2))


def test_the_solution_and_its_gradient_in_the_weights(full: Problem) -> None:
    """Against the dense solution of each row, differentiated by autograd, at weights of 0 and 1."""
    mask = torch.rand(1, COLUMNS, generator=torch.Generator().manual_seed(1)) < 0.5
    maps, penalty = full.model.sensitivities, torch.tensor([[0.05]], requires_grad=True)
    z = random(ROWS, COLUMNS, seed=4).to(torch.complex64)
    target = random(ROWS, COLUMNS, seed=5).to(torch.complex64)

    weights = mask.float().requires_grad_(True)
    model = WeightedModel(maps, weights, (-1,))
    consistency = data_consistency(ForwardModel(maps, mask, (-1,)), penalty)
    image = solve(model, consistency, penalty, model.adjoint(full.data), z)
    found = torch.autograd.grad((image - target).abs().square().sum(), (weights, penalty))

    dense = mask.float().requires_grad_(True)
    unit = torch.eye(COLUMNS, dtype=torch.complex64)
    transform = full_transform(unit)
    rows = []
    for row in range(ROWS):
        encode = torch.cat([transform @ torch.diag(maps[coil, row]) for coil in range(COILS)])
        w = dense[0].repeat(COILS)[:, None]
        normal = encode.mH @ (w * encode) + penalty[0, 0] * unit
        data = full.data[:, row].reshape(-1, 1)
        rows.append(torch.linalg.solve(normal, encode.mH @ (w * data) + penalty[0, 0] * z[row, :, None])[:, 0])
    exact = torch.stack(rows)
    torch.testing.assert_close(image, exact, rtol=1e-3, atol=1e-4)
    expected = torch.autograd.grad((exact - target).abs().square().sum(), (dense, penalty))
    for one, other in zip(found, expected, strict=True):
        assert float((one - other).norm() / other.norm()) < 1e-2


def full_transform(unit: torch.Tensor) -> torch.Tensor:
    """The centred orthonormal Fourier transform as a matrix."""
    return fourier.fft(unit, (-1,)).mT
