from dataclasses import replace

import pytest
import torch

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.features.insertion import Insertion
from napari_recon_robust.perturbations.image_domain import ImageDomain, ObjectObjective, optotype
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.physics import fourier

KEPT = {"sensitivities": "kept"}


def found_by(measurement, reconstructor, roi, budgets, **knobs):
    return run(ImageDomain().run(measurement, reconstructor, roi, budgets, **KEPT, **knobs))


def fully_sampled(measurement):
    everything = torch.ones_like(measurement.mask)
    return Measurement(measurement.full, everything, measurement.matrix, measurement.full, measurement.kept)


def objective(measurement, reconstructor, roi):
    setup = Setup.of(measurement, reconstructor, roi)
    return ObjectObjective(setup, "clean", "squared-error", True, Insertion(setup, True))


@pytest.mark.parametrize("insert", ["none", "symbol"])
def test_it_is_what_the_coils_measure_of_a_change_of_the_object(measurement, combined, roi, insert):
    """z = F S r on all points, with ||r|| = eta ||k||."""
    sensitivities = measurement.kept.sensitivities
    for one, budget in zip(
        found_by(measurement, combined, roi, (0.02, 0.005), insert=insert), (0.02, 0.005), strict=True
    ):
        z = one.measurement.full - measurement.full
        r = (sensitivities.conj() * fourier.ifft(z)).sum(0)
        torch.testing.assert_close(fourier.fft(sensitivities * r), z, rtol=0, atol=1e-4 * float(z.abs().max()))
        assert float(r.norm() / measurement.full.norm()) == pytest.approx(budget, rel=1e-4)
        assert 0 < one.budget.achieved < budget
        assert one.judged_by == "perturbed"


def test_without_a_reference_the_clean_samples_are_reconstructed_once(make_measurement, combined, roi, monkeypatch):
    """Both the search and what stands in for the object take the image."""
    measurement = replace(make_measurement(), full=None)
    reconstruct, seen = type(combined).reconstruct, []

    def counted(self, samples, **knobs):
        seen.append(torch.equal(samples.kspace, measurement.kspace))
        return reconstruct(self, samples, **knobs)

    monkeypatch.setattr(type(combined), "reconstruct", counted)
    found_by(measurement, combined, roi, (0.02,), steps=1)
    assert sum(seen) == 1


@pytest.mark.parametrize("method", ["combined", "rss"])
def test_the_gradient_is_that_of_the_change(measurement, roi, request, method):
    problem = objective(measurement, request.getfixturevalue(method), roi)
    generator = torch.Generator().manual_seed(0)
    radius = 0.02 * measurement.full.norm()

    def noise():
        drawn = torch.randn((1, *measurement.matrix), dtype=torch.complex64, generator=generator)
        return radius * drawn / drawn.norm()

    r = noise()
    _, gradient, _ = problem.gradient(r)
    direction = noise() + radius * gradient / gradient.norm()
    slope = (gradient.conj() * direction).real.sum().item()
    difference = (problem.value(r + 0.05 * direction)[0] - problem.value(r - 0.05 * direction)[0]) / 0.1
    assert difference == pytest.approx(slope, rel=5e-3)


def test_the_largest_singular_value_is_found(measurement, combined, roi):
    """Of the Jacobian of the region's magnitudes with respect to the object, by an explicit matrix."""
    problem = objective(measurement, combined, roi)
    r = torch.zeros(measurement.matrix, dtype=torch.complex64, requires_grad=True)
    samples = measurement.kspace + problem.insertion.kspace(r)
    magnitudes = combined(measurement.with_kspace(samples, keep=True)).abs()[roi.mask(measurement.matrix)]
    rows = [torch.autograd.grad(value, r, retain_graph=True)[0].flatten() for value in magnitudes]
    largest = torch.linalg.matrix_norm(torch.view_as_real(torch.stack(rows)).flatten(1), 2)
    budget = 1e-3
    radius = budget * float(measurement.full.norm())
    most = float(largest * radius / problem.data_range) ** 2 / len(rows)
    (found,) = found_by(measurement, combined, roi, (budget,), steps=40)
    assert 0.97 * most < max(found.loss) < 1.01 * most


def test_a_method_that_sees_everything_shows_the_change_and_no_more(measurement, combined, roi):
    full = fully_sampled(measurement)
    found = found_by(full, combined, roi, (0.02,))
    (outcome,) = run(evaluate(full, combined, roi, found))
    assert found[0].details["amplification"] == pytest.approx(1, abs=1e-3)
    assert "changed the region as much in the reconstruction as in the object." in found[0].statement
    scores = outcome.comparison.metrics
    assert scores["perturbed"]["roi"].ssim == pytest.approx(1, abs=1e-6)
    assert scores["perturbed_reference"]["roi"].ssim < 0.99


@pytest.mark.parametrize("insert", ["none", "symbol"])
def test_a_full_scan_shows_all_of_a_change_that_its_k_space_can_hold(part, combined, roi, insert):
    (found,) = found_by(part, combined, roi, (0.02,), insert=insert, steps=2)
    share = found.details["recovery" if insert == "symbol" else "amplification"]
    assert share == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("insert", ["none", "symbol"])
def test_a_full_scan_shows_all_of_a_change_that_its_root_sum_of_squares_can_show(measurement, rss, roi, insert):
    noise = 0.5 * torch.randn(measurement.full.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    kspace = measurement.full + noise
    kept = Calibration(measurement.kept.sensitivities * (torch.arange(36) >= 17), measurement.kept.noise)
    full = fully_sampled(Measurement(measurement.kspace, measurement.mask, (32, 36), kspace, kept))
    (found,) = found_by(full, rss, roi, (0.02,), insert=insert, steps=2)
    share = found.details["recovery" if insert == "symbol" else "amplification"]
    assert share == pytest.approx(1, abs=1e-3)


def test_what_is_blown_up_is_said(measurement, combined, roi):
    class Loud(type(combined)):
        label = "Loud"

        def reconstruct(self, measurement, **knobs):
            image = super().reconstruct(measurement)
            return image + 4 * (image - image.roll(1, 1))

    (found,) = found_by(fully_sampled(measurement), Loud(), roi, (0.005,))
    assert 3 < found.details["amplification"] < 10


def test_budgets_come_back_in_their_order_and_previews_get_worse(measurement, combined, roi):
    budgets = (0.02, 0.005, 0.01)
    found = found_by(measurement, combined, roi, budgets, steps=6)
    assert [one.budget.nominal for one in found] == list(budgets)
    assert max(found[1].loss) < max(found[2].loss) < max(found[0].loss)
    previews = [step.preview for step in ImageDomain().run(measurement, combined, roi, (0.01,), steps=6, **KEPT)]
    reached = [max(preview[0].loss) for preview in previews]
    assert reached == sorted(reached)
    assert not previews[-1][0].complete


def test_the_symbol_is_an_e():
    letter = optotype((40, 40), (20.0, 18.0), 20.0)
    for row, columns in ((12, "#####"), (16, "#...."), (20, "#####"), (24, "#...."), (28, "#####")):
        drawn = ["#" if letter[row, column] > 0.5 else "." for column in (10, 14, 18, 22, 26)]
        assert "".join(drawn) == columns
    assert float(letter.sum()) == pytest.approx(17 * 4**2, rel=0.02)
    assert float(letter[:9].max()) < 0.1


def test_full_sampling_recovers_the_symbol_and_an_oblivious_method_does_not(measurement, combined, roi):
    full = fully_sampled(measurement)
    small, large = found_by(full, combined, roi, (0.005, 0.05), insert="symbol", size=8)
    for one in (small, large):
        assert one.details["recovery"] == pytest.approx(1, abs=0.01)
        assert not one.details["lost"]
        assert "is shown" in one.statement
    assert large.details["contrast"] == pytest.approx(10 * small.details["contrast"], rel=1e-3)
    assert small.details["position"] == [14.0, 16.5]
    before, after = full.reference("combined"), large.measurement.reference("combined")
    letter = optotype(full.matrix, (14.0, 16.5), 8.0)
    tissue = before[letter > 0.05].mean()
    shown = float(((after - before) * letter).sum() / letter.square().sum() / tissue)
    assert shown == pytest.approx(large.details["contrast"], rel=0.05)

    class Oblivious(type(combined)):
        label = "Oblivious"
        differentiable = False

        def reconstruct(self, measurement, **knobs):
            return 0 * super().reconstruct(measurement) + 1

    (lost,) = found_by(measurement, Oblivious(), roi, (0.05,), insert="symbol")
    assert lost.details["recovery"] == 0
    assert lost.details["lost"]
    assert "is lost" in lost.statement
    with pytest.raises(InputError, match="gives no gradients"):
        ImageDomain().run(measurement, Oblivious(), roi, (0.05,))


def test_a_symbol_that_rounding_swallows_is_said_beside_its_place(measurement, combined):
    (faint,) = found_by(measurement, combined, ROI.box(13, 15, 3, 3), (1e-9,), insert="symbol", size=12)
    assert set(faint.findings) == {"rounded", "beyond_region"}


def test_what_the_noise_hides_is_not_carried(measurement, combined, roi):
    faint, clear = found_by(measurement, combined, roi, (1e-4, 0.05), insert="symbol")
    assert not faint.details["information_preserved"]
    assert clear.details["information_preserved"]
    assert clear.details["detectability"] == pytest.approx(500 * faint.details["detectability"], rel=1e-3)


def test_without_a_reference_and_at_any_scale(make_measurement, combined, roi):
    (alone,) = found_by(make_measurement(full=False), combined, roi, (0.02,), steps=3)
    assert alone.measurement.full is None
    assert alone.budget.relative_to == "sampled"
    assert alone.details["amplification"] > 0
    (symbol,) = found_by(make_measurement(full=False), combined, roi, (0.02,), insert="symbol")
    assert symbol.details["object"] == "clean reconstruction"
    assert "relative to is the clean reconstruction, as no full k-space is known." in symbol.statement
    one, tiny = (found_by(make_measurement(scale), combined, roi, (0.02,), steps=3)[0] for scale in (1.0, 1e-6))
    assert tiny.loss == pytest.approx(one.loss, rel=1e-2)
    assert tiny.details["amplification"] == pytest.approx(one.details["amplification"], rel=1e-3)


@pytest.mark.parametrize("size", [6, 14])
def test_the_symbol_has_one_recovery_in_a_region_of_another_size(measurement, combined, size):
    """That of its own pixels; saved, too."""
    region = ROI.box(11, 15, 7, 5)
    found = found_by(measurement, combined, region, (0.02,), insert="symbol", size=size)
    again = [ImageDomain().recalled(replace(one, feature=None, support=None)) for one in found]
    for one in run(evaluate(measurement, combined, region, [*found, *again])):
        assert one.comparison.recovery == pytest.approx(found[0].details["recovery"], abs=1e-4)
    assert torch.equal(again[0].support, found[0].support)


def test_where_nothing_is_there_is_nothing_to_draw_on(make_measurement, combined):
    measurement = make_measurement()
    dark = measurement.with_kspace(0 * measurement.kspace + 1e-3, full=0 * measurement.full, keep=True)
    with pytest.raises(InputError, match="no tissue"):
        found_by(dark, combined, ROI.box(0, 0, 5, 5), (0.02,), insert="symbol")


def test_a_symbol_that_does_not_fit_is_said(measurement, combined):
    with pytest.raises(InputError, match="the symbol of 33 pixels is larger than the image of 32×36 pixels"):
        found_by(measurement, combined, ROI.box(10, 12, 9, 10), (0.01,), insert="symbol", size=33)
    (fitting,) = found_by(measurement, combined, ROI.box(10, 12, 9, 10), (0.02,), insert="symbol", size=9)
    (larger,) = found_by(measurement, combined, ROI.box(13, 15, 3, 3), (0.02,), insert="symbol", size=12)
    assert not fitting.findings
    assert "of the symbol lies in the region: it is larger" in larger.findings["beyond_region"]
    assert "2% of the object's norm" in fitting.statement
    assert ImageDomain().budget_of({}) == "the object"
