import numpy as np
import pytest
import torch

from helpers.simulated import SIZE, simulate
from napari_recon_robust.physics import fourier
from napari_recon_robust.training.bank_specification import BankSpecification
from napari_recon_robust.training.case import calibrated
from napari_recon_robust.training.contents import Acquisition


def test_a_case_is_its_truth_and_noise(bank):
    """Combining the noisy coil images gives the truth plus noise of the recorded level; coils' noise is correlated."""
    for number in range(len(bank)):
        case = bank[number]
        support = case.sensitivities.abs().sum(0) > 0
        combined = (case.sensitivities.conj() * case.coil_images).sum(0)
        error = (combined - case.truth)[support].abs().square().mean().sqrt()
        assert 0.5 * case.noise < float(error) < 2 * case.noise


def test_a_case_does_not_depend_on_the_units_of_its_scan():
    scan, specification = simulate(noise=0.01), BankSpecification(cases=1, minimum_centre_lines=8)
    every = torch.ones(SIZE, dtype=torch.bool)
    one, other = (
        calibrated(
            Acquisition(fourier.ifft(units, (-2,)), fourier.ifft(units), sigma, every),
            specification,
            np.random.default_rng(0),
        )
        for units, sigma in ((scan.kspace, 0.01), (64 * scan.kspace, 0.64))
    )
    assert other.noise == pytest.approx(one.noise, rel=1e-5)
    for name in ("coil_images", "truth", "magnitude"):
        torch.testing.assert_close(getattr(other, name), getattr(one, name), rtol=1e-4, atol=1e-4)
