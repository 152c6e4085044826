import torch

from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors.classical.conjugate_gradients import conjugate_gradients, proximal


def test_a_zero_right_hand_side_gives_zero_and_a_finite_gradient() -> None:
    b = torch.zeros(2, 3, 4, dtype=torch.complex64)
    b[1] = 1
    b.requires_grad_()
    x = conjugate_gradients(lambda x: 2 * x, b, 5)
    torch.testing.assert_close(x, b / 2)
    (gradient,) = torch.autograd.grad(x.real.sum(), b)
    assert torch.isfinite(torch.view_as_real(gradient)).all()


def test_the_proximal_image_solves_its_equation() -> None:
    """(A^H A + w) x = b + w z."""
    random = torch.Generator().manual_seed(0)
    maps = torch.randn(3, 10, 12, dtype=torch.complex64, generator=random)
    model = ForwardModel(maps, torch.rand(1, 12, generator=random) < 0.6, (-1,))
    b, z = torch.randn(2, 10, 12, dtype=torch.complex64, generator=random)
    x = proximal(model, b, z, 0.7, 60)
    torch.testing.assert_close(model.normal(x) + 0.7 * x, b + 0.7 * z, rtol=1e-3, atol=1e-3)


def test_steps_end_where_only_rounding_is_left() -> None:
    """With one coil A^H A is a projection: one step solves the system, and rounding lies where nothing is measured."""
    mask = (torch.arange(64)[None] % 4 == 0) | ((torch.arange(64)[None] - 32).abs() < 3)
    phase = torch.exp(1j * torch.linspace(0, 3, 64))
    model = ForwardModel((phase[:, None] * phase)[None], mask, (-1,))
    random = torch.Generator().manual_seed(0)
    b = model.adjoint(torch.randn((1, 64, 64), generator=random, dtype=torch.complex64))
    torch.testing.assert_close(conjugate_gradients(model.normal, b, 8), b)
