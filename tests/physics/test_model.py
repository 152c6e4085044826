import numpy as np
import pytest
import torch
from torch import Tensor

from napari_recon_robust.physics import model as physics_model
from napari_recon_robust.physics.model import (
    ForwardModel,
    coil_combined,
    coil_norms,
    data_norm,
    root_sum_of_squares,
)


def random(*shape: int, dtype: torch.dtype = torch.complex64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def model(
    coils: int, rows: int, columns: int, *, lines: bool = True, batch: tuple[int, ...] = (), double: bool = False
) -> ForwardModel:
    sensitivities = random(*batch, coils, rows, columns, dtype=torch.complex128 if double else torch.complex64)
    sensitivities = sensitivities / sensitivities.abs().square().sum(-3, keepdim=True).sqrt()
    mask = random(1 if lines else rows, columns, seed=1).real > 0.2
    mask[..., columns // 2] = True
    return ForwardModel(sensitivities, mask, (-1,) if lines else (-2, -1))


@pytest.mark.parametrize("lines", [True, False])
def test_adjoint(lines: bool) -> None:
    a = model(3, 9, 8, lines=lines, double=True)
    x, y = random(2, 9, 8, dtype=torch.complex128, seed=2), random(2, 3, 9, 8, dtype=torch.complex128, seed=3)
    torch.testing.assert_close((a.forward(x).conj() * y).sum(), (x.conj() * a.adjoint(y)).sum())


def test_coil_images_of_an_image_combine_to_it() -> None:
    sensitivities, x = model(3, 9, 8).sensitivities, random(2, 9, 8, seed=2)
    torch.testing.assert_close(coil_combined(sensitivities * x.unsqueeze(-3), sensitivities), x)


def test_sampled_lines_in_hybrid_space_are_the_two_dimensional_model() -> None:
    hybrid = model(3, 8, 10)
    plane = ForwardModel(hybrid.sensitivities, hybrid.mask.expand(8, 10), (-2, -1))
    x = random(8, 10)
    torch.testing.assert_close(hybrid.normal(x), plane.normal(x))


@pytest.mark.parametrize("columns", [1, 16, 20, 31, 45, 46, 96, 126])
@pytest.mark.parametrize("rows", [5, 16, 35])
def test_the_fused_normal_operator_is_forward_and_adjoint(rows: int, columns: int) -> None:
    a = model(3, rows, columns)
    assert a.fused is not None
    x = random(rows, columns, seed=4)
    torch.testing.assert_close(a.normal(x), a.adjoint(a.forward(x)), atol=2e-6, rtol=0)


def test_normal_with_batches_of_images_and_sensitivities() -> None:
    for batch in ((), (2,)):
        a = model(3, 6, 12, batch=batch)
        x = random(2, 6, 12, seed=5)
        torch.testing.assert_close(a.normal(x), a.adjoint(a.forward(x)))
    one = random(6, 12, seed=6)
    torch.testing.assert_close(a.normal(one), a.adjoint(a.forward(one)))


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 300, 10**6])
def test_normal_with_some_coils_at_a_time(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(physics_model, "_AT_ONCE", at_once)
    for batch, masks in (((), ()), ((2,), ()), ((), (2, 1)), ((2,), (2, 1))):
        one = model(3, 9, 12, lines=False, batch=batch)
        a = ForwardModel(one.sensitivities, random(*masks, 9, 12, seed=6).real > 0.2, one.dims)
        for x in (random(9, 12, seed=5), random(2, 9, 12, seed=5)):
            torch.testing.assert_close(a.normal(x), a.adjoint(a.forward(x)))


@pytest.mark.parametrize("lines", [True, False])
def test_gradient_of_the_normal_operator(lines: bool) -> None:
    a = model(2, 4, 5, lines=lines, double=True, batch=(2,))
    x = random(4, 5, dtype=torch.complex128, seed=7).requires_grad_()
    assert torch.autograd.gradcheck(a.normal, x)
    assert torch.autograd.gradgradcheck(a.normal, x)


def test_gradient_in_the_sensitivities() -> None:
    a = model(2, 4, 6, double=True)
    s = a.sensitivities.requires_grad_()
    x = random(4, 6, dtype=torch.complex128, seed=8)
    assert torch.autograd.gradcheck(lambda s: ForwardModel(s, a.mask, a.dims).normal(x), s)


@pytest.mark.parametrize("lines", [True, False])
def test_largest_eigenvalue(lines: bool) -> None:
    """Of smooth sensitivities with sum |S_i|^2 = 1 and a sampled centre: where it is used."""
    row, column = torch.meshgrid(torch.linspace(-1, 1, 10), torch.linspace(-1, 1, 12), indexing="ij")
    sensitivities = torch.stack([torch.exp(-(row**2) - (column - c) ** 2) for c in (-1.0, 1.0)]).to(torch.complex64)
    sensitivities = sensitivities / sensitivities.abs().square().sum(0).sqrt()
    mask = torch.zeros(1 if lines else 10, 12, dtype=torch.bool)
    mask[..., ::3] = mask[..., 4:8] = True
    a = ForwardModel(sensitivities, mask, (-1,) if lines else (-2, -1))
    matrix = a.normal(torch.eye(120, dtype=torch.complex64).reshape(120, 10, 12)).reshape(120, 120).numpy()
    largest = np.linalg.eigvalsh(matrix).max()
    assert 0.97 * largest < float(a.largest_eigenvalue) <= 1.00001 * largest


def test_root_sum_of_squares_has_a_gradient_everywhere() -> None:
    images = random(2, 3, 4)
    images[:, 0, 0] = 0
    images.requires_grad_()
    magnitude = root_sum_of_squares(images)
    np.testing.assert_allclose(magnitude.detach().numpy(), np.sqrt((np.abs(images.detach().numpy()) ** 2).sum(0)), 1e-6)
    magnitude.sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad.abs()).all()
    assert (images.grad[:, 0, 0] == 0).all()


@pytest.mark.slow
def test_the_misfit_of_many_coils_is_that_in_double_precision() -> None:
    a, y = model(32, 256, 256), random(32, 256, 256, seed=8)
    x = a.adjoint(y)
    exact = ForwardModel(a.sensitivities.to(torch.complex128), a.mask, a.dims)
    y[..., 126:130] *= 1e3  # most of the energy is in the centre, as in every scan
    torch.testing.assert_close(a.misfit(x, y).double(), exact.misfit(x.to(torch.complex128), y), rtol=1e-5, atol=0)


def test_the_norms_of_whole_coils_are_those_in_double_precision() -> None:
    y = random(2, 320, 320, seed=9)
    y[..., 156:164] *= 1e3  # most of the energy is in the centre, as in every scan
    exact = torch.linalg.vector_norm(y.to(torch.complex128), dim=(-2, -1))
    torch.testing.assert_close(coil_norms(y).double(), exact, rtol=1e-5, atol=0)
    torch.testing.assert_close(coil_norms(y[None, None]), coil_norms(y)[None, None], rtol=0, atol=0)
    torch.testing.assert_close(data_norm(y).double(), exact.norm(), rtol=1e-5, atol=0)
