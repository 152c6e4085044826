import pytest
import torch

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.evaluation.coverage import LEVELS, coverage, predicted_reference
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import fourier

INSIDE = torch.ones(200, 200, dtype=torch.bool)


def test_draws_of_the_truths_own_distribution_hold_it_as_often_as_they_promise() -> None:
    random = torch.Generator().manual_seed(0)
    draws, truth = torch.randn(8, 200, 200, generator=random), torch.randn(200, 200, generator=random)
    found = coverage(draws, truth, INSIDE)
    assert {level: 100 * share for level, share in found.items()} == {
        level: pytest.approx(level, abs=1) for level in LEVELS
    }


def test_only_pixels_inside_count() -> None:
    random = torch.Generator().manual_seed(1)
    draws, truth = torch.randn(8, 200, 200, generator=random), torch.randn(200, 200, generator=random)
    truth[100:] = 1e6
    assert coverage(draws, truth, INSIDE & (torch.arange(200) < 100)[:, None])[90] > 0.88


LEVEL, SPREAD = 0.1, 0.1  # of the samples' noise, and of the images


def measured(random: torch.Generator) -> Measurement:
    """Half of the lines of a draw of 1 + SPREAD n, with twofold readout oversampling; lines at an end are missing."""
    truth = 1 + SPREAD * torch.randn(1, 96, 96, dtype=torch.complex64, generator=random)
    full = fourier.fft(fourier.centre_pad_image(truth, (192, 96)))
    full = full + LEVEL * torch.randn(full.shape, dtype=full.dtype, generator=random)
    full[..., :8] = 0
    mask = (torch.arange(96) % 2 == 0)[None] & (torch.arange(96) >= 8)
    kept = Calibration(torch.ones(1, 96, 96, dtype=torch.complex64), torch.tensor([LEVEL]))
    return Measurement(full * mask, mask, (96, 96), full, kept)


def drawn(measurement: Measurement, random: torch.Generator) -> torch.Tensor:
    """A draw of the posterior, which is known: for normal images each hybrid sample has one of its own."""
    prior = fourier.fft(torch.ones(96, 96, dtype=torch.complex64), (-1,))
    weight = measurement.mask * SPREAD**2 / (SPREAD**2 + LEVEL**2)
    mean = prior + weight * (measurement.data[0] - prior)
    deviation = SPREAD * (1 - weight).sqrt()
    return fourier.ifft(mean + deviation * torch.randn(96, 96, dtype=mean.dtype, generator=random), (-1,))


def test_intervals_of_an_exact_posterior_hold_a_measured_reference_as_often_as_they_promise() -> None:
    random = torch.Generator().manual_seed(2)
    shares = []
    for _ in range(4):
        measurement = measured(random)
        reference = measurement.reference()
        assert reference is not None
        predicted = [predicted_reference(measurement, drawn(measurement, random), "combined", n) for n in range(8)]
        shares.append(coverage(torch.stack(predicted), reference, INSIDE[:96, :96]))
    found = {level: 100 * sum(share[level] for share in shares) / len(shares) for level in LEVELS}
    assert found == {level: pytest.approx(level, abs=1) for level in LEVELS}


def test_one_draw_has_no_interval() -> None:
    with pytest.raises(InputError, match="at least two"):
        coverage(torch.zeros(1, 2, 2), torch.zeros(2, 2), torch.ones(2, 2, dtype=torch.bool))
