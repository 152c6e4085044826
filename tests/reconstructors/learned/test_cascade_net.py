import numpy as np
import torch

from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors.classical.conjugate_gradients import proximal
from napari_recon_robust.reconstructors.learned import cascade_net as module
from napari_recon_robust.reconstructors.problem import Problem


def test_an_untrained_cascade_is_the_proximal_point_method(tiny, dense, monkeypatch):
    """x_{k+1} = (A^H A + p_k I)^-1 (A^H y + p_k x_k), with p_k by the noise level, from A^H y on."""
    monkeypatch.setattr(module, "STEPS", 80)
    network = module.CascadeNetwork(cascades=3, width=8)
    b = tiny.right_hand_side.flatten().numpy()
    x = b
    penalty = 0.1 * np.sqrt(0.01 / 0.005)
    for _ in range(3):
        x = np.linalg.solve(dense + penalty * np.eye(len(b)), b + penalty * x)
    np.testing.assert_allclose(network(tiny).detach().flatten().numpy(), x, rtol=0, atol=1e-4 * np.abs(x).max())


def test_data_consistency_of_one_coil_is_exact_and_the_published_one():
    """(F z + y / p) / (1 + 1 / p) where sampled, F z elsewhere: two eigenvalues, so two steps solve it."""
    generator = torch.Generator().manual_seed(0)
    z, y = torch.randn(2, 16, 24, dtype=torch.complex64, generator=generator)
    mask = torch.rand(1, 24, generator=generator) < 0.4
    model = ForwardModel(torch.ones(1, 16, 24, dtype=torch.complex64), mask, (-1,))
    penalty = torch.tensor(0.3)
    image = proximal(model, model.adjoint((mask * y)[None]), z, penalty, 2)
    spectrum = fourier.fft(z, (-1,))
    expected = torch.where(mask, (spectrum + y / penalty) / (1 + 1 / penalty), spectrum)
    torch.testing.assert_close(fourier.fft(image, (-1,)), expected)


def test_less_penalty_is_closer_to_the_data(lines):
    from napari_recon_robust.reconstructors.problem import problems

    (problem,) = problems(lines)

    def residual(penalty: float) -> float:
        image = module.alternate(problem, [torch.zeros_like], torch.tensor([penalty]))
        return float((problem.model.forward(image) - problem.model.mask * problem.data).norm())

    residuals = [residual(penalty) for penalty in (10.0, 1.0, 0.1)]
    assert residuals == sorted(residuals, reverse=True)


def test_a_correction_passes_through_data_consistency(tiny, dense, monkeypatch):
    """The image is linear in what the last network adds: (A^H A + p I)^-1 p c."""
    monkeypatch.setattr(module, "STEPS", 80)
    correction = torch.randn(6, 12, dtype=torch.complex64, generator=torch.Generator().manual_seed(3))
    problem = Problem(tiny.model, torch.zeros_like(tiny.data), tiny.noise)
    image = module.alternate(problem, [lambda x: correction], torch.tensor([0.4]))
    expected = np.linalg.solve(dense + 0.4 * np.eye(72), 0.4 * correction.flatten().numpy())
    np.testing.assert_allclose(image.flatten().numpy(), expected, rtol=0, atol=1e-4)
