from itertools import pairwise

import pytest
import torch

from helpers.simulated import undersampled
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics import noise
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.classical import hqs, sparsity, tv
from napari_recon_robust.reconstructors.classical.hqs import HQS, HQSSolver
from napari_recon_robust.reconstructors.classical.tv_wavelet import objective
from napari_recon_robust.reconstructors.classical.wavelet import L1Wavelet
from napari_recon_robust.simulation.acquisition import SimulatedSlice


@pytest.mark.parametrize("mix", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_no_alternation_raises_the_objective(mix: float, pattern: str, request: pytest.FixtureRequest) -> None:
    measurement: Measurement = request.getfixturevalue(pattern)
    b = sparsity.right_hand_side(measurement)
    solver, weight, penalty = HQSSolver(measurement.model, mix), 3e-3, 0.5
    images = [torch.zeros_like(b), *solver.alternate(b, weight, penalty, torch.zeros_like(b), 20)]
    values = [float(solver.objective(b, weight, penalty, image)) for image in images]
    assert all(later <= before + 1e-6 * abs(values[-1]) for before, later in pairwise(values))
    assert values[-1] < values[1]


@pytest.mark.slow
@pytest.mark.parametrize("mix", [0.0, 1.0])
def test_it_finds_the_minimiser_that_the_other_solvers_know(lines: Measurement, mix: float) -> None:
    weight, data = 3e-3, lines.data / lines.scale
    other = tv.TotalVariation() if mix == 0 else L1Wavelet()
    images = [method / lines.scale for method in (HQS()(lines, weight=weight, mix=mix), other(lines, weight=weight))]
    split, exact = (float(objective(lines.model, data, image, weight, mix)) for image in images)
    assert exact * 0.999 < split < 1.01 * exact


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_it_crosses_the_gaps_of_random_lines(simulated: SimulatedSlice, seed: int) -> None:
    """The wide widths carry the image across them; at the last the alternation creeps."""
    sampling = Sampling(pattern="random", acceleration=4, centre_fraction=0.15, seed=seed)
    few, weight = undersampled(simulated, sampling), 2e-3
    images = [
        method / few.scale for method in (HQS()(few, weight=weight, mix=0.0), tv.TotalVariation()(few, weight=weight))
    ]
    split, exact = (float(objective(few.model, few.data / few.scale, image, weight, 0.0)) for image in images)
    assert exact * 0.999 < split < 1.003 * exact


@pytest.mark.slow
def test_it_finds_the_minimiser_in_strong_noise_too(simulated: SimulatedSlice) -> None:
    clean, weight = undersampled(simulated, Sampling(acceleration=4, centre_fraction=0.15)), 0.02
    noisy = clean.with_kspace(noise.add(clean.kspace, clean.mask, 0.15 * float(clean.scale), seed=1), keep=True)
    exact = tv.TotalVariation()(noisy, weight=weight) / noisy.scale
    split = HQS()(noisy, weight=weight, mix=0.0) / noisy.scale
    values = [float(objective(noisy.model, noisy.data / noisy.scale, image, weight, 0.0)) for image in (exact, split)]
    assert (split - exact).norm() < 0.1 * exact.norm()
    assert values[0] * 0.999 < values[1] < 1.01 * values[0]


def test_items_of_a_batch_end_on_their_own(lines: Measurement) -> None:
    """One that takes longer keeps none going."""
    empty = lines.with_kspace(torch.zeros_like(lines.kspace), keep=True)
    blurred = lines.kspace * (torch.arange(lines.kspace.shape[-1]) - lines.kspace.shape[-1] // 2).abs().lt(6)
    both = lines.with_kspace(torch.stack((lines.kspace, blurred, empty.kspace)), keep=True)
    images = HQS()(both, weight=2e-2)
    alone = HQS()(lines.with_kspace(blurred, keep=True), weight=2e-2)
    assert (images[1] - alone).norm() < 1e-5 * alone.norm()
    assert not images[2].any()


def test_the_weight_that_suits_strong_noise_is_within_the_knob(lines: Measurement) -> None:
    noisy = lines.with_kspace(noise.add(lines.kspace, lines.mask, 0.2 * float(lines.scale), seed=1))
    assert HQS().rule(noisy)["weight"] == pytest.approx(0.8 * float(noisy.noise_level) ** 1.5)
    assert float(noisy.noise_level) > 0.15


def test_a_split_objective_lies_below_its_own(lines: Measurement) -> None:
    """Huber's function is below the magnitude, the closer the larger the penalty."""
    b, weight, mix = sparsity.right_hand_side(lines), 3e-3, 0.4
    solver = HQSSolver(lines.model, mix)
    image = HQS()(lines, weight=weight, mix=mix) / lines.scale
    misfit = ((lines.model.normal(image) / 2 - b).conj() * image).real.sum()
    zero = torch.zeros_like(lines.data)
    regularizer = objective(lines.model, zero, image, weight, mix) - objective(lines.model, zero, image, 0.0, mix)
    values = [float(solver.objective(b, weight, weight / width, image)) for width in hqs.WIDTHS]
    assert all(a < b for a, b in pairwise(values))
    assert values[-1] < float(misfit + regularizer)
