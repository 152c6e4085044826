from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError, ModelError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.noise.advrec import advrec
from napari_recon_robust.perturbations.noise.losses import LOSSES
from napari_recon_robust.perturbations.noise.objective import Objective
from napari_recon_robust.perturbations.noise.sphere_ascent import sphere_ascent
from napari_recon_robust.perturbations.noise.worst_case import ASCENTS, WorstCase
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.perturbations.random_noise import RandomNoise, white_noise
from napari_recon_robust.physics.model import coil_norms
from napari_recon_robust.reconstructors import registry as reconstructors

KEPT = {"sensitivities": "kept"}
ALGORITHMS = ("sphere-ascent", "apgd", "adam", "advrec", "black-box", "transfer")
QUICK = {"evaluations": 12, "stand_in": "cg-sense", **KEPT}


def objective(measurement, reconstructor, roi, *, target="reference", loss="squared-error", keep=True):
    setup = Setup.of(measurement, reconstructor, roi)
    return Objective(setup, target, loss, keep)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("method", ["combined", "rss"])
def test_the_gradient_is_that_of_the_loss(measurement, roi, request, method, loss):
    """Against central differences along directions half random, half uphill (else single precision hides them)."""
    problem = objective(measurement, request.getfixturevalue(method), roi, loss=loss)
    norms = 0.02 * coil_norms(measurement.full)
    z = white_noise(measurement, norms, 1)
    _, gradient, _ = problem.gradient(z)
    for seed in (2, 3):
        uphill = gradient * (norms / coil_norms(gradient))[:, None, None]
        direction = white_noise(measurement, norms, seed) + uphill
        slope = (gradient.conj() * direction).real.sum().item()
        step = 0.05
        difference = (problem.value(z + step * direction)[0] - problem.value(z - step * direction)[0]) / (2 * step)
        # The absolute error has kinks.
        assert difference == pytest.approx(slope, rel=2e-2 if loss == "l1" else 5e-3)


def test_every_coil_spends_its_budget_on_sampled_points(measurement, combined, roi):
    (found,) = run(WorstCase().run(measurement, combined, roi, (0.02,), **KEPT))
    spent = found.measurement.kspace - measurement.kspace
    ratio = coil_norms(spent) / coil_norms(measurement.full)
    assert (ratio <= 0.02 * (1 + 1e-5)).all()
    assert (ratio >= 0.02 * (1 - 1e-5)).all()
    assert not spent[..., ~measurement.mask[0]].any()
    assert found.budget.achieved == pytest.approx(0.02, rel=1e-5)
    assert found.budget.per_coil == pytest.approx(ratio.tolist())
    thermal = float(spent.norm()) / np.sqrt(4 * measurement.sampled_points * 0.01**2)
    assert found.budget.thermal == pytest.approx(thermal, rel=1e-5)
    assert found.budget.relative_to == "full"


def test_without_full_kspace_the_sampled_norm_and_the_own_image_serve(make_measurement, combined, roi):
    measurement = make_measurement(full=False)
    (found,) = run(WorstCase().run(measurement, combined, roi, (0.02,), **KEPT))
    assert found.budget.relative_to == "sampled"
    assert found.details["target"] == "clean"
    assert found.budget.per_coil == pytest.approx([0.02] * 4, rel=1e-5)
    assert found.measurement.full is None
    assert found.loss[0] == 0
    moved = combined(found.measurement.with_kspace(found.measurement.kspace, keep=True)) - combined(measurement)
    (random,) = run(RandomNoise().run(measurement, combined, roi, (0.02,), **KEPT))
    control = combined(random.measurement) - combined(measurement)
    mask = roi.mask(measurement.matrix)
    assert moved[mask].norm() > 3 * control[mask].norm()


def test_of_a_linear_method_the_largest_singular_vector_is_found(make_measurement, combined, roi):
    """From the own clean image the loss of a complex linear f is |J z|^2 where f is real: compare with many steps."""
    measurement = make_measurement(full=False)
    (quick,) = run(WorstCase().run(measurement, combined, roi, (0.01,), steps=10, **KEPT))
    (long,) = run(WorstCase().run(measurement, combined, roi, (0.01,), steps=60, seed=5, **KEPT))
    assert max(quick.loss) > 0.9 * max(long.loss)


@pytest.mark.parametrize("method", ["combined", "rss"])
@pytest.mark.parametrize("loss", ["squared-error", "ssim"])
def test_it_is_far_worse_than_chance_and_the_best_iterate_is_kept(measurement, roi, request, method, loss):
    reconstructor = request.getfixturevalue(method)
    problem = objective(measurement, reconstructor, roi, loss=loss)
    (found,) = run(WorstCase().run(measurement, reconstructor, roi, (0.01,), loss=loss, **KEPT))
    (random,) = run(RandomNoise().run(measurement, reconstructor, roi, (0.01,), **KEPT))
    clean = found.loss[0]
    reached = problem.value(found.perturbation)[0]
    assert reached == pytest.approx(max(found.loss[1:]), rel=1e-4)
    assert reached - clean > 5 * (problem.value(random.perturbation)[0] - clean)
    assert len(found.loss) == 1 + 5


def test_the_first_gradient_goes_straight_onto_the_spheres(measurement, combined, roi):
    (preview,) = run(WorstCase().run(measurement, combined, roi, (0.01,), steps=1, **KEPT))
    (thorough,) = run(WorstCase().run(measurement, combined, roi, (0.01,), steps=10, **KEPT))
    _, gradient, _ = objective(measurement, combined, roi).gradient(torch.zeros_like(measurement.kspace))
    cosine = (gradient.conj() * preview.perturbation).real.sum((-2, -1)) / (
        coil_norms(gradient) * coil_norms(preview.perturbation)
    )
    assert cosine == pytest.approx(torch.ones(4), abs=1e-4)
    assert preview.loss[0] < preview.loss[1] <= max(thorough.loss)


def test_a_list_of_budgets_comes_back_in_its_order_and_grows(measurement, combined, roi):
    budgets = (0.02, 0.005, 0.01, 0.02)
    found = run(WorstCase().run(measurement, combined, roi, budgets, **KEPT))
    assert [one.budget.nominal for one in found] == list(budgets)
    assert max(found[1].loss) < max(found[2].loss) < max(found[0].loss)
    assert found[0] is found[3]
    (alone,) = run(WorstCase().run(measurement, combined, roi, (0.02,), **KEPT))
    assert max(found[0].loss) > 0.97 * max(alone.loss)
    assert len(found[0].loss) < len(alone.loss)


def test_a_search_begins_with_the_solution_of_the_smaller_budget_scaled_to_its_own(
    measurement, combined, roi, monkeypatch
):
    begun = []

    def algorithm(radius, steps, warm, start):
        begun.append((warm, coil_norms(start) / radius))
        return sphere_ascent(radius, steps, warm, start)

    monkeypatch.setitem(ASCENTS, "apgd", algorithm)  # which does not scale it by itself, as sphere ascent does
    run(WorstCase().run(measurement, combined, roi, (0.02, 0.005), algorithm="apgd", steps=1, **KEPT))
    (smaller, nothing), (larger, spent) = begun
    assert (smaller, larger) == (False, True)
    torch.testing.assert_close((nothing, spent), (torch.zeros(4), torch.ones(4)))


@pytest.mark.parametrize("target", ["reference", "clean"])
def test_scale_means_nothing(make_measurement, combined, roi, target):
    one, tiny = (
        run(WorstCase().run(make_measurement(scale), combined, roi, (0.01,), target=target, **KEPT))[0]
        for scale in (1.0, 1e-6)
    )
    assert tiny.loss == pytest.approx(one.loss, rel=1e-2)
    assert tiny.budget.thermal == pytest.approx(one.budget.thermal, rel=1e-4)


def test_who_cancels_keeps_the_best_so_far(measurement, combined, roi):
    job = WorstCase().run(measurement, combined, roi, (0.01,), steps=10, **KEPT)
    for _ in range(4):
        last = next(job)
    job.close()
    (best,) = last.preview
    assert not best.complete
    assert best.budget.achieved == pytest.approx(0.01, rel=1e-5)
    assert best.image.shape == measurement.matrix
    assert len(best.loss) == 4
    assert objective(measurement, combined, roi).value(best.perturbation)[0] > best.loss[0]


def test_the_same_input_gives_the_same_perturbation(measurement, combined, roi):
    first, second = (
        run(WorstCase().run(measurement, combined, roi, (0.01,), target="clean", seed=4, **KEPT))[0] for _ in range(2)
    )
    assert torch.equal(first.perturbation, second.perturbation)


def test_the_full_kspace_is_perturbed_likewise(measurement, combined, roi):
    (found,) = run(WorstCase().run(measurement, combined, roi, (0.02,), **KEPT))
    torch.testing.assert_close(found.measurement.full - measurement.full, found.perturbation, atol=1e-5, rtol=0)


def test_advrec_follows_the_published_code(shared, rss):
    """Ten steps of the authors' own class: iterates, losses and what was spent."""
    golden = np.load(shared / "data" / "golden" / "advrec_noise.npz")
    full, lines = torch.from_numpy(golden["kspace"]), torch.from_numpy(golden["mask"])[None]
    measurement = Measurement(full * lines, lines, (48, 40), full)
    problem = objective(measurement, rss, ROI.box(*golden["roi"].tolist()), keep=False)
    radius = float(golden["eta"]) * coil_norms(full)
    job = advrec(problem, radius, 10, start=torch.from_numpy(golden["initial"]))
    states = list(job)[1:]
    for state, expected in zip(states, golden["iterates"], strict=False):
        assert np.linalg.norm(state.z.numpy() - expected) <= 1e-5 * np.linalg.norm(expected)
    losses = np.array(states[-1].loss) * problem.data_range**2
    np.testing.assert_allclose(losses, golden["losses"], rtol=1e-5)
    last = run(advrec(problem, radius, 10, start=torch.from_numpy(golden["initial"])))
    achieved = coil_norms(last.z) / coil_norms(full)
    np.testing.assert_allclose(achieved.numpy(), golden["achieved_per_coil"], rtol=1e-5)


def test_advrec_spends_less_and_reaches_less(measurement, combined, roi):
    (published,) = run(WorstCase().run(measurement, combined, roi, (0.01,), algorithm="advrec", steps=10, **KEPT))
    (ours,) = run(WorstCase().run(measurement, combined, roi, (0.01,), steps=2, **KEPT))
    assert published.budget.achieved < 0.8 * ours.budget.achieved
    assert published.details["budget_used"] == pytest.approx(published.budget.achieved / 0.01)
    assert ours.details["budget_used"] == pytest.approx(1, rel=1e-4)
    assert max(ours.loss) > max(published.loss)
    assert len(published.loss) == 11


def test_a_method_that_ignores_the_data_is_reported(measurement, combined, roi):
    class Constant(type(combined)):
        label = "Constant"

        def reconstruct(self, measurement, **knobs):
            return 0 * super().reconstruct(measurement) + 1

    (found,) = run(WorstCase().run(measurement, Constant(), roi, (0.01,), **KEPT))
    assert "zero_gradient" in found.findings
    assert found.budget.achieved == 0


def no_error(measurement):
    """The samples as the whole k-space: the reference of a coil-combined adjoint is then its own image."""
    return replace(measurement, full=measurement.kspace)


@pytest.mark.parametrize("method", ["combined", "rss"])
@pytest.mark.parametrize("loss", ["squared-error", "l1"])
@pytest.mark.parametrize("algorithm", ["sphere-ascent", "apgd", "adam"])
def test_an_image_without_an_error_is_attacked_too(measurement, roi, request, method, loss, algorithm):
    """Where the reference is the clean image itself, the loss has no gradient, as towards the own clean image."""
    reconstructor = request.getfixturevalue(method)
    perfect = no_error(measurement)
    problem = objective(perfect, reconstructor, roi, loss=loss)
    assert not problem.gradient(torch.zeros_like(perfect.kspace))[1].any()
    for budgets in ((0.02,), (0.02, 0.01)):
        reference, clean = (
            run(
                WorstCase().run(perfect, reconstructor, roi, budgets, algorithm=algorithm, loss=loss, target=t, **QUICK)
            )
            for t in ("reference", "clean")
        )
        for one, other in zip(reference, clean, strict=True):
            assert one.findings == {}
            assert one.loss[0] == 0
            assert one.budget.per_coil == pytest.approx(other.budget.per_coil)
            reached = problem.value(one.perturbation)[0]
            assert reached == pytest.approx(problem.value(other.perturbation)[0], rel=1e-2)
            assert reached > 2 * problem.value(white_noise(perfect, coil_norms(one.perturbation), 5))[0]


def test_of_an_image_without_an_error_the_largest_singular_value_is_found(measurement, combined, roi):
    """Of the Jacobian of the region's magnitudes with respect to the samples, by an explicit matrix."""
    perfect, budget = no_error(measurement), 1e-3
    samples = perfect.kspace.clone().requires_grad_()
    magnitudes = combined(perfect.with_kspace(samples, keep=True)).abs()[roi.mask(perfect.matrix)]
    rows = [torch.autograd.grad(value, samples, retain_graph=True)[0].flatten() for value in magnitudes]
    largest = torch.linalg.matrix_norm(torch.view_as_real(torch.stack(rows)).flatten(1), 2)
    radius = budget * float(perfect.full.norm())
    most = float(largest * radius / objective(perfect, combined, roi).data_range) ** 2 / len(rows)
    for seed in (0, 1):
        (found,) = run(WorstCase().run(perfect, combined, roi, (budget,), norm="global", steps=40, seed=seed, **KEPT))
        assert 0.97 * most < max(found.loss) < 1.01 * most


@pytest.mark.parametrize("algorithm", ["sphere-ascent", "apgd", "adam", "transfer", "black-box"])
def test_a_loss_that_forgives_small_errors_is_raised(measurement, combined, roi, algorithm):
    """It is flat around the clean image, whose own errors it forgives."""
    perfect = no_error(measurement)
    stand_in = reconstructors.get("cg-sense")(perfect).abs() if algorithm == "transfer" else combined(perfect).abs()
    allowed = 0.01 + float((stand_in - perfect.reference())[roi.mask(perfect.matrix)].abs().max())

    def beyond(image, wanted, region):
        return ((image - wanted).abs()[region] - allowed).clamp_min(0).square().sum()

    (found,) = run(WorstCase(loss=beyond).run(perfect, combined, roi, (0.5,), algorithm=algorithm, **QUICK))
    assert found.loss[0] == 0
    assert found.findings == {}
    chance = white_noise(perfect, coil_norms(found.perturbation), 5)
    least = 3 * objective(perfect, combined, roi, loss=beyond).value(chance)[0]
    assert max(found.loss) > (0 if algorithm == "transfer" else least)  # a stand-in's errors are others


def test_a_gradient_that_vanishes_is_none_of_the_steps(measurement, combined, roi):
    counts = [
        len(run(WorstCase().run(one, combined, roi, (0.01,), steps=3, **KEPT))[0].loss)
        for one in (measurement, no_error(measurement))
    ]
    assert counts == [1 + 3, 2 + 3]  # the clean one, and noise that is no candidate


@pytest.mark.parametrize("finite", [0, 2])
def test_a_gradient_that_is_not_finite_leads_to_the_search_without(measurement, combined, roi, finite):
    class Rooted(type(combined)):
        label = "Rooted"
        left = finite

        def reconstruct(self, measurement, **knobs):
            image = super().reconstruct(measurement)
            if not measurement.kspace.requires_grad:
                return image
            type(self).left -= 1
            return image if self.left >= 0 else image + (0 * image.abs()).sqrt()

    with pytest.raises(ModelError, match="Rooted holds NaN or infinite values; .* choose black-box as the algorithm"):
        run(WorstCase().run(measurement, Rooted(), roi, (0.01,), algorithm="sphere-ascent", **KEPT))
    Rooted.left = finite
    found, larger = run(WorstCase().run(measurement, Rooted(), roi, (0.01, 0.02), **QUICK))
    assert found.statement.startswith(
        "Found by a search without gradients, since the method gives none (on the way they held NaN or infinite values)"
    )
    for one, budget in ((found, 0.01), (larger, 0.02)):
        assert one.details["algorithm"] == "black-box"
        assert one.complete
        assert one.budget.per_coil == pytest.approx([budget] * 4, rel=1e-4)


def test_a_method_without_a_gradient_is_refused(measurement, combined, roi):
    class Detached(type(combined)):
        label = "Detached"

        def reconstruct(self, measurement, **knobs):
            return super().reconstruct(measurement).detach()

    with pytest.raises(ModelError, match="no gradient"):
        run(WorstCase().run(measurement, Detached(), roi, (0.01,), **KEPT))
    Detached.differentiable = False
    for algorithm in ("sphere-ascent", "apgd", "adam", "advrec"):
        with pytest.raises(InputError, match=f"gives no gradients, which {algorithm} needs; choose black-box or trans"):
            WorstCase().run(measurement, Detached(), roi, (0.01,), algorithm=algorithm)


@pytest.mark.parametrize("budget", [0.0, -0.01, 1.5, float("nan"), float("inf")])
def test_a_budget_that_does_not_fit_is_refused_at_once(measurement, combined, roi, budget):
    for budgets in ((budget,), (0.01, budget), (budget, 0.01)):
        with pytest.raises(InputError, match="fraction above 0 and up to 1"):
            WorstCase().run(measurement, combined, roi, budgets)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_unsorted_and_repeated_budgets_come_back_in_their_order(measurement, combined, roi, algorithm):
    budgets = (0.01, 0.02, 0.01, 0.005)
    found = run(WorstCase().run(measurement, combined, roi, budgets, algorithm=algorithm, **QUICK))
    assert [one.budget.nominal for one in found] == list(budgets)
    assert found[0] is found[2]
    assert all(one.complete and one.details["algorithm"] == algorithm for one in found)
    clean, reached = (objective(measurement, combined, roi).value(0 * found[0].perturbation)[0], [])
    for one in (found[3], found[0], found[1]):
        reached.append(objective(measurement, combined, roi).value(one.perturbation)[0])
    assert clean < min(reached)
    if algorithm != "transfer":  # what a stand-in's gradients find need not grow on the method
        assert reached[0] < reached[1] < reached[2]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_global_budget_bounds_all_coils_together(measurement, combined, roi, algorithm):
    (found,) = run(WorstCase().run(measurement, combined, roi, (0.02,), algorithm=algorithm, norm="global", **QUICK))
    whole = coil_norms(measurement.full).norm()
    assert found.budget.achieved == pytest.approx(float(coil_norms(found.perturbation).norm() / whole), rel=1e-4)
    assert found.budget.achieved <= 0.02 * (1 + 1e-5)
    assert found.details["norm"] == "global"


def test_a_global_budget_goes_to_the_coils_that_see_the_region(measurement, combined):
    roi = ROI.box(12, 2, 8, 6)
    coils, together = (
        run(WorstCase().run(measurement, combined, roi, (0.02,), norm=norm, steps=20, **KEPT))[0]
        for norm in ("per-coil", "global")
    )
    assert max(together.loss) > 1.02 * max(coils.loss)
    assert max(together.budget.per_coil) > 0.02 > min(together.budget.per_coil)
    assert coils.budget.per_coil == pytest.approx([0.02] * 4, rel=1e-4)


def test_the_whole_image_may_be_attacked_and_the_region_measured(measurement, combined, roi):
    region, image = (
        run(WorstCase().run(measurement, combined, roi, (0.02,), region=region, **KEPT))[0]
        for region in ("roi", "image")
    )
    local, everywhere = objective(measurement, combined, roi), objective(measurement, combined, ROI.box(0, 0, 32, 36))
    assert local.value(region.perturbation)[0] > 1.5 * local.value(image.perturbation)[0]
    assert everywhere.value(image.perturbation)[0] > everywhere.value(region.perturbation)[0]
    assert max(image.loss) == pytest.approx(everywhere.value(image.perturbation)[0], rel=1e-4)
    assert image.details["attacked"] == "image"
    (outcome,) = run(evaluate(measurement, combined, roi, [image]))
    assert torch.equal(outcome.comparison.roi, roi.mask(measurement.matrix))


def without_gradient(reconstructor):
    class Opaque(type(reconstructor)):
        label = "Opaque"
        differentiable = False

        def reconstruct(self, measurement, **knobs):
            assert not measurement.kspace.requires_grad
            return super().reconstruct(measurement, **knobs)

    return Opaque()


@pytest.mark.slow
def test_auto_takes_gradients_where_there_are_any(measurement, combined, roi):
    (found,) = run(WorstCase().run(measurement, combined, roi, (0.01,), **QUICK))
    assert found.details["algorithm"] == "sphere-ascent"
    (found,) = run(WorstCase().run(measurement, without_gradient(combined), roi, (0.01,), **QUICK))
    assert found.details["algorithm"] == "black-box"
    assert found.budget.per_coil == pytest.approx([0.01] * 4, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["reference", "clean"])
def test_a_transfer_needs_no_gradient_and_beats_chance(measurement, roi, target):
    method = reconstructors.get("cg-sense")
    knobs = {"algorithm": "transfer", "stand_in": "tv", "target": target, **KEPT}
    small, large = run(WorstCase().run(measurement, without_gradient(method), roi, (0.01, 0.02), **knobs))
    problem = objective(measurement, method, roi, target=target)
    (random,) = run(RandomNoise().run(measurement, method, roi, (0.02,), **KEPT))
    clean = problem.value(0 * small.perturbation)[0]
    assert small.details["stand_in"] == large.details["stand_in"] == "tv"
    assert large.loss == pytest.approx((clean, problem.value(large.perturbation)[0]), rel=1e-4)
    assert clean < small.loss[1] < large.loss[1]
    assert large.loss[1] - clean > 3 * (problem.value(random.perturbation)[0] - clean)
    (direct,) = run(WorstCase().run(measurement, method, roi, (0.02,), target=target, **KEPT))
    assert large.loss[1] <= 1.01 * max(direct.loss)


def test_of_the_stand_in_itself_a_transfer_is_sphere_ascent(measurement, roi):
    method = reconstructors.get("cg-sense")
    (direct,) = run(WorstCase().run(measurement, method, roi, (0.01,), **KEPT))
    knobs = {"algorithm": "transfer", "stand_in": "cg-sense", **KEPT}
    (transferred,) = run(WorstCase().run(measurement, method, roi, (0.01,), **knobs))
    assert torch.equal(direct.perturbation, transferred.perturbation)
    assert transferred.loss == (direct.loss[0], max(direct.loss))


@pytest.mark.thorough
def test_misleading_gradients_are_found_out_by_a_search_without(measurement, combined, roi):
    class Misleading(torch.autograd.Function):
        """The identity, whose gradient is turned to where it does nothing."""

        @staticmethod
        def forward(context, image):
            return image.clone()

        @staticmethod
        def backward(context, gradient):
            return gradient.roll(16, -2)

    class Masked(type(combined)):
        def reconstruct(self, measurement, **knobs):
            return Misleading.apply(super().reconstruct(measurement))

    knobs = {"check": "black-box", "evaluations": 30, **KEPT}
    (honest,) = run(WorstCase().run(measurement, combined, roi, (0.02,), **knobs))
    assert not honest.findings
    assert len(honest.loss) == 1 + 5
    check = honest.details["check"]
    assert (check["algorithm"], check["trials"]) == ("black-box", 30)
    assert 0.5 < check["share"] < 2
    said = f"As a check, a search without gradients (30 trials) added {100 * check['share']:.0f}% of the loss"
    assert said in honest.statement
    (plain,) = run(WorstCase().run(measurement, Masked(), roi, (0.02,), **KEPT))
    job = WorstCase().run(measurement, Masked(), roi, (0.02,), **knobs)
    (found,), previews = outcome_and_previews(job)
    assert "black_box_stronger" in found.findings
    assert found.statement.startswith("Found by a search without gradients on ")
    assert "It was to check sphere ascent, and reached more." in found.statement
    assert (found.details["algorithm"], found.details["surpassed"]) == ("black-box", "sphere-ascent")
    assert found.details["check"]["rise"] == pytest.approx(found.loss[-1] - found.loss[0])
    reached = objective(measurement, combined, roi).value(found.perturbation)[0]
    assert reached == pytest.approx(found.loss[-1], rel=1e-4)
    assert reached > max(plain.loss)
    assert previews[-1][0].loss[-1] == pytest.approx(reached)
    (outcome,) = run(evaluate(measurement, Masked(), roi, [found]))
    assert "without gradients" in outcome.to_json()["warnings"]["black_box_stronger"]


def outcome_and_previews(job):
    previews = []
    return run(job, lambda step: previews.append(step.preview)), previews


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_method_that_breaks_in_the_middle_loses_nothing(measurement, combined, roi, algorithm):
    class Fragile(type(combined)):
        label = "Fragile"
        left = 1 if algorithm == "transfer" else 4

        def reconstruct(self, measurement, **knobs):
            type(self).left -= 1
            image = super().reconstruct(measurement)
            return image if self.left >= 0 else image * float("nan")

    job = WorstCase().run(measurement, Fragile(), roi, (0.01,), algorithm=algorithm, **QUICK)
    previews = []
    with pytest.raises(ModelError, match="Fragile returned NaN") as said:
        previews.extend(step.preview for step in job)
    assert "\n" not in str(said.value)
    assert not previews[-1][0].complete
    Fragile.left = 1000
    assert objective(measurement, combined, roi).value(previews[-1][0].perturbation)[0] > 0
    (outcome,) = run(evaluate(measurement, Fragile(), roi, previews[-1]))
    assert outcome.to_json()["complete"] is False


@pytest.mark.thorough
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_cancelled_at_any_step_the_last_preview_is_the_best_so_far(measurement, combined, roi, algorithm):
    def job():
        return WorstCase().run(measurement, combined, roi, (0.01, 0.02), algorithm=algorithm, **QUICK)

    problem, (found, steps) = objective(measurement, combined, roi), outcome_and_previews(job())
    for count in {*range(1, len(steps), 1 + len(steps) // 8), len(steps)}:
        started = job()
        for _ in range(count):
            last = next(started).preview
        started.close()
        assert [one.complete for one in last] == [True] * (len(last) - 1) + [False]
        assert [one.budget.nominal for one in last] == [0.01, 0.02][: len(last)]
        assert all(one.budget.achieved <= one.budget.nominal * (1 + 1e-5) for one in last)
    if algorithm not in ("advrec", "transfer"):  # the last iterate, as published; the best of another method
        for budget in range(2):
            reached = [problem.value(step[budget].perturbation)[0] for step in steps if len(step) == budget + 1]
            assert reached == sorted(reached)
            assert problem.value(found[budget].perturbation)[0] >= reached[-1] * (1 - 1e-6)


def test_other_input_that_does_not_fit_is_refused_at_once(measurement, make_measurement, combined, roi):
    attack = WorstCase()
    with pytest.raises(InputError, match="no budget"):
        attack.run(measurement, combined, roi, ())
    with pytest.raises(InputError, match="outside"):
        attack.run(measurement, combined, ROI.box(30, 30, 9, 9), (0.01,))
    with pytest.raises(InputError, match="no fully sampled reference"):
        attack.run(make_measurement(full=False), combined, roi, (0.01,), target="reference")
    with pytest.raises(InputError, match="there is no knob"):
        attack.run(measurement, combined, roi, (0.01,), stpes=3)
    broken = measurement.kspace.clone()
    broken[0, 0, 0] = complex("nan")
    with pytest.raises(InputError, match="NaN"):
        attack.run(Measurement(broken, measurement.mask, measurement.matrix), combined, roi, (0.01,))
    with pytest.raises(InputError, match="one slice"):
        attack.run(measurement.with_kspace(measurement.kspace[None]), combined, roi, (0.01,))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({}, "Found by sphere ascent on the squared error in the region, against the reference."),
        (
            {"algorithm": "apgd", "loss": "ssim", "target": "clean"},
            "Auto-PGD on 1 − SSIM in the region, against the cl",
        ),
        (
            {"algorithm": "transfer", "region": "image", "loss": "l1"},
            "the stand-in cg-sense on the absolute error in the whole",
        ),
        ({"algorithm": "black-box"}, "Found by a search without gradients on"),
    ],
)
def test_a_result_says_who_found_it_and_what_for(measurement, combined, roi, knobs, words):
    (found,) = run(WorstCase().run(measurement, combined, roi, (0.01,), **{**QUICK, **knobs}))
    assert words in found.statement


def test_a_budget_is_of_each_coil_or_of_all_together():
    defaults = {knob.name: knob.default for knob in WorstCase.knobs}
    assert WorstCase().budget_of(defaults) == "each coil's k-space"
    assert WorstCase().budget_of({**defaults, "norm": "global"}) == "the k-space of all coils together"
