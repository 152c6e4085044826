import pytest
import torch

from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations import registry
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.perturbations.random_noise import RandomNoise, control
from napari_recon_robust.physics.model import coil_norms


def test_noise_spends_the_budget_in_every_coil_on_sampled_points(measurement, combined, roi):
    small, large = run(RandomNoise().run(measurement, combined, roi, (0.01, 0.03), sensitivities="kept"))
    assert small.budget.per_coil == pytest.approx([0.01] * 4, rel=1e-5)
    assert large.budget.achieved == pytest.approx(0.03, rel=1e-5)
    assert not small.perturbation[..., ~measurement.mask[0]].any()


def test_a_budget_below_the_samples_rounding_is_a_finding(measurement, combined, roi):
    lost, drowned, sound = run(RandomNoise().run(measurement, combined, roi, (1e-9, 1e-7, 1e-6), sensitivities="kept"))
    assert set(lost.findings) == set(drowned.findings) == {"rounded"}
    assert "rounding changes it by" in lost.findings["rounded"]
    assert not sound.findings
    (outcome,) = run(evaluate(measurement, combined, roi, [lost]))
    assert "rounded" in outcome.comparison.warnings


def test_the_control_has_the_norms_of_the_perturbation_and_its_own_seed(measurement, combined, roi):
    (noise,) = run(RandomNoise().run(measurement, combined, roi, (0.02,), seed=7, sensitivities="kept"))
    first, again, other = (control(measurement, noise, seed) for seed in (7, 7, 8))
    spent = first.kspace - measurement.kspace
    torch.testing.assert_close(coil_norms(spent), coil_norms(noise.perturbation), rtol=1e-5, atol=0)
    assert torch.equal(first.kspace, again.kspace)
    assert not torch.allclose(first.kspace, other.kspace)
    assert not torch.allclose(first.kspace, noise.measurement.kspace)
    assert first.calibration is measurement.calibration
    assert first.full is measurement.full, "it is judged by the same reference"
    assert not spent[..., ~measurement.mask[0]].any()


@pytest.mark.parametrize("kind", [kind for kind in registry.ids() if not registry.get(kind).searches])
def test_no_perturbation_is_its_own_control(measurement, combined, roi, kind):
    """Drawn with one seed they could be the same noise."""
    perturbation = registry.get(kind)
    budgets = (0.02,) if perturbation.needs_budget else ()
    for found in run(perturbation.run(measurement, combined, roi, budgets, sensitivities="kept")):
        z, noise = found.perturbation, control(measurement, found, 0).kspace - measurement.kspace
        assert float((z.conj() * noise).sum().abs()) <= 0.2 * float(z.norm() * noise.norm())
