from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.method_properties import difference
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.classical import sparsity
from napari_recon_robust.reconstructors.classical.tv_wavelet import objective
from napari_recon_robust.reconstructors.classical.wavelet import ADMM, HIGH, LOW, Details, L1Wavelet
from napari_recon_robust.simulation.acquisition import SimulatedSlice

D = Details()


def noise(*shape: int, dtype: torch.dtype = torch.complex64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128], ids=["kernels", "spectra"])
@pytest.mark.parametrize("shape", [(24, 17), (2, 16, 20)])
def test_transform(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """The first level by definition, the adjoint by inner products, and nothing grows."""
    image = noise(*shape, dtype=dtype)
    details = D.forward(image)
    expected = torch.zeros_like(image)
    for i, a in enumerate(HIGH):
        for j, b in enumerate(LOW):
            expected += a * b / 2 * image.roll((-i, -j), (-2, -1))
    torch.testing.assert_close(details[..., 1, :, :], expected)
    p = noise(*details.shape, dtype=dtype)
    torch.testing.assert_close((details.conj() * p).sum(), (image.conj() * D.adjoint(p)).sum(), rtol=1e-4, atol=1e-4)
    assert details.norm() < image.norm()
    assert float(D.forward(torch.ones_like(image)).abs().max()) < 1e-6


def test_both_ways_are_the_same_transform() -> None:
    image, p = noise(21, 30), noise(9, 21, 30)
    torch.testing.assert_close(D.forward(image), D.forward(image.to(torch.complex128)).to(torch.complex64))
    torch.testing.assert_close(D.adjoint(p), D.adjoint(p.to(torch.complex128)).to(torch.complex64))


def test_norm_is_the_mean_over_shifts_of_the_wavelet_transform() -> None:
    """By PyWavelets, an orthonormal transform at each of the 64 shifts that differ."""
    pywt = pytest.importorskip("pywt")
    image = noise(16, 24).numpy()
    total = 0.0
    for i in range(8):
        for j in range(8):
            _, *bands = pywt.wavedec2(np.roll(image, (i, j), (0, 1)), "db2", mode="periodization", level=3)
            total += sum(float(np.abs(band).sum()) for level in bands for band in level) / 64
    assert float(D.value(torch.from_numpy(image))) == pytest.approx(total, rel=1e-4)


@pytest.fixture
def converged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Solve far beyond what a screen can show."""
    monkeypatch.setattr(sparsity, "TOLERANCE", 1e-6)
    monkeypatch.setattr(sparsity, "OUTER", 600)


@pytest.mark.slow
@pytest.mark.usefixtures("converged")
def test_one_coil_fully_sampled_is_denoising(lines: Measurement) -> None:
    """Then the optimality condition is that of the proximal map: x + w D^H p = v with p a subgradient."""
    v = noise(32, 40) * 0.2 + (torch.arange(40) > 20)
    flat = Calibration(torch.ones(1, 32, 40, dtype=torch.complex64), torch.ones(1))
    measurement = Measurement(fourier.fft(v)[None], torch.ones(1, 40, dtype=torch.bool), (32, 40), kept=flat)
    weight, scale = 0.05, measurement.scale
    image = L1Wavelet()(measurement, weight=weight)
    gap = primal_dual_gap(v / scale, image / scale, weight)
    assert 0 <= gap < 1e-4 * float((v / scale).abs().square().sum())


def primal_dual_gap(v: Tensor, x: Tensor, weight: float) -> float:
    """1/2 ||x - v||^2 + w R(x) less the dual value of its own residual, projected: 0 only at the minimiser."""
    p, limits = torch.zeros(9, *v.shape, dtype=v.dtype), weight * D.limits
    for _ in range(300):
        p = D.proximal(v, p, limits, 2)
    dual = v - D.adjoint(p)
    bound = float((v.abs().square().sum() - dual.abs().square().sum()) / 2)
    return float((x - v).abs().square().sum() / 2 + weight * D.value(x)) - bound


@pytest.mark.slow
@pytest.mark.usefixtures("converged")
@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_nothing_near_the_solution_is_better(pattern: str, request: pytest.FixtureRequest) -> None:
    """Of J as HyperRecon states it, at mix = 1."""
    measurement: Measurement = request.getfixturevalue(pattern)
    weight, data = 3e-3, measurement.data / measurement.scale
    b = sparsity.right_hand_side(measurement)
    image = sparsity.minimiser(L1Wavelet().solver(measurement.model, b), b, weight)

    def value(x: Tensor) -> float:
        return float(objective(measurement.model, data, x, weight, 1.0))

    best = value(image)
    for other in (b, torch.zeros_like(b), image.roll(1, -1), noise(*b.shape) * image.abs().mean()):
        for share in (1e-3, 1e-2, 1e-1, -1e-2):
            assert value(image + share * (other - image)) > best * (1 - 3e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("weight", [3e-4, 3e-3])
def test_splitting_is_ahead_of_fista_and_ends_at_the_same_image(simulated: SimulatedSlice, weight: float) -> None:
    """Both from the same start, by the objective after as many steps, where samples are few."""
    mask = Sampling(acceleration=4, centre_fraction=0.1).mask(*simulated.kspace.shape[-2:])
    matrix = (mask.shape[-1], mask.shape[-1])
    lines = Measurement(
        simulated.kspace * mask, mask, matrix, kept=Calibration(simulated.sensitivities, simulated.sigma)
    )
    model, b = lines.model, sparsity.right_hand_side(lines)
    solvers = [kind(model, D) for kind in (ADMM, sparsity.FISTA)]

    def images(steps: int) -> list[Tensor]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sparsity, "OUTER", steps)
            patch.setattr(sparsity, "TOLERANCE", 0.0)
            return [solver.image(solver.minimise(b, weight, solver.start(b))) for solver in solvers]

    def value(x: Tensor) -> float:
        return float(objective(model, lines.data / lines.scale, x, weight, 1.0))

    split, fista = images(600)
    assert difference(model.support * split, model.support * fista) < 2e-3
    least = min(value(split), value(fista))
    ours, theirs = (value(image) - least for image in images(10))
    assert ours < 0.2 * theirs


@pytest.mark.slow
def test_a_solution_is_where_the_next_one_starts(lines: Measurement, monkeypatch: pytest.MonkeyPatch) -> None:
    """Image and dual are kept in units of which another weight knows nothing."""
    b = sparsity.right_hand_side(lines)
    solver = L1Wavelet().solver(lines.model, b)
    monkeypatch.setattr(sparsity, "TOLERANCE", 1e-6)
    solved = solver.minimise(b, 3e-3, solver.start(b))
    monkeypatch.setattr(sparsity, "OUTER", 1)
    support = lines.model.support
    assert difference(support * solver.image(solver.minimise(b, 3e-3, solved)), support * solver.image(solved)) < 1e-4
    nearby = support * solver.image(solver.minimise(b, 3.3e-3, solved))
    assert difference(nearby, support * solver.image(solved)) < 5e-3


@pytest.mark.slow
@pytest.mark.parametrize("weight", [1e-4, 3e-3, 5e-2])
def test_the_default_accuracy_is_below_what_one_sees(lines: Measurement, weight: float) -> None:
    image = L1Wavelet()(lines, weight=weight)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparsity, "TOLERANCE", 1e-6)
        patch.setattr(sparsity, "OUTER", 1000)
        assert difference(image, L1Wavelet()(lines, weight=weight)) < 5e-3


def test_a_larger_weight_has_fewer_details_and_fits_less(lines: Measurement) -> None:
    images = [L1Wavelet()(lines, weight=weight) for weight in (1e-4, 1e-3, 1e-2, 5e-2)]
    details = [float(D.value(image)) for image in images]
    misfit = [float((lines.model.forward(image) - lines.data).norm()) for image in images]
    assert all(a > b for a, b in pairwise(details))
    assert all(a < b for a, b in pairwise(misfit))
