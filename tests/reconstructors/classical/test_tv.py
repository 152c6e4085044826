import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.method_properties import difference
from helpers.simulated import errors_about, simulate, undersampled
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.classical import sparsity, tv
from napari_recon_robust.reconstructors.classical.tv import TotalVariation, auto_weight
from napari_recon_robust.simulation.sample import open_sample


@pytest.fixture
def converged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Solve far beyond what a screen can show."""
    monkeypatch.setattr(sparsity, "TOLERANCE", 1e-6)
    monkeypatch.setattr(sparsity, "OUTER", 1000)
    monkeypatch.setattr(sparsity, "STIFFNESS", 300.0)
    monkeypatch.setattr(sparsity, "GRADIENT", 500)


@pytest.fixture(scope="module")
def strip(lines: Measurement) -> Measurement:
    """The 14 central rows, for what takes long."""
    rows = slice(17, 31)
    sensitivities = lines.calibration.sensitivities[:, rows]
    return replace(
        lines, matrix=(14, lines.matrix[1]), full=None, kept=Calibration(sensitivities, lines.calibration.noise)
    )


@pytest.fixture(scope="module")
def strip_in_the_plane(strip: Measurement) -> Measurement:
    """The same taken as points in two dimensions, for which there are no kernels."""
    kspace = fourier.fft(strip.data, (-2,))
    plane = replace(strip, kspace=kspace, mask=strip.mask.expand(kspace.shape[-2:]))
    vars(plane)["sampled"] = plane.mask  # else it is found to be lines
    return plane


def objective(image: Tensor, measurement: Measurement, weight: float) -> float:
    x, y = image / measurement.scale, measurement.data / measurement.scale
    residual = (measurement.model.forward(x) - y).abs().square().sum()
    return float(residual / 2 + weight * tv.DIFFERENCES.value(x))


def test_total_variation_by_numpy() -> None:
    x = torch.randn(5, 6, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    down, right = np.diff(x.numpy(), axis=0, append=x[-1:]), np.diff(x.numpy(), axis=1, append=x[:, -1:])
    assert float(tv.DIFFERENCES.value(x)) == pytest.approx(np.sqrt(abs(down) ** 2 + abs(right) ** 2).sum())


@pytest.mark.usefixtures("converged")
def test_denoising_is_scikit_images() -> None:
    """With one flat coil and all lines sampled it is Chambolle's problem."""
    from skimage.restoration import denoise_tv_chambolle

    rng = np.random.default_rng(0)
    noisy = (np.add.outer(np.arange(32) > 15, np.arange(40) > 20) + 0.2 * rng.normal(size=(32, 40))).astype(np.float32)
    kspace = fourier.fft(torch.from_numpy(noisy).to(torch.complex64))[None]
    flat = Calibration(torch.ones(1, 32, 40, dtype=torch.complex64), torch.ones(1))
    measurement = Measurement(kspace, torch.ones(1, 40, dtype=torch.bool), (32, 40), kept=flat)
    weight = 0.05
    expected = denoise_tv_chambolle(noisy, weight=weight * float(measurement.scale), eps=1e-9, max_num_iter=3000)
    image = TotalVariation()(measurement, weight=weight)
    assert np.linalg.norm(image.numpy() - expected) < 2e-3 * np.linalg.norm(expected)


@pytest.mark.usefixtures("converged")
@pytest.mark.parametrize("pattern", ["lines", "strip_in_the_plane"])
def test_nothing_near_the_solution_is_better(pattern: str, request: pytest.FixtureRequest) -> None:
    measurement: Measurement = request.getfixturevalue(pattern)
    weight = 3e-3
    b = measurement.model.adjoint(measurement.data) / measurement.scale
    image = tv.minimiser(b, measurement.model, weight) * measurement.scale
    best = objective(image, measurement, weight)
    others = [
        measurement.model.adjoint(measurement.data),
        torch.zeros_like(image),
        TotalVariation()(measurement, weight=1.2 * weight),
        image.roll(1, -1),
        torch.randn(image.shape, dtype=image.dtype, generator=torch.Generator().manual_seed(0)) * image.abs().mean(),
    ]
    for other in others:
        for share in (1e-3, 1e-2, 1e-1, -1e-2):
            assert objective(image + share * (other - image), measurement, weight) > best * (1 - 3e-6)


@pytest.mark.parametrize("weight", [1e-4, 2e-3, 5e-2])
def test_the_default_accuracy_is_below_what_one_sees(lines: Measurement, weight: float) -> None:
    image = TotalVariation()(lines, weight=weight)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparsity, "TOLERANCE", 1e-6)
        patch.setattr(sparsity, "OUTER", 2000)
        exact = TotalVariation()(lines, weight=weight)
    assert difference(image, exact) < 3e-3


@pytest.fixture(scope="module")
def airy() -> Measurement:
    """128 rows of the sample, which hold air around the head."""
    with open_sample() as scan:
        whole = scan.measurement(3, Sampling(acceleration=4))
    rows = slice(100, 228)
    kept = Calibration(whole.calibration.sensitivities[:, rows], whole.calibration.noise)
    kspace = fourier.fft(whole.data[:, rows], (-2,))
    return Measurement(kspace, whole.mask, (kspace.shape[-2], whole.matrix[1]), kept=kept)


@pytest.mark.thorough
@pytest.mark.parametrize("weight", [2e-4, 2e-3, 2e-2])
def test_air_around_the_head_does_not_keep_the_solver_from_its_end(
    weight: float, airy: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With momentum where no coil sees anything it went round in circles, up to 200 steps and off the solution."""
    assert airy.model.fused is not None
    assert not airy.model.support.all()
    image = TotalVariation()(airy, weight=weight)
    monkeypatch.setattr(sparsity, "TOLERANCE", 0.0)
    monkeypatch.setattr(sparsity, "OUTER", 400)
    monkeypatch.setattr(tv.Differences, "steps", lambda self, weight: 60)  # a proximal map that is nearly exact
    assert difference(image, TotalVariation()(airy, weight=weight)) < 7e-4


@pytest.mark.parametrize("seed", range(4))
def test_random_sensitivities_are_no_harm(seed: int) -> None:
    """The largest eigenvalue then belongs to no smooth image, from which it would be found."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(2, 16, 16, dtype=torch.complex64, generator=generator)
    maps = maps / maps.abs().square().sum(0).sqrt()
    mask = (torch.arange(16) % 4 == 0)[None]
    kspace = torch.randn(2, 16, 16, dtype=torch.complex64, generator=generator) * mask
    measurement = Measurement(kspace, mask, (16, 16), kept=Calibration(maps, torch.ones(2)))
    image, weight = TotalVariation()(measurement, weight=1e-3), 1e-3
    assert objective(image, measurement, weight) < objective(torch.zeros_like(image), measurement, weight)


@pytest.mark.slow
@pytest.mark.usefixtures("converged")
@pytest.mark.parametrize("weight", [3e-3, 2e-2])
def test_the_kernels_solve_what_torch_solves(
    strip: Measurement, strip_in_the_plane: Measurement, weight: float
) -> None:
    """Image and derivative."""
    assert strip.model.fused is not None
    assert strip_in_the_plane.model.fused is None
    b = strip.model.adjoint(strip.data) / strip.scale
    torch.testing.assert_close(strip_in_the_plane.model.adjoint(strip_in_the_plane.data) / strip.scale, b)
    direction = torch.randn(b.shape, dtype=b.dtype, generator=torch.Generator().manual_seed(1))
    images, derivatives = [], []
    for model in (strip.model, strip_in_the_plane.model):
        solver = TotalVariation().solver(model, b)
        state = solver.minimise(b, weight, solver.start(b))
        images.append(solver.image(state))
        derivatives.append(solver.derivative(direction, weight, state))
    assert difference(*images) < 1e-4
    assert difference(*derivatives) < 0.03


@pytest.mark.slow
@pytest.mark.usefixtures("converged")
def test_the_gradient_along_any_direction(strip: Measurement) -> None:
    """By central differences in double precision."""
    sensitivities = strip.calibration.sensitivities.to(torch.complex128)
    double = replace(
        strip,
        kspace=strip.kspace.to(torch.complex128),
        kept=Calibration(sensitivities, strip.calibration.noise.double()),
    )
    generator = torch.Generator().manual_seed(0)
    scale = double.scale
    image_direction = torch.randn(double.matrix, dtype=torch.complex128, generator=generator)
    direction = torch.randn(double.kspace.shape, dtype=torch.complex128, generator=generator) * double.mask
    direction *= double.kspace.norm() / direction.norm()

    def component(kspace: Tensor) -> Tensor:
        measurement = replace(double, kspace=kspace)
        vars(measurement)["scale"] = scale
        return (TotalVariation()(measurement, weight=5e-3) * image_direction.conj()).real.sum()

    kspace = double.kspace.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(component(kspace), kspace)
    step = 1e-4
    with torch.no_grad():
        by_difference = (component(kspace + step * direction) - component(kspace - step * direction)) / (2 * step)
    assert float((gradient.conj() * direction).real.sum()) == pytest.approx(float(by_difference), rel=0.02)


def test_a_larger_weight_is_smoother_and_fits_less(lines: Measurement) -> None:
    images = [TotalVariation()(lines, weight=weight) for weight in (1e-4, 1e-3, 1e-2, 5e-2)]
    variation = [float(tv.DIFFERENCES.value(image)) for image in images]
    misfit = [float((lines.model.forward(image) - lines.data).norm()) for image in images]
    assert all(a > b for a, b in pairwise(variation))
    assert all(a < b for a, b in pairwise(misfit))


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["lines", "strip_in_the_plane"])
def test_a_family_is_its_members_in_any_order(pattern: str, request: pytest.FixtureRequest) -> None:
    measurement: Measurement = request.getfixturevalue(pattern)
    weights = [2e-3, 5e-2, 1e-4, 1e-3, 2e-2]
    points = ({"weight": weight} for weight in weights)
    for weight, image in zip(weights, TotalVariation().at().family(measurement, points), strict=True):
        assert difference(image, TotalVariation()(measurement, weight=weight)) < 3e-3


def test_a_family_leaves_gradients_on(lines: Measurement) -> None:
    next(TotalVariation().at().family(lines, [{}, {}]))
    assert torch.is_grad_enabled()


def test_it_is_zero_where_no_coil_sees_anything(lines: Measurement) -> None:
    blind = ~lines.model.support
    assert blind.any()
    assert (TotalVariation()(lines)[blind] == 0).all()


def test_auto_weight(lines: Measurement) -> None:
    assert auto_weight(lines) == pytest.approx(0.7 * float(lines.noise_level) ** 1.5)
    loud = replace(lines, kept=replace(lines.calibration, noise=lines.calibration.noise * 1e6))
    assert auto_weight(loud) == 5e-2
    assert math.isclose(auto_weight(lines), auto_weight(replace(lines, kspace=lines.kspace * 1e-5)), rel_tol=0.05)


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_half_or_twice_the_rules_weight_is_no_better_on_a_head_with_texture(noise: float) -> None:
    scan = simulate(noise, texture=0.4)
    measurement = undersampled(scan, Sampling(acceleration=2, centre_fraction=0.2))
    half, rule, twice = errors_about(TotalVariation(), auto_weight(measurement), measurement, scan)
    assert rule < 0.95 * min(half, twice)
