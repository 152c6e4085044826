"""The loss of learned lines."""

import numpy as np
import pytest
import torch

from napari_recon_robust.physics import learned_lines
from napari_recon_robust.training import losses
from napari_recon_robust.training.bank import Bank, MaskSpecification, draw_example


@pytest.fixture
def full(bank: Bank):
    return draw_example(bank[0], MaskSpecification(patterns=()), 24 * 48, np.random.default_rng(0))


def test_without_patterns_examples_are_fully_sampled(full):
    assert full.problem.model.mask.all()
    assert full.problem.model.mask.shape == (1, full.truth.shape[1])


def test_learned_lines_move_to_the_centre(bank: Bank):
    """From equal probabilities, in a few steps of the packaged network at 4x."""
    from napari_recon_robust.training.loupe import LOUPENetwork

    torch.manual_seed(0)
    network = LOUPENetwork(1, 16, (3, 4), 17)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    examples = [
        draw_example(bank[n], MaskSpecification(patterns=()), 24 * 48, np.random.default_rng(n))
        for n in range(len(bank))
    ]
    for step in range(40):
        optimizer.zero_grad()
        losses.learned_lines(network, examples[step % len(examples)], np.random.default_rng(step)).backward()
        optimizer.step()
    with torch.no_grad():
        logits = learned_lines.logits_at(network.logits, network.accelerations, 4, 64)
        probability = learned_lines.probabilities(logits, 4, 16)
    distance = (torch.arange(64) - 32).abs()
    near, far = probability[(distance > 3) & (distance <= 14)].mean(), probability[distance > 20].mean()
    assert float(near) > 1.2 * float(far)


def test_learned_lines_of_a_perfect_and_of_an_empty_image(full):
    """log ||x - t|| / ||t||: 0 for an empty image, log 2 for one of the other sign."""

    class Constant(torch.nn.Module):
        accelerations = (2, 8)

        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, problem, acceleration, centre_fraction, offset):
            assert 2 <= acceleration <= 8
            assert 0.04 <= centre_fraction <= 0.1
            assert 0 <= offset < 1
            return self.factor * full.truth

    for factor, expected in ((0.0, 0.0), (-1.0, np.log(2)), (0.9, np.log(0.1))):
        value = float(losses.learned_lines(Constant(factor), full, np.random.default_rng(1)))
        assert value == pytest.approx(expected, abs=1e-5)
