from dataclasses import replace

import pytest
import torch

from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors.problem import LEAST_NOISE, Problem, problems


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


def test_a_network_is_told_a_least_noise(lines):
    kept = lines.calibration
    (quiet,) = problems(replace(lines, kept=replace(kept, noise=1e-6 * kept.noise)))
    (usual,) = problems(replace(lines, kept=replace(kept, noise=10 * kept.noise)))
    assert float(quiet.noise) == pytest.approx(LEAST_NOISE)
    assert float(usual.noise) > 2 * LEAST_NOISE
    assert float(usual.noise) == pytest.approx(10 * float(lines.noise_level))
