"""Posterior sampling with a small network of random weights, and with a prior whose posterior is known."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from weakref import WeakSet

import numpy as np
import pytest
import torch

from helpers.method_properties import (  # noqa: F401
    measurement,
    test_a_batch_is_a_loop,
    test_a_family_is_its_members,
    test_it_is_reproducible,
    test_it_looks_like_the_object,
    test_shape_and_type,
    test_the_units_of_the_scan_do_not_matter,
)
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground import guard
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Job, Progress, run
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical.conjugate_gradients import steps_needed
from napari_recon_robust.reconstructors.generative import posterior
from napari_recon_robust.reconstructors.generative.posterior import (
    Denoised,
    Denoiser,
    Posterior,
    assumed_noise,
    conditional_draw,
    posterior_sample,
)
from napari_recon_robust.reconstructors.problem import Problem


@pytest.fixture(scope="module")
def method(random_weights: Callable[..., Path]) -> Posterior:
    return Posterior(random_weights(Denoiser, {"widths": [8, 8]}, 0.003))


def in_parts(image: torch.Tensor) -> np.ndarray:
    """Real and imaginary part of each pixel in turn, float64 (2 pixels,)."""
    return torch.view_as_real(image).flatten().double().numpy()


# Of a Gaussian prior: independent pixels around zero, the imaginary part with less variance than the real one.
PRIOR, SIGMA = torch.tensor([0.15, 0.03]).square(), 0.1


def of_the_prior(image: torch.Tensor, deviation: torch.Tensor) -> Denoised:
    """The denoiser of this prior, which is known."""
    share = PRIOR / (PRIOR + deviation.square() / 2)
    mean = torch.view_as_complex(torch.view_as_real(image) * share)
    return Denoised(mean, (share * deviation.square() / 2).expand(*image.shape, 2))


@pytest.fixture
def gaussian() -> Problem:
    generator = torch.Generator().manual_seed(1)
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 6), torch.linspace(-1, 1, 12), indexing="ij")
    near = [(r, c) for r in (-1, 1) for c in (-1, 1)]
    maps = [torch.polar((-((rows - r) ** 2) - (columns - c) ** 2).exp(), r * rows + 2 * c * columns) for r, c in near]
    model = ForwardModel(torch.stack(maps), torch.rand(1, 12, generator=generator) < 0.6, (-1,))
    truth = torch.view_as_complex(PRIOR.sqrt() * torch.randn(6, 12, 2, generator=generator))
    noise = model.mask * torch.randn(4, 6, 12, dtype=torch.complex64, generator=generator)
    return Problem(model, model.forward(truth) + SIGMA * noise, torch.tensor([[SIGMA]]))


def known_posterior(aligned: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of real and imaginary parts, float64 (2 pixels,), with matrices."""
    units = torch.eye(72, dtype=torch.complex64).reshape(-1, 6, 12)
    normal = np.stack([aligned.model.normal(unit).flatten().numpy() for unit in units], axis=1).astype(complex)
    # Of real and imaginary parts in turn: Re(x)^T N Re(y) = Re <x, A^H A y>.
    of_parts = np.kron(normal.real, np.eye(2)) + np.kron(normal.imag, np.array([[0, -1], [1, 0]]))
    precision = 2 * of_parts / SIGMA**2 + np.diag(1 / PRIOR.repeat(72).double().numpy())
    mean = np.linalg.solve(precision, 2 * in_parts(aligned.right_hand_side) / SIGMA**2)
    return mean, np.linalg.inv(precision).diagonal()


@pytest.mark.thorough
def test_samples_of_a_gaussian_prior_have_its_posterior(gaussian: Problem) -> None:
    """200 samples have it within what is left to chance, after 12 steps already since each is exact."""
    count = 200
    aligned, phase = gaussian.aligned
    mean, variance = known_posterior(aligned)
    draws = np.stack(
        [in_parts(phase.conj() * run(posterior_sample(of_the_prior, gaussian, 12, seed))) for seed in range(count)]
    )
    ratio = draws.var(0, ddof=1) / variance
    assert ratio.mean() == pytest.approx(1, abs=0.04)
    assert ratio.std() < 1.5 * (2 / count) ** 0.5
    bias = np.square(draws.mean(0) - mean) / variance
    assert bias.mean() < 0.015  # 0.005 by chance; the start, at TV's image, leaves a little


@pytest.mark.parametrize("steps", [12, 60])
def test_a_sample_keeps_something_of_its_start(gaussian: Problem, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """With a Gaussian prior a sample is linear in its start: draws of one seed differ by what is kept of it."""
    aligned, phase = gaussian.aligned
    mean, variance = known_posterior(aligned)
    exact = phase * torch.view_as_complex(torch.from_numpy(mean).float().reshape(6, 12, 2))
    tv = run(posterior_sample(of_the_prior, gaussian, steps, 0))
    monkeypatch.setattr(Problem, "tv", lambda self, weight: exact)
    off = in_parts(tv - run(posterior_sample(of_the_prior, gaussian, steps, 0)))
    kept = float(np.sqrt(np.square(off).sum() / variance.sum()))
    assert 0.02 < kept < 0.2


def dense_draw(problem: Problem, prior: Denoised, sigma: float, seed: int) -> np.ndarray:
    """m + e + V A^T (A V A^T + sigma^2 / 2)^-1 (y + f - A (m + e)) of real and imaginary parts, with matrices.

    e and f are drawn as `conditional_draw` does; in float64.
    """
    generator = torch.Generator().manual_seed(seed)
    e, f = (torch.randn(like.shape, dtype=like.dtype, generator=generator) for like in (prior.mean, problem.data))
    units = torch.eye(72, dtype=torch.complex64).reshape(-1, 6, 12)
    a = np.stack([problem.model.forward(unit).flatten().numpy() for unit in units], axis=1).astype(complex)
    sampled = np.abs(a).sum(1) > 0
    a = a[sampled]
    real = np.kron(a.real, np.eye(2)) + np.kron(a.imag, np.array([[0, -1], [1, 0]]))
    variance = prior.variance.flatten().double().numpy()
    drawn = in_parts(prior.mean) + np.sqrt(2 * variance) * in_parts(e)
    data = in_parts((problem.data + sigma * f).flatten()[torch.from_numpy(sampled)])
    system = real * variance @ real.T + sigma**2 / 2 * np.eye(len(real))
    return drawn + variance * (real.T @ np.linalg.solve(system, data - real @ drawn))


@pytest.mark.parametrize("noise", [0.01, 1e-4, 0.0])
@pytest.mark.parametrize("level", [0.3, 0.003])
def test_a_draw_is_that_of_matrices_also_without_noise(tiny: Problem, noise: float, level: float) -> None:
    """With the noise that `assumed_noise` says, which differs from the data's only by what cannot be resolved."""
    generator = torch.Generator().manual_seed(2)
    variance = (level * torch.rand(6, 12, 2, generator=generator)).square()
    prior = Denoised(torch.randn(6, 12, dtype=torch.complex64, generator=generator), variance)
    problem = replace(tiny, noise=torch.tensor([[noise]]))
    sigma = float(assumed_noise(problem.noise, variance))
    assert 0.999 * noise < sigma < 1.001 * max(noise, 0.005 * level)
    drawn = in_parts(conditional_draw(prior, problem, torch.Generator().manual_seed(7)))
    expected = dense_draw(problem, prior, sigma, seed=7)
    change = np.linalg.norm(expected - in_parts(prior.mean))
    assert np.linalg.norm(drawn - expected) < 0.01 * change


@pytest.mark.parametrize(("noise", "largest"), [(0.0, 0.1), (1e-12, 0.1), (0.0, 1e6), (1e-5, 1e-9)])
def test_no_draw_takes_more_steps_than_single_precision_can_use(noise: float, largest: float) -> None:
    sigma = assumed_noise(torch.tensor([[noise]]), torch.tensor([largest]))
    assert steps_needed(1 + 2 * largest / float(sigma) ** 2, posterior.PRECISION) < 800


@pytest.mark.slow
def test_a_run_of_several_holds_the_samples_of_the_seeds(method: Posterior, lines: Measurement) -> None:
    several = run(method.samples(replace(lines), 3, steps=3, seed=5))
    assert several.images.shape == (3, *lines.matrix)
    for number in range(3):
        assert torch.equal(several.images[number], method(replace(lines), samples=1, steps=3, seed=5 + number))
    assert torch.equal(several.mean, method(replace(lines), samples=3, steps=3, seed=5))
    assert not torch.equal(several.images[0], several.images[1])
    residual = lines.model.forward(several.images[0]) - lines.data
    assert float(several.consistency[0]) == pytest.approx(float(residual.norm() / lines.data.norm()), rel=1e-4)


def test_the_deviation_is_that_of_the_magnitudes(method: Posterior, lines: Measurement) -> None:
    samples = run(method.samples(lines, 3, steps=3))
    shown = method(lines, samples=3, steps=3, show="deviation")
    expected = np.abs(samples.images.numpy()).std(0, ddof=1)
    assert np.allclose(shown.numpy(), expected, atol=1e-3 * expected.max())
    with pytest.raises(InputError, match="at least two"):
        method(lines, samples=1, steps=3, show="deviation")


def test_what_was_drawn_is_not_drawn_again(method: Posterior, lines: Measurement) -> None:
    fresh = replace(lines)
    assert len(list(method.job(fresh, samples=2, steps=4))) == 8
    assert len(list(method.job(fresh, samples=3, steps=4))) == 4
    assert list(method.job(fresh, samples=3, steps=4, show="deviation")) == []


def test_the_samples_that_were_drawn_last_are_kept(
    method: Posterior, lines: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posterior, "MOST", 2)
    fresh = replace(lines)
    assert len(run(method.samples(fresh, 3, steps=2)).images) == 3
    assert list(method.job(fresh, samples=2, steps=2, seed=1)) == []
    assert len(list(method.job(fresh, samples=1, steps=2, seed=0))) == 2


def test_contrasts_hold_no_more_images_than_are_kept(
    method: Posterior, lines: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    images: WeakSet[torch.Tensor] = WeakSet()
    most = 0

    def sample(of: Measurement, steps: int, seed: int) -> Job[tuple[torch.Tensor, torch.Tensor]]:
        nonlocal most
        yield Progress(1.0)
        image = torch.full(of.matrix, 1.0 + seed, dtype=torch.complex64)
        images.add(image)
        most = max(most, len(images))
        return image, torch.zeros(())

    monkeypatch.setattr(posterior, "MOST", 3)
    monkeypatch.setattr(method, "_draw", sample)
    region = torch.zeros(lines.matrix, dtype=torch.bool)
    region[20:26, 30:36] = True
    assert len(run(method.contrasts(replace(lines), region, None, 40)).values) == 40
    assert most <= 5  # those that are kept, the last one and the new one


def test_more_samples_than_there_is_memory_for_are_refused_before_they_are_drawn(
    method: Posterior, lines: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "free_memory", lambda: 10**8)
    with pytest.raises(InputError, match=r"a set of 10000 samples needs \S+ MB of memory, and 100 MB are free"):
        next(method.samples(lines, 10_000))


def test_contrasts_are_those_of_the_samples(method: Posterior, lines: Measurement) -> None:
    region, reference = torch.zeros(2, *lines.matrix, dtype=torch.bool)
    region[20:26, 30:36] = True
    reference[34:40, 20:40] = True
    found = run(method.contrasts(lines, region, reference, 3, 2, 5))
    images = run(method.samples(lines, 3, 2, 5)).images.abs()
    expected = [float(image[region].mean() / image[reference].mean() - 1) for image in images]
    assert found.values.tolist() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert len(set(found.values.tolist())) == 3
    with pytest.raises(InputError, match="overlap"):
        next(method.contrasts(lines, region, region))
    with pytest.raises(InputError, match="zero everywhere; choose a slice with signal"):
        next(method.contrasts(replace(lines, kspace=torch.zeros_like(lines.kspace)), region, reference))
    batch = replace(lines, kspace=lines.kspace.expand(2, -1, -1, -1))
    with pytest.raises(InputError, match="one slice .* is taken at a time"):
        next(method.contrasts(batch, region))


def boxes(scan: Measurement, *corners: tuple[int, int]) -> list[torch.Tensor]:
    """Regions of 4x4 pixels."""
    found = [torch.zeros(scan.matrix, dtype=torch.bool) for _ in corners]
    for region, (row, column) in zip(found, corners, strict=True):
        region[row : row + 4, column : column + 4] = True
    return found


def test_regions_of_air_are_told(method: Posterior, lines: Measurement, monkeypatch: pytest.MonkeyPatch) -> None:
    """A region of air had a probability, and no word."""

    def sample(of: Measurement, steps: int, seed: int) -> Job[tuple[torch.Tensor, torch.Tensor]]:
        yield Progress(1.0)
        return torch.ones(of.matrix, dtype=torch.complex64), torch.zeros(())

    monkeypatch.setattr(method, "_draw", sample)
    monkeypatch.setattr(ForwardModel, "support", torch.ones(lines.model.shape, dtype=torch.bool))
    air, tissue, beside = boxes(lines, (0, 0), (22, 30), (36, 24))
    for region, reference, words in ((air, tissue, "in the region"), (tissue, air, "in the reference region")):
        found = run(method.contrasts(replace(lines), region, reference, 2))
        (caution,) = found.cautions
        assert caution.startswith(f"There is no tissue {words}:")
        assert found.to_json(0)["cautions"] == [caution]
    assert run(method.contrasts(replace(lines), tissue, beside, 2)).cautions == ()


def test_a_reference_without_an_image_is_refused_before_samples_are_drawn(
    method: Posterior, lines: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All samples were drawn first."""
    drawn = []

    def sample(of: Measurement, steps: int, seed: int) -> Job[tuple[torch.Tensor, torch.Tensor]]:
        yield Progress(1.0)
        drawn.append(seed)
        return torch.zeros(of.matrix, dtype=torch.complex64), torch.zeros(())

    monkeypatch.setattr(method, "_draw", sample)
    air, tissue = boxes(lines, (0, 0), (22, 30))
    sensitivities = lines.calibration.sensitivities.clone()
    sensitivities[..., :8, :8] = 0
    blind = replace(lines, kept=replace(lines.calibration, sensitivities=sensitivities))
    with pytest.raises(InputError, match="no coil sees anything in the reference region; choose one"):
        next(method.contrasts(blind, tissue, air, 5))
    with pytest.raises(InputError, match="zero in the reference region"):
        run(method.contrasts(replace(lines), air, tissue, 5))
    assert drawn == [0], "the first tells"


def test_previews_and_cancelling(method: Posterior, lines: Measurement) -> None:
    job = method.job(replace(lines), samples=50, steps=100)
    first = next(job)
    assert first.preview.shape == lines.matrix
    assert 0 < first.fraction < 0.001
    job.close()
    assert next(job, None) is None


def test_it_leaves_the_generator_of_random_numbers_alone(method: Posterior, lines: Measurement) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    method(replace(lines), samples=1, steps=2)
    assert torch.equal(torch.rand(4), expected)


def test_a_denoiser_knows_at_first_the_power_of_images_alone() -> None:
    """Wiener's filter of white images of deviation 0.4, and its error."""
    noisy = torch.randn(7, 13, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    mean, variance = Denoiser((8, 8))(noisy, torch.tensor(0.3))
    assert torch.allclose(mean, 0.16 / 0.25 * noisy)
    assert variance.shape == (7, 13, 2)
    assert torch.allclose(2 * variance, torch.tensor(1.001 * 0.16 * 0.09 / 0.25))


@pytest.mark.thorough
@pytest.mark.parametrize("real_brain", [3], indirect=True)
def test_the_mean_of_the_shipped_prior_beats_linear_reconstruction(real_brain: Measurement, shared: Path) -> None:
    from napari_recon_robust.data.foreground import foreground
    from napari_recon_robust.evaluation.metrics import measure
    from napari_recon_robust.reconstructors import registry

    reference = real_brain.reference("combined")
    assert reference is not None
    images = (registry.get("posterior")(real_brain, steps=10), registry.get("cg-sense")(real_brain))
    ours, linear = (measure(i, reference, tissue=foreground(reference))["foreground"] for i in images)
    assert ours.nmse < linear.nmse
    assert ours.ssim > linear.ssim


def test_the_deviation_of_samples_is_no_image() -> None:
    method = registry.get("posterior")
    assert method.is_image({"show": "mean"})
    assert not method.is_image({"show": "deviation"})
    assert registry.get("tv").is_image({"weight": 1e-3})
