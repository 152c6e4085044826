from collections.abc import Callable
from typing import Any

import torch

from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors.learned.unet_joint import ComplexUNet
from napari_recon_robust.reconstructors.problem import Problem


def test_the_gradient_is_that_of_finite_differences(
    make_random: Callable[..., Any], directional: Callable[..., tuple[float, float]]
) -> None:
    """Also through the local phase, without which attacks find less; the correction is rounded to single precision."""
    network = make_random(ComplexUNet, {"widths": [8, 8]}, 0.1).double()
    draw = torch.Generator().manual_seed(0)
    maps, data = torch.randn(2, 3, 20, 21, dtype=torch.complex128, generator=draw)
    (weights,) = torch.randn(1, 20, 21, dtype=torch.complex128, generator=draw)
    mask = torch.rand(1, 21, generator=draw) < 0.6
    model = ForwardModel(maps / maps.norm(dim=0), mask, (-1,))

    def value(y: torch.Tensor) -> torch.Tensor:
        return (network(Problem(model, y * mask, torch.full((1, 1), 0.05))) * weights).real.sum()

    difference, gradient = directional(value, data, 1e-3)
    torch.testing.assert_close(gradient, difference, rtol=1e-3, atol=0)
