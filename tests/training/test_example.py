from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.acs import lines_outside_acs
from napari_recon_robust.reconstructors.problem import LEAST_NOISE
from napari_recon_robust.training.example import MaskSpecification, draw_example


def test_an_example_obeys_the_forward_model(bank):
    """y = A x + n: what the truth does not explain has the level of the noise, and R is what was asked for."""
    masks = MaskSpecification(patterns=("random",), acceleration=(2.0, 2.0))
    for number in range(len(bank)):
        columns = bank[number].magnitude.shape[1]
        example = draw_example(bank[number], masks, pixels=24 * columns, rng=np.random.default_rng(number))
        model, data = example.problem.model, example.problem.data
        assert example.truth.shape == (24, data.shape[-1])
        residual = (model.forward(example.truth) - data)[:, :, model.mask[0]]
        # Sensitivities from a few noisy lines do not explain the edge of the head, so more than noise is left.
        level = float(residual.abs().square().mean().sqrt() / data[:, :, model.mask[0]].abs().square().mean().sqrt())
        noise = float(example.problem.noise) / float(data[:, :, model.mask[0]].abs().square().mean().sqrt())
        assert 0.5 * noise < level < noise + 0.25
        zero_filled = example.problem.right_hand_side.abs()
        assert float(torch.quantile(zero_filled, 0.995)) == pytest.approx(1, abs=1e-3)


def test_examples_are_drawn_again_from_the_same_seed(bank):
    first, again = (draw_example(bank[0], MaskSpecification(), 24 * 64, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(first.problem.data, again.problem.data)
    assert torch.equal(first.truth, again.truth)


def test_training_tells_a_network_no_less_noise_than_use_does(bank):
    """Less than what it has seen makes it amplify what it does not know."""
    loud, quiet = (
        draw_example(replace(bank[0], noise=noise), MaskSpecification(), 24 * 64, np.random.default_rng(0))
        for noise in (0.01, 1e-5)
    )
    assert float(quiet.problem.noise) == pytest.approx(LEAST_NOISE)
    assert float(loud.problem.noise) > 0.005


def test_a_crop_lies_where_a_coil_sees(bank):
    """The magnitude rings beyond the support, where there is nothing to learn from."""
    case = bank[0]
    seen = torch.zeros(case.magnitude.shape[0], 1)
    seen[: len(seen) // 6] = 1
    narrow = replace(case, sensitivities=case.sensitivities * seen, truth=(case.truth + 1) * seen)
    for seed in range(20):
        example = draw_example(narrow, MaskSpecification(), 8 * 64, np.random.default_rng(seed))
        assert float(example.truth.abs().sum()) > 0


def test_an_example_under_points_obeys_the_forward_model_of_the_crop(bank):
    """Rows don't decouple under points, so the crop is a slice of its own, with a transform in both directions."""
    masks = MaskSpecification(patterns=("poisson-disc",), acceleration=(4.0, 4.0))
    for number in range(len(bank)):
        columns = bank[number].magnitude.shape[1]
        example = draw_example(bank[number], masks, pixels=24 * columns, rng=np.random.default_rng(number))
        model, data = example.problem.model, example.problem.data
        assert model.mask.shape == example.truth.shape == (24, columns)
        assert 1 / float(model.mask.float().mean()) == pytest.approx(4, rel=0.05)
        assert model.mask[11:13, columns // 2 - 1 : columns // 2 + 1].all()
        measured = data[:, model.mask]
        residual = (model.forward(example.truth) - data)[:, model.mask]
        level = float(residual.abs().square().mean().sqrt() / measured.abs().square().mean().sqrt())
        noise = float(example.problem.noise) / float(measured.abs().square().mean().sqrt())
        assert 0.5 * noise < level < noise + 0.25
        assert not data[:, ~model.mask].any()


@pytest.mark.parametrize("pattern", ["equispaced", "poisson-disc"])
def test_lines_that_the_scanner_never_measures_are_known_zeros_of_truth_and_samples(bank, pattern):
    """Padding is at both ends, alike, or at one; the ACS is measured, and noise alone is left as it is everywhere."""
    masks = MaskSpecification(patterns=(pattern,), acceleration=(2.0, 2.0), padded=1.0)
    shares, most = set(), 0.0
    for seed in range(30):
        case = bank[seed % len(bank)]
        columns = case.magnitude.shape[1]
        example = draw_example(case, masks, 24 * columns, np.random.default_rng(seed))
        model, data = example.problem.model, example.problem.data
        missing = ((data == 0) & model.mask).flatten(0, -2).all(0)
        before, after = (int(side.cumprod(0).sum()) for side in (missing.int(), missing.int().flip(0)))
        assert missing.sum() == before + after
        assert before == after or 0 in (before, after)
        assert 0 < before + after <= (0.31 if before == after else 7 / 16) * columns + 1
        assert before <= (columns - case.centre_lines) // 2 >= after, "the ACS is measured"
        shares.add((before > 0, after > 0))
        most = max(most, (before + after) / columns)
        ends = torch.zeros(columns, dtype=torch.bool)
        ends[:before] = ends[columns - after :] = True
        coils = fourier.fft(model.sensitivities * example.truth, (-1,))
        assert float(coils[..., ends].abs().square().sum()) < 0.01 * float(coils.abs().square().sum())
    assert shares == {(True, True), (True, False), (False, True)}
    assert most > 0.35, "of these small cases, whose ACS is a fifth"


@pytest.mark.parametrize("pattern", ["equispaced", "random", "equispaced-fraction", "magic"])
def test_masks_always_sample_the_calibration_lines(bank, pattern):
    case = bank[0]
    for seed in range(20):
        example = draw_example(case, MaskSpecification(patterns=(pattern,)), 24 * 64, np.random.default_rng(seed))
        mask = example.problem.model.mask[0]
        first = (len(mask) - case.centre_lines + 1) // 2
        assert mask[first : first + case.centre_lines].all()


def test_masks_leave_lines_outside_the_calibration_lines_also_at_the_highest_acceleration(bank):
    """Self-supervision holds some of them out; R is limited so that 10% of the sampled lines are left on average."""
    case = bank[0]
    wide = replace(case, centre_lines=case.magnitude.shape[1] // 3)
    masks = MaskSpecification(patterns=("random",), acceleration=(2.0, 10.0))
    fewest = 2**31
    for seed in range(300):
        mask = draw_example(wide, masks, 64, np.random.default_rng(seed)).problem.model.mask
        fewest = min(fewest, len(lines_outside_acs(mask)))
    assert fewest == 2, "lines are drawn as before where there are enough"
