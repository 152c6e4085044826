"""What holds for every search by gradients: an entry of the table that misses the known optimum cannot be added."""

import numpy as np
import pytest
import torch

from helpers.toy_slice import Combined, make
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.noise.apgd import checkpoints
from napari_recon_robust.perturbations.noise.ascent import ascend
from napari_recon_robust.perturbations.noise.balls import into_balls, onto_spheres, unit
from napari_recon_robust.perturbations.noise.objective import Objective
from napari_recon_robust.perturbations.noise.sphere_ascent import sphere_ascent
from napari_recon_robust.perturbations.noise.worst_case import ASCENTS, WorstCase
from napari_recon_robust.perturbations.random_noise import white_noise
from napari_recon_robust.physics.model import coil_norms

ETA = 0.01


class Linear(Combined):
    """10 + Re A^H y: its magnitude is affine in the k-space, so that the squared error is a quadratic form of z."""

    label = "Linear"

    def reconstruct(self, measurement, **knobs):
        return (10 + super().reconstruct(measurement).real).to(torch.complex64)


@pytest.fixture(scope="module")
def measurement():
    return make()


@pytest.fixture(scope="module")
def roi():
    return ROI.box(10, 12, 9, 10)


@pytest.fixture(scope="module")
def linear():
    return Linear()


@pytest.fixture(scope="module")
def jacobian(measurement, linear, roi):
    """J, float64 (pixels of the ROI, 2 x k-space of all coils), coil after coil; row by row by differentiation."""
    z = torch.zeros_like(measurement.kspace).requires_grad_()
    pixels = linear(measurement.with_kspace(measurement.kspace + z, keep=True)).real[roi.mask(measurement.matrix)]
    rows = [torch.autograd.grad(pixel, z, retain_graph=True)[0] for pixel in pixels]
    return torch.view_as_real(torch.stack(rows)).flatten(1).double().numpy()


@pytest.fixture(scope="module")
def optimum(measurement, linear, jacobian):
    """The largest mean squared error on the two kinds of balls, by other means than the searches.

    Global: the largest singular value. Per coil: 200 power iterations (z_i <- r_i n(J^T J z)_i) from two starts.
    """
    data_range = float(linear(measurement).abs().max())
    scale = len(jacobian) * data_range**2
    radius = ETA * coil_norms(measurement.full).double().numpy()[:, None]
    best = 0.0
    for seed in range(2):
        z = np.random.default_rng(seed).normal(size=jacobian.shape[1])
        for _ in range(200):
            uphill = (jacobian.T @ (jacobian @ z)).reshape(len(radius), -1)
            z = (radius * uphill / np.linalg.norm(uphill, axis=1, keepdims=True)).ravel()
        best = max(best, np.square(jacobian @ z).sum() / scale)
    largest = np.linalg.svd(jacobian, compute_uv=False)[0]
    return {"per-coil": best, "global": (largest * np.linalg.norm(radius)) ** 2 / scale}


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["per-coil", "global"])
@pytest.mark.parametrize("algorithm", ASCENTS)
def test_the_largest_singular_vector_of_a_linear_method_is_found(measurement, linear, roi, optimum, algorithm, norm):
    knobs = {"algorithm": algorithm, "norm": norm, "target": "clean", "sensitivities": "kept"}
    job = WorstCase().run(measurement, linear, roi, (ETA,), steps=60, **knobs)
    best = []

    def follow(step):
        (preview,) = step.preview
        best.append(squared_error(measurement, linear, roi, preview.perturbation))
        assert preview.budget.achieved <= ETA * (1 + 1e-5)

    (found,) = run(job, follow)
    assert best[1:] == sorted(best[1:])
    reached = squared_error(measurement, linear, roi, found.perturbation)
    assert reached == pytest.approx(max(found.loss), rel=1e-3)
    assert reached >= best[-1]
    assert 0.96 * optimum[norm] < reached < 1.001 * optimum[norm]
    assert len(found.loss) == 2 + 60


def squared_error(measurement, method, roi, z):
    """The mean squared change in the ROI, computed from the images."""
    clean = method(measurement).abs()
    image = method(measurement.with_kspace(measurement.kspace + z, keep=True)).abs()
    return float((((image - clean) / clean.max())[roi.mask(measurement.matrix)]).double().square().mean())


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("algorithm", ASCENTS)
def test_no_iterate_leaves_the_balls_and_the_preview_never_gets_worse(measurement, combined, roi, algorithm, single):
    radius = ETA * coil_norms(measurement.full)
    radius = radius.norm(keepdim=True) if single else radius
    seen = []

    class Watched(Objective):
        def gradient(self, z):
            seen.append(z.clone())
            return super().gradient(z)

    setup = Setup.of(measurement, combined, roi)
    objective = Watched(setup, "reference", "squared-error", keep=True)
    start = torch.zeros_like(measurement.kspace)
    states = list(ascend(objective, ASCENTS[algorithm], radius, 12, start=start))
    assert len(states) == len(seen) == 12
    for z in seen:
        norms = coil_norms(z).norm(keepdim=True) if single else coil_norms(z)
        assert (norms <= radius * (1 + 1e-5)).all()
    kept = [objective.value(state.z)[0] for state in states]
    assert kept == sorted(kept)
    assert kept[0] > states[0].loss[0]


@pytest.mark.parametrize("algorithm", ASCENTS)
def test_a_warm_start_counts_as_a_candidate(measurement, combined, roi, algorithm):
    radius = ETA * coil_norms(measurement.full)
    setup = Setup.of(measurement, combined, roi)
    objective = Objective(setup, "reference", "squared-error", keep=True)
    good = run(ascend(objective, ASCENTS["apgd"], radius, 60, start=torch.zeros_like(measurement.kspace)))
    warm = run(ascend(objective, ASCENTS[algorithm], radius, 1, start=good.z, warm=True, clean_loss=good.loss[0]))
    assert objective.value(warm.z)[0] >= max(good.loss) * (1 - 1e-6)
    assert warm.loss[0] == good.loss[0]


def test_the_steps_of_sphere_ascent_fall_from_4_to_a_half():
    """The first gradient gives a point of the sphere. Each later one is along another axis, where z shows its step."""
    radius = torch.tensor([0.01])  # of which the steps are multiples
    axes = torch.eye(4, dtype=torch.complex64).view(4, 1, 1, 4)
    moves = sphere_ascent(radius, 4, False, torch.zeros_like(axes[0]))
    next(moves)
    moves.send((0.0, axes[0]))
    sizes = []
    for axis in axes[1:]:
        z = moves.send((0.0, axis))
        sizes.append(float((z * axis).norm() / (z - z * axis).norm()))
    assert sizes == pytest.approx([4, 2**0.5, 0.5])


def test_checkpoints_are_those_of_the_paper():
    """Croce and Hein 2020, section 3: for 100 steps."""
    assert sorted(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]


def uphill(step, z):
    """A quadratic form that rises in some directions and falls in others, and its gradient."""
    away = z - 0.3
    stiffness = torch.linspace(-1, 3.5, z.numel(), dtype=torch.float64).view(z.shape)
    return float((stiffness * away.abs().square()).sum()), 2 * stiffness * away


def lucky(step, z):
    """The first step is the best by far, and those behind it rise for ever."""
    return 99.0 if step == 1 else 0.1 * step, uphill(step, z)[1]


def proposed(algorithm, radius, start, steps, told):
    """What an algorithm asks for in so many steps, and is told in return."""
    moves = algorithm(radius, steps, False, start)
    found = [next(moves)]
    for step in range(steps):
        found.append(moves.send(told(step, found[-1])))
    return found


@pytest.mark.parametrize(("told", "reason"), [(uphill, "few rises"), (lucky, "no progress")])
def test_apgd_is_the_published_algorithm(told, reason):
    """Croce and Hein 2020, arXiv:2003.01690, algorithm 1, on a ball of radius 1; two reasons halve its steps."""
    steps, start = 60, torch.full((1, 1, 5), 0.1, dtype=torch.complex128)

    def onto(z):
        return z / max(1.0, float(z.norm()))

    size, here, before, found, reasons = 2.0, start, start, [start], set()
    loss, gradient = told(0, start)
    best, at_last, halved, rises = (loss, start, gradient), loss, False, []
    for step in range(1, steps + 1):
        ahead = onto(here + size * gradient / gradient.norm())
        following = ahead if step == 1 else onto(here + 0.75 * (ahead - here) + 0.25 * (here - before))
        before, here, of_last = here, following, loss
        found.append(here)
        loss, gradient = told(step, here)
        rises.append(loss > of_last)
        best = max(best, (loss, here, gradient), key=lambda one: one[0])
        if step in checkpoints(steps):
            few, stuck = sum(rises) < 0.75 * len(rises), not halved and best[0] == at_last
            halved, rises, at_last = few or stuck, [], best[0]
            reasons |= {"few rises"} if few else {"no progress"} if stuck else set()
            if halved:
                size, (loss, here, gradient) = size / 2, best
    assert reason in reasons
    for one, other in zip(proposed(ASCENTS["apgd"], torch.ones(1), start, steps, told), found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_adam_is_that_of_torch_where_each_ball_has_a_single_number():
    """With one running mean of squares for each ball; its steps fall from 2 to 0.2 radii, and end in the balls."""
    steps, radius = 12, torch.tensor([0.5, 1.0, 2.0, 0.1, 3.0], dtype=torch.float64)
    start = torch.zeros(5, 1, 1, dtype=torch.complex128)
    z, found = torch.zeros(5, dtype=torch.float64, requires_grad=True), [start]
    theirs = torch.optim.Adam([z], lr=1.0, eps=0.0, maximize=True)
    for size in np.geomspace(2, 0.2, steps):
        z.grad = uphill(0, z.detach())[1]
        before = z.detach().clone()
        theirs.step()
        with torch.no_grad():
            z.copy_((before + size * radius * (z - before)).clamp(-radius, radius))
        found.append(z.detach().clone().view(5, 1, 1))
    for one, other in zip(proposed(ASCENTS["adam"], radius, start, steps, uphill), found, strict=True):
        torch.testing.assert_close(one, other.to(one.dtype), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("single", [False, True])
def test_projections_are_the_nearest_points_of_the_balls(measurement, single):
    radius = coil_norms(measurement.kspace)
    radius = radius.norm(keepdim=True) if single else radius
    z = white_noise(measurement, coil_norms(measurement.kspace) * torch.tensor([0.5, 1.0, 2.0, 3.0]), 1)

    def norms(z):
        return coil_norms(z).norm(keepdim=True) if single else coil_norms(z)

    torch.testing.assert_close(norms(onto_spheres(z, radius)), radius)
    torch.testing.assert_close(norms(unit(z, radius)), torch.ones_like(radius))
    inside = into_balls(z, radius)
    torch.testing.assert_close(norms(inside), torch.minimum(norms(z), radius))
    # The projection p of z into a convex set: Re <z - p, q - p> <= 0 for every q in it.
    for seed in range(5):
        other = into_balls(white_noise(measurement, 3 * coil_norms(z), seed), radius)
        assert ((z - inside).conj() * (other - inside)).real.sum() <= 1e-4 * z.norm() ** 2
    z = z.clone()
    z[1] = 0
    assert not onto_spheres(z, radius)[1].any()
    assert onto_spheres(z, radius).isfinite().all()
