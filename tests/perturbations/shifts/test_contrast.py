import pytest
import torch

from helpers.shifts import perturb
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.perturbations.shifts.contrast import tone
from napari_recon_robust.physics import fourier


@pytest.mark.parametrize("gamma", [0.25, 0.6, 1.0, 4.0])
def test_the_tone_curve_rises_and_keeps_black_and_white(gamma):
    t = torch.linspace(0, 1.2, 241, dtype=torch.float64)
    curve = tone(t, gamma, 0.0)
    assert bool((curve.diff() > 0).all())
    assert float(curve[0]) == pytest.approx(0)
    assert float(tone(torch.tensor(1.0), gamma, 0.0)) == pytest.approx(1)
    inverted = tone(t, gamma, 1.0)
    assert float(inverted[0]) == 0
    if gamma == 1:
        assert float(tone(torch.tensor(0.1), gamma, 1.0)) == pytest.approx(0.5 * 0.9)  # e = 0.1 is half tissue
    assert bool((inverted[t > 0.45].diff() <= 0).all())
    if gamma == 1:
        torch.testing.assert_close(curve, t)


def test_the_contrast_of_the_truth_changes_and_judges(measurement, combined, roi):
    found = perturb("contrast", measurement, combined, roi, gamma=1, inversion=1)
    before, after = measurement.reference("combined"), found.measurement.reference("combined")
    bright = before > before[roi.mask((32, 36))].median()
    inside = roi.mask((32, 36))
    assert float(after[inside & bright].mean()) < float(after[inside & ~bright].mean())
    s = measurement.kept.sensitivities
    x, changed = ((s.conj() * fourier.ifft(full)).sum(0) for full in (measurement.full, found.measurement.full))
    seen = inside & (changed.abs() > 0.05)
    torch.testing.assert_close((changed / x).angle()[seen], torch.zeros(int(seen.sum())), rtol=0, atol=1e-3)
    (outcome,) = run(evaluate(measurement, combined, roi, [found]))
    assert outcome.comparison.judged_by == "perturbed"
    assert "random noise of the same size" in outcome.comparison.sentence
    same = perturb("contrast", measurement, combined, roi, gamma=1)
    assert float(same.budget.achieved) < 1e-5


def test_it_needs_all_of_kspace(make_measurement, combined, roi):
    with pytest.raises(InputError, match="undersampled"):
        perturb("contrast", make_measurement(full=False), combined, roi)
