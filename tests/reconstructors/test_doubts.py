import pytest
import torch

from napari_recon_robust.data.caution_names import AMPLIFIED_NOISE
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation.metrics import nmse
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.doubts import amplified_noise, doubts

WITH_RULE = ("cg-sense", "tv", "l1-wavelet", "hqs", "hyperrecon")


def noisy(measurement: Measurement, level: float) -> Measurement:
    """With more white noise, of this level relative to the scale."""
    noise = torch.randn(measurement.kspace.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    return measurement.added(level * float(measurement.scale) * noise)


@pytest.mark.parametrize("id", WITH_RULE)
def test_a_weight_that_is_far_too_small_for_the_noise_is_told_with_one_that_suits_it(simulated, lines, id):
    measurement, method = noisy(lines, 0.15), registry.get(id).at()
    suited = method.at(**method.reconstructor.rule(measurement))
    sentence = amplified_noise(method, measurement)
    assert sentence.startswith(f"{method.label}: the noise is ")
    assert f"; {suited.knobs['weight']:.2g} suits it." in sentence
    assert amplified_noise(suited, measurement) == ""
    truth = simulated.image.abs()
    errors = [float(nmse(one(measurement), truth, foreground(truth))) for one in (method, suited)]
    assert errors[1] < 0.7 * errors[0], "it is true"
    assert doubts(method, measurement, method(measurement), known={}) == {AMPLIFIED_NOISE: sentence}


@pytest.mark.parametrize("id", WITH_RULE)
def test_usual_noise_and_full_sampling_are_not_told(simulated, lines, id):
    method = registry.get(id).at(weight=registry.get(id).knobs[0].minimum)
    assert amplified_noise(method, noisy(lines, 0.01)) == ""
    full = Measurement(simulated.kspace, torch.ones_like(lines.mask), lines.matrix)
    assert amplified_noise(method, noisy(full, 0.15)) == ""


def test_a_fixed_weight_that_is_far_too_small_for_the_noise_is_told(simulated, lines):
    measurement, method = noisy(lines, 0.15), registry.get("hqs-net").at()
    sentence = amplified_noise(method, measurement)
    assert "and weight 0.002 hardly suppresses it" in sentence
    assert sentence.endswith("; no knob changes it, so choose another method.")
    assert amplified_noise(method, noisy(lines, 0.01)) == ""
    truth = simulated.image.abs()
    images = method(measurement), registry.get("zero-filled").at()(measurement)
    ours, theirs = (float(nmse(image, truth, foreground(truth))) for image in images)
    assert ours > theirs, "it is true"


def test_methods_without_a_rule_are_not_told(lines):
    for id in ("zero-filled", "grappa"):
        assert amplified_noise(registry.get(id).at(), noisy(lines, 0.15)) == ""
