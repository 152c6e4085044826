import numpy as np
import pytest
import torch

from napari_recon_robust.errors import InputError, ModelError
from napari_recon_robust.evaluation.roi import ROI
from napari_recon_robust.measurement import Measurement
from napari_recon_robust.perturbations.advrec import advrec
from napari_recon_robust.perturbations.base import Problem, coil_norms
from napari_recon_robust.perturbations.objective import Objective
from napari_recon_robust.perturbations.random_noise import RandomNoise, draw
from napari_recon_robust.perturbations.worst_case import WorstCase
from napari_recon_robust.progress import run

KEPT = {"sensitivities": "kept"}


def objective(measurement, reconstructor, roi, *, target="reference", loss="squared-error", keep=True):
    problem = Problem(measurement, reconstructor, {}, roi, roi.mask(measurement.matrix))
    return Objective(problem, target, loss, keep)


@pytest.mark.parametrize("loss", ["squared-error", "ssim"])
@pytest.mark.parametrize("method", ["combined", "rss"])
def test_the_gradient_is_that_of_the_loss(measurement, roi, request, method, loss):
    """Against central differences along directions half random, half uphill (else single precision hides them)."""
    problem = objective(measurement, request.getfixturevalue(method), roi, loss=loss)
    norms = 0.02 * coil_norms(measurement.full)
    z = draw(measurement, norms, 1)
    _, gradient, _ = problem.gradient(z)
    for seed in (2, 3):
        uphill = gradient * (norms / coil_norms(gradient))[:, None, None]
        direction = draw(measurement, norms, seed) + uphill
        slope = (gradient.conj() * direction).real.sum().item()
        step = 0.05
        difference = (problem.value(z + step * direction)[0] - problem.value(z - step * direction)[0]) / (2 * step)
        assert difference == pytest.approx(slope, rel=5e-3)


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
    last = run_to_end(advrec(problem, radius, 10, start=torch.from_numpy(golden["initial"])))
    achieved = coil_norms(last.z) / coil_norms(full)
    np.testing.assert_allclose(achieved.numpy(), golden["achieved_per_coil"], rtol=1e-5)


def run_to_end(job):
    while True:
        try:
            next(job)
        except StopIteration as stop:
            return stop.value


def test_advrec_spends_less_and_reaches_less(measurement, combined, roi):
    (published,) = run(WorstCase().run(measurement, combined, roi, (0.01,), algorithm="advrec", steps=10, **KEPT))
    (ours,) = run(WorstCase().run(measurement, combined, roi, (0.01,), steps=2, **KEPT))
    assert published.budget.achieved < 0.8 * ours.budget.achieved
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


def test_a_method_without_a_gradient_is_refused(measurement, combined, roi):
    class Detached(type(combined)):
        label = "Detached"

        def reconstruct(self, measurement, **knobs):
            return super().reconstruct(measurement).detach()

    with pytest.raises(ModelError, match="no gradient"):
        run(WorstCase().run(measurement, Detached(), roi, (0.01,), **KEPT))
    Detached.differentiable = False
    with pytest.raises(InputError, match="gives no gradients"):
        WorstCase().run(measurement, Detached(), roi, (0.01,))


@pytest.mark.parametrize("budget", [0.0, -0.01, 1.5, float("nan")])
def test_a_budget_that_does_not_fit_is_refused_at_once(measurement, combined, roi, budget):
    with pytest.raises(InputError, match="fraction above 0 and up to 1"):
        WorstCase().run(measurement, combined, roi, (budget,))


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
