import numpy as np
import pytest
import torch

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import ModelError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.noise.ascent import ascend
from napari_recon_robust.perturbations.noise.balls import onto_spheres
from napari_recon_robust.perturbations.noise.black_box import _Model, black_box
from napari_recon_robust.perturbations.noise.losses import user_loss
from napari_recon_robust.perturbations.noise.objective import Objective
from napari_recon_robust.perturbations.noise.sphere_ascent import sphere_ascent
from napari_recon_robust.perturbations.random_noise import white_noise
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import coil_norms
from napari_recon_robust.reconstructors import registry


def objective(measurement, reconstructor, roi, *, target="reference", loss="squared-error", keep=True):
    return Objective(Setup.of(measurement, reconstructor, roi), target, loss, keep)


def onto(measurement, radius):
    return lambda z: onto_spheres(z * measurement.mask, radius)


def finish(search):
    states = []
    return run(search, states.append), states


def no_gradient(reconstructor):
    """The same method without a gradient."""

    class Detached(type(reconstructor)):
        differentiable = False

        def reconstruct(self, measurement, **knobs):
            with torch.no_grad():
                return super().reconstruct(measurement, **knobs)

    return Detached()


def largest_change(measurement, reconstructor, roi):
    """The largest ||S Re(conj(p) f(z))|| over ||z|| = 1 of a linear f, p the clean phase, from its dense matrix."""
    mask = roi.mask(measurement.matrix)
    with torch.no_grad():
        phase = reconstructor(measurement).sgn()
        points = torch.eye(measurement.kspace[0].numel(), dtype=torch.complex64)
        points = points.reshape(-1, *measurement.kspace[0].shape)[measurement.mask.expand(32, 36).flatten()]
        columns = []
        for coil in range(measurement.coils):
            z = torch.zeros(len(points), *measurement.kspace.shape, dtype=torch.complex64)
            z[:, coil] = points
            columns.append(phase.conj() * reconstructor(measurement.with_kspace(z, keep=True)))
        matrix = torch.cat(columns)[:, mask]
    return float(torch.linalg.matrix_norm(torch.cat([matrix.real, (1j * matrix).real]), 2))


def aimed(measurement, roi, seed):
    """Random k-space of an image that lies in the region: (coils, readout, phase)."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(measurement.matrix, dtype=torch.complex64, generator=generator)
    return fourier.fft(measurement.model.forward(image * roi.mask(measurement.matrix)), (-2,))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["combined", "weighted"])
def test_of_a_linear_method_the_largest_singular_vector_is_found(make_measurement, combined, roi, method):
    """For a single ball and the distance to the own clean image; of a method in the model's family, and of another."""

    class Weighted(type(combined)):
        """The coils are combined with other weights."""

        label = "Weighted"

        def reconstruct(self, measurement, **knobs):
            weights = torch.linspace(0.5, 1.5, measurement.coils)[:, None, None]
            return measurement.crop(measurement.model.adjoint(weights * measurement.data))

    measurement = make_measurement(full=False)
    reconstructor = combined if method == "combined" else Weighted()
    problem = objective(measurement, no_gradient(reconstructor), roi, target="clean")
    radius = 0.002 * measurement.kspace.norm(keepdim=True).reshape(1)
    found, _ = finish(black_box(problem, onto(measurement, radius), 16, seed=0))
    optimum = (float(radius) * largest_change(measurement, reconstructor, roi)) ** 2
    reached = max(found.loss) * problem.data_range**2 * int(problem.region.sum())
    assert (0.99 if method == "combined" else 0.85) * optimum < reached < 1.01 * optimum


@pytest.mark.slow
@pytest.mark.parametrize("target", ["reference", "clean"])
# The U-Net, which does not see the samples, is the farthest from linear.
@pytest.mark.thorough
@pytest.mark.parametrize(("method", "share"), [("tv", 0.7), ("cascade-net", 0.6), ("unet", 0.15)])
def test_it_comes_near_the_gradient_and_far_beyond_random_search(measurement, roi, method, share, target):
    reconstructor = registry.get(method)
    problem = objective(measurement, reconstructor, roi, target=target)
    radius = 0.01 * coil_norms(measurement.full)
    blind = objective(measurement, no_gradient(reconstructor), roi, target=target)
    found, _ = finish(black_box(blind, onto(measurement, radius), 12, seed=0))
    start = torch.zeros_like(measurement.kspace) if target == "reference" else white_noise(measurement, radius, 0)
    gradients, _ = finish(ascend(problem, sphere_ascent, radius, 5, start=start, clean_loss=found.loss[0]))
    chance = max(problem.value(onto(measurement, radius)(aimed(measurement, roi, seed)))[0] for seed in range(12))
    clean, black, white, chance = (
        max(0, loss) ** 0.5 for loss in (found.loss[0], max(found.loss), max(gradients.loss), chance)
    )
    assert black - clean > share * (white - clean)
    assert black - clean > 1.5 * (chance - clean)


@pytest.mark.slow
def test_the_budget_is_spent_and_the_best_is_kept(measurement, rss, roi):
    problem = objective(measurement, no_gradient(rss), roi, keep=False)
    radius = 0.02 * coil_norms(measurement.full)
    found, states = finish(black_box(problem, onto(measurement, radius), 7, seed=0))
    assert len(states) == 7
    assert found.loss[0] == pytest.approx(float(problem.of_image(problem.clean)))
    for count, state in enumerate(states, 1):
        assert len(state.loss) == 1 + count
        assert problem.value(state.z)[0] == pytest.approx(max(state.loss[1:]), rel=1e-5)
        assert float(problem.of_image(state.image)) == pytest.approx(max(state.loss[1:]))
        torch.testing.assert_close(coil_norms(state.z), radius, rtol=1e-4, atol=0)
        assert not state.z[..., ~measurement.mask[0]].any()
        assert torch.equal(state.clean, problem.clean)
    assert states[-1].z is found.z


@pytest.mark.slow
def test_the_start_is_the_first_candidate(measurement, combined, roi):
    problem = objective(measurement, no_gradient(combined), roi)
    radius = 0.01 * coil_norms(measurement.full)
    found, _ = finish(black_box(problem, onto(measurement, radius), 6, seed=0))
    start = 0.3 * found.z
    again, (first, *_) = finish(black_box(problem, onto(measurement, radius), 3, seed=0, start=start))
    torch.testing.assert_close(first.z, found.z, rtol=1e-4, atol=1e-6)
    assert max(again.loss) >= (1 - 1e-5) * max(found.loss)


def test_seeds_reproduce(measurement, combined, roi):
    problem = objective(measurement, no_gradient(combined), roi, target="clean")
    project = onto(measurement, 0.01 * coil_norms(measurement.full))
    one, again, other = (finish(black_box(problem, project, 2, seed=seed))[0] for seed in (3, 3, 4))
    assert torch.equal(one.z, again.z)
    assert not torch.equal(one.z, other.z)


@pytest.mark.slow
@pytest.mark.parametrize("box", [(16, 16, 1, 1), (0, 0, 32, 36), (0, 0, 2, 2)])
@pytest.mark.parametrize("target", ["reference", "clean"])
@pytest.mark.parametrize("evaluations", [1, 4])
def test_any_region_and_number_of_evaluations(measurement, combined, box, target, evaluations):
    """A pixel, the whole image, a corner where there is nothing."""
    problem = objective(measurement, no_gradient(combined), ROI.box(*box), target=target)
    radius = 0.01 * coil_norms(measurement.full)
    found, _ = finish(black_box(problem, onto(measurement, radius), evaluations, seed=0))
    assert len(found.loss) == 1 + evaluations
    assert max(found.loss) > found.loss[0]
    assert max(found.loss) > problem.value(white_noise(measurement, radius, 5))[0]


@pytest.mark.thorough
def test_a_loss_without_a_gradient_serves(measurement, combined, roi):
    def in_numpy(image, wanted, region):
        return float(np.square((image - wanted).numpy()[region.numpy()]).mean())

    radius = 0.01 * coil_norms(measurement.full)
    without = objective(measurement, no_gradient(combined), roi, loss=user_loss(in_numpy))
    found, _ = finish(black_box(without, onto(measurement, radius), 12, seed=0))
    problem = objective(measurement, no_gradient(combined), roi)
    with_gradient, _ = finish(black_box(problem, onto(measurement, radius), 12, seed=0))
    reached = float(problem.of_image(found.image))
    assert reached - with_gradient.loss[0] > 0.6 * (max(with_gradient.loss) - with_gradient.loss[0])


def test_a_method_that_ignores_the_data_is_said_to_be_flat(measurement, combined, roi):
    class Constant(type(combined)):
        def reconstruct(self, measurement, **knobs):
            return 0 * super().reconstruct(measurement) + 1

    found, _ = finish(black_box(objective(measurement, Constant(), roi), onto(measurement, torch.ones(4)), 3, seed=0))
    assert found.flat


def test_nan_is_an_error(measurement, combined, roi):
    def no_value(image, wanted, region):
        difference = (image - wanted)[region].square().mean()
        return difference if image.requires_grad else difference * float("nan")

    problem = objective(measurement, no_gradient(combined), roi, loss=no_value)
    with pytest.raises(ModelError, match="the loss of Combined is nan"):
        finish(black_box(problem, onto(measurement, torch.ones(4)), 3, seed=0))


def test_the_model_goes_from_samples_to_coil_images_once(measurement, roi, monkeypatch) -> None:
    """Its three linear reconstructions begin alike, and its adjoint is exact."""
    model = _Model(objective(measurement, registry.get("zero-filled"), roi))
    model.shares = torch.tensor([0.0, 0.7, 0.3])  # CG that ends early is no linear map
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(measurement.kspace.shape, dtype=torch.complex64, generator=generator) * measurement.mask
    image = torch.randn(measurement.matrix, generator=generator)
    called, to_data = [], type(measurement).to_data
    monkeypatch.setattr(type(measurement), "to_data", lambda self, kspace: called.append(1) or to_data(self, kspace))
    seen = float(((model.magnitude(z) - model.clean) * image).sum())
    assert len(called) == 1
    back = float(
        torch.view_as_real(model.adjoint(image) * measurement.mask).flatten() @ torch.view_as_real(z).flatten()
    )
    assert len(called) == 1
    assert back == pytest.approx(seen, rel=1e-4)


def test_the_model_gives_the_latest_32_changes_that_were_seen(measurement, combined, roi):
    """Whatever they were; the one before is no longer known."""
    model = _Model(objective(measurement, combined, roi))
    generator = torch.Generator().manual_seed(0)
    seen = []
    for _ in range(33):
        z = torch.randn(measurement.kspace.shape, dtype=torch.complex64, generator=generator) * measurement.mask
        change = torch.randn(measurement.matrix, generator=generator)
        model.learn(z, change)
        seen.append((z, change))
    errors = [float((model.magnitude(z) - model.clean - change).norm() / change.norm()) for z, change in seen]
    assert max(errors[1:]) < 1e-3
    assert errors[0] > 0.5
