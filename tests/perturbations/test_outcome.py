from dataclasses import replace

import pytest
import torch

from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.noise.worst_case import WorstCase
from napari_recon_robust.perturbations.outcome import differing, evaluate
from napari_recon_robust.perturbations.random_noise import RandomNoise

KEPT = {"sensitivities": "kept"}


def outcome_of(measurement, reconstructor, roi, **knobs):
    found = run(WorstCase().run(measurement, reconstructor, roi, (0.02,), **KEPT, **knobs))
    return run(evaluate(measurement, reconstructor, roi, found))[0]


@pytest.mark.parametrize("method", ["combined", "rss"])
def test_images_are_those_of_the_samples_and_the_reference_of_the_methods_kind(measurement, roi, request, method):
    reconstructor = request.getfixturevalue(method)
    outcome = outcome_of(measurement, reconstructor, roi)
    comparison = outcome.comparison
    kind = reconstructor.reference_kind
    assert comparison.reference_kind == kind
    torch.testing.assert_close(comparison.reference, measurement.reference(kind))
    torch.testing.assert_close(comparison.clean, reconstructor(measurement).abs())
    torch.testing.assert_close(comparison.perturbed, reconstructor(outcome.perturbed.measurement).abs())
    torch.testing.assert_close(comparison.random, reconstructor(outcome.control).abs())
    torch.testing.assert_close(comparison.perturbed_reference, outcome.perturbed.measurement.reference(kind))
    assert not comparison.warnings
    assert bool(comparison.consistency) == (kind == "combined")


def test_every_method_has_the_same_foreground(measurement, make_measurement, combined, rss, roi):
    tissue = foreground(measurement.reference("combined"))
    for reconstructor in (combined, rss):
        assert torch.equal(outcome_of(measurement, reconstructor, roi).comparison.foreground, tissue)
    without = make_measurement(full=False).foreground
    assert (without == tissue).float().mean() > 0.95


def test_the_perturbation_barely_shows_when_everything_is_sampled(measurement, combined, roi):
    metrics = outcome_of(measurement, combined, roi).comparison.metrics
    lost = {name: 1 - metrics[name]["roi"].ssim for name in ("perturbed", "perturbed_reference")}
    assert lost["perturbed_reference"] < 0.7 * lost["perturbed"]


def test_a_method_that_draws_at_random_is_found_out(measurement, combined, roi):
    """With and without a search, which would have seen other images."""

    class Dice(type(combined)):
        def reconstruct(self, measurement, **knobs):
            image = super().reconstruct(measurement)
            return image + 0.1 * torch.randn_like(image)

    assert "nondeterministic" in outcome_of(measurement, Dice(), roi).comparison.warnings
    found = run(RandomNoise().run(measurement, Dice(), roi, (0.02,), **KEPT))
    assert "nondeterministic" in run(evaluate(measurement, Dice(), roi, found))[0].comparison.warnings
    found = run(RandomNoise().run(measurement, combined, roi, (0.02,), **KEPT))
    assert "nondeterministic" not in run(evaluate(measurement, combined, roi, found))[0].comparison.warnings


def test_images_that_differ_by_more_than_a_thousandth_are_not_the_same(measurement, combined):
    image = combined(measurement)
    assert not differing([(image, image), (image, 1.0005 * image)])
    assert (
        "Mine gives different images" in differing([(image, image), (image, 1.002 * image)], "Mine")["nondeterministic"]
    )


def test_sensitivities_that_were_given_make_no_method_random(measurement, combined, roi):
    """As of a lesion that is inserted into a scan: the search estimates its own, also for its clean image."""
    own = measurement.calibration
    given = replace(measurement, kept=replace(own, sensitivities=0.9 * own.sensitivities))
    found = run(WorstCase().run(given, combined, roi, (0.02,), sensitivities="estimated"))
    (outcome,) = run(evaluate(given, combined, roi, found))
    assert "nondeterministic" not in outcome.comparison.warnings


def test_an_attack_no_better_than_chance_is_found_out(measurement, combined, roi):
    found = run(RandomNoise().run(measurement, combined, roi, (0.02,), seed=1, **KEPT))
    claimed = [replace(found[0], loss=(0.0, 1.0))]
    (honest,), (boast,) = (run(evaluate(measurement, combined, roi, one, seed=2)) for one in (found, claimed))
    stability = boast.comparison.stability
    assert stability["random"]["change"] >= stability["perturbed"]["change"]
    assert "random_as_strong" in boast.comparison.warnings
    assert not honest.comparison.warnings


def test_an_own_model_of_another_scale_is_a_finding(measurement, combined, roi):
    class Mine(type(combined)):
        id = "mine"

        def reconstruct(self, measurement, **knobs):
            return super().reconstruct(measurement, **knobs) / 1000

    assert "multiplied by" in outcome_of(measurement, Mine(), roi).comparison.warnings["disagreement"]
    assert "disagreement" not in outcome_of(measurement, combined, roi).comparison.warnings


def test_what_makes_a_measurement_doubtful_is_a_finding(measurement, combined, roi):
    gains = torch.ones(measurement.coils)
    gains[1] = 100
    loud = replace(
        measurement, kspace=measurement.kspace * gains[:, None, None], full=measurement.full * gains[:, None, None]
    )
    assert "Coil 1" in outcome_of(loud, combined, roi).comparison.warnings["loud_coil"]
    assert "loud_coil" not in outcome_of(measurement, combined, roi).comparison.warnings
