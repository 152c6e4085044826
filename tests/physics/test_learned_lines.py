"""Learned lines: their number, their probabilities and the gradient by which these are learned."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import learned_lines
from napari_recon_robust.physics.sampling import Sampling


def random_logits(width: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.4, width))


@pytest.mark.slow
@given(
    width=st.integers(48, 400),
    acceleration=st.floats(1.5, 10),
    share=st.floats(0, 1),
    offset=st.floats(1e-6, 1 - 1e-6),
    seed=st.integers(0, 100),
)
@settings(max_examples=200)
def test_budget_and_centre_are_kept_exactly(width, acceleration, share, offset, seed):
    count = learned_lines.number_of_lines(width, 0, acceleration)
    centre = round(share * count)
    probability = learned_lines.probabilities(random_logits(width, seed), centre, count)
    assert float(probability.sum()) == pytest.approx(count)
    assert float(probability.min()) >= 0
    assert float(probability.max()) <= 1 + 1e-12
    mask = learned_lines.draw(probability, centre, offset)
    assert int(mask.sum()) == count
    first = (width - centre + 1) // 2
    assert mask[first : first + centre].all()
    threshold = learned_lines.thresholds(probability, centre, offset)
    clear = (probability - threshold).abs() > 1e-9
    assert torch.equal(mask[clear], (probability > threshold)[clear])


@pytest.mark.slow
def test_each_line_is_sampled_with_its_probability():
    probability = learned_lines.probabilities(random_logits(96, 1), 8, 24)
    offsets = (np.arange(2000) + 0.5) / 2000
    frequency = torch.stack([learned_lines.draw(probability, 8, offset) for offset in offsets]).double().mean(0)
    torch.testing.assert_close(frequency, probability, rtol=0, atol=1e-3)


def test_equal_probabilities_are_equispaced_lines():
    mask = learned_lines.draw(learned_lines.probabilities(torch.zeros(192).double(), 0, 48), 0, 0.4)
    assert set(mask.nonzero().flatten().diff().tolist()) == {4}


@pytest.mark.parametrize("count", [20, 40])
def test_probabilities_are_rescaled_as_in_the_paper(count):
    """Both cases, written out for lines outside the centre."""
    raw = 1 / (1 + np.exp(-5 * random_logits(64, 2).numpy()))
    a, p = count / 64, raw.mean()
    expected = raw * a / p if a <= p else 1 - (1 - raw) * (1 - a) / (1 - p)
    found = learned_lines.probabilities(random_logits(64, 2), 0, count)
    np.testing.assert_allclose(found.numpy(), expected)


@pytest.mark.parametrize("count", [12, 40])
def test_gradient_of_the_relaxed_mask(count):
    """Against central differences, from the logits on, the thresholds held."""
    logits = random_logits(64, 3).requires_grad_(True)
    threshold = learned_lines.thresholds(learned_lines.probabilities(logits, 6, count), 6, 0.3)
    assert not threshold.requires_grad
    assert torch.autograd.gradcheck(
        lambda o: learned_lines.relaxed(learned_lines.probabilities(o, 6, count), threshold), logits
    )
    gradient = torch.autograd.grad(
        learned_lines.relaxed(learned_lines.probabilities(logits, 6, count), threshold)[20], logits
    )[0]
    assert float(gradient[20]) > 0


def test_logits_are_interpolated_in_frequency_and_log_acceleration():
    logits = torch.from_numpy(np.random.default_rng(4).normal(size=(3, 9)))
    found = learned_lines.logits_at(logits, (2, 4, 8), 2 * 2**0.25, 50)
    rows = 0.75 * logits[0] + 0.25 * logits[1]
    expected = np.interp((np.arange(50) - 25) / 50, np.linspace(-0.5, 0.5, 9), rows.numpy())
    np.testing.assert_allclose(found.numpy(), expected)
    torch.testing.assert_close(learned_lines.logits_at(logits, (2, 4, 8), 8, 9 * 8)[::9], logits[2][:-1])


@pytest.mark.parametrize("acceleration", [2, 3, 4, 8])
@pytest.mark.parametrize("width", [64, 179, 320, 640])
def test_the_pattern_for_any_matrix(width, acceleration):
    sampling = Sampling(pattern="loupe", acceleration=acceleration, centre_fraction=0.06, seed=5)
    mask = sampling.mask(96, width)
    assert mask.shape == (1, width)
    assert mask.dtype == torch.bool
    assert int(mask.sum()) == round(width / acceleration)
    centre = round(0.06 * width)
    first = (width - centre + 1) // 2
    assert mask[0, first : first + centre].all()
    assert torch.equal(mask, sampling.mask(96, width))
    others = [sampling.model_copy(update={"seed": seed}).mask(96, width) for seed in range(10, 15)]
    assert not all(torch.equal(mask, other) for other in others)


@pytest.mark.parametrize("acceleration", [4, 8])
def test_learned_lines_are_denser_towards_the_centre(acceleration):
    """Outside of the calibration lines: fewer lines in each quarter of the way out, some in the last."""
    width = 320
    masks = [
        Sampling(pattern="loupe", acceleration=acceleration, centre_fraction=0.04, seed=seed).mask(1, width)[0]
        for seed in range(50)
    ]
    density = torch.stack(masks).double().mean(0)
    distance = (torch.arange(width) - width // 2).abs()
    quarters = [float(density[(distance >= a) & (distance < a + 37)].mean()) for a in (8, 45, 82, 119)]
    assert quarters[0] > 1.1 * quarters[1] > 1.1**2 * quarters[2]
    assert quarters[0] > 1.8 * quarters[3] > 0


def test_what_cannot_be_given_is_said():
    for acceleration in (1.9, 9):
        with pytest.raises(InputError, match="from 2 to 8, and"):
            Sampling(pattern="loupe", acceleration=acceleration).mask(1, 256)
    with pytest.raises(InputError, match="30 centre lines of 100 alone"):
        Sampling(pattern="loupe", acceleration=4, centre_fraction=0.3).mask(1, 100)
