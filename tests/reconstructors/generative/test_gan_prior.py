"""CSGM with a small generator of random weights, and images that it can make."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.method_properties import (  # noqa: F401
    measurement,
    test_a_batch_is_a_loop,
    test_a_family_is_its_members,
    test_every_live_knob_moves_the_image,
    test_it_is_reproducible,
    test_it_looks_like_the_object,
    test_shape_and_type,
    test_the_units_of_the_scan_do_not_matter,
)
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.progress import run
from napari_recon_robust.networks.channels import local_phase, to_complex
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.generative import gan_prior
from napari_recon_robust.reconstructors.generative.gan_prior import ERROR, GANPrior, PriorNetwork, deviation, search
from napari_recon_robust.reconstructors.problem import Problem, problems


@pytest.fixture(scope="module")
def method(random_weights: Callable[..., Path]) -> GANPrior:
    return GANPrior(random_weights(PriorNetwork, {"widths": [8, 8, 8]}, 0.05))


@pytest.fixture(scope="module")
def network(method: GANPrior) -> PriorNetwork:
    return method.network(torch.device("cpu"))


@pytest.mark.slow
def test_the_search_finds_an_image_that_fits(network: PriorNetwork, lines: Measurement) -> None:
    """In samples of an image that it can make, but for the phase, which is estimated."""
    (problem,) = problems(lines)
    z = torch.randn(1, 16, 6, 6, generator=torch.Generator().manual_seed(9))
    phase = local_phase(problem.right_hand_side, problem.noise)
    truth = phase * to_complex(network.generator(z))
    made = Problem(problem.model, problem.model.forward(truth), problem.noise)
    phase = local_phase(made.right_hand_side, made.noise)

    def misfit(image: torch.Tensor) -> float:
        return float((made.model.forward(image) - made.data).norm() / made.data.norm())

    short, long = (run(search(network.generator, made, n, 1, seed=0)) for n in (5, 300))
    assert misfit(long) < 0.65 * misfit(short)


def test_restarts_keep_the_best(network: PriorNetwork, lines: Measurement) -> None:
    (problem,) = problems(lines)
    steps = [list(search(network.generator, problem, 12, 1, seed)) for seed in (3, 4, 5)]
    images = [run(search(network.generator, problem, 12, 1, seed)) for seed in (3, 4, 5)]
    best = run(search(network.generator, problem, 12, 3, seed=3))
    assert all(len(one) == 3 for one in steps)
    assert sum(torch.equal(best, image) for image in images) == 1

    def misfit(image: torch.Tensor) -> float:
        return float((problem.model.forward(image) - problem.data * problem.model.mask).norm())

    # The penalty on z is small beside the misfit.
    assert misfit(best) < min(map(misfit, images)) + ERROR * (2 * 16 * 36) ** 0.5


def test_deviations_are_sparse_and_explain_the_samples(lines: Measurement) -> None:
    """Without a generated image they are the TV image; with a large weight they are nearly constant."""
    (problem,) = problems(lines)
    nothing = torch.zeros_like(problem.right_hand_side)
    phase = local_phase(problem.right_hand_side, problem.noise)
    small, large = (deviation(problem, nothing, factor) for factor in (1.0, 300.0))
    tv = registry.get("tv")(lines, weight=max(0.12 * float(problem.noise), 1e-4)) / lines.scale
    assert float((small - tv).norm() / tv.norm()) < 0.1
    assert float((large * phase.conj()).diff(dim=-1).norm()) < 0.5 * float((small * phase.conj()).diff(dim=-1).norm())


def test_what_was_generated_is_kept(method: GANPrior, lines: Measurement) -> None:
    fresh = replace(lines)
    assert len(list(method.job(fresh, iterations=20, restarts=2))) == 6
    assert list(method.job(fresh, iterations=20, restarts=2, deviation=10.0)) == []


def test_images_that_were_generated_long_ago_are_let_go(
    method: GANPrior, lines: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gan_prior, "KEPT", 2)
    fresh = replace(lines)
    steps = [len(list(method.job(fresh, iterations=1, restarts=1, seed=seed))) for seed in (0, 1, 0, 2, 0, 1)]
    assert steps == [1, 1, 0, 1, 0, 1]


def test_closing_cancels(method: GANPrior, lines: Measurement) -> None:
    job = method.job(replace(lines), iterations=5000)
    first = next(job)
    assert first.preview.shape == lines.matrix
    assert 0 < first.fraction < 0.01
    job.close()
    assert next(job, None) is None
