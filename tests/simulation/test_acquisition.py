"""Coils against the analytic field of a loop, noise against its covariance, k-space against its own truth."""

import numpy as np
import pytest
import torch
from numpy.random import default_rng

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import fourier
from napari_recon_robust.simulation.acquisition import (
    NOISE_RANGE,
    CoilArray,
    noise,
    noise_covariance,
    phase,
    simulate_slice,
    smooth_field,
    susceptibility_field,
)


def head(size: int = 96) -> np.ndarray:
    row, column = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    return np.exp(-((column / 0.5) ** 6) - (row / 0.6) ** 6) * (1 + 0.3 * np.sin(9 * row) * np.cos(7 * column))


@pytest.mark.parametrize(("shape", "coils"), [((96, 96), 5), ((384, 320), 16), ((101, 130), 8)])
def test_sensitivities_are_smooth_and_different_and_of_size_one_on_average(shape: tuple[int, int], coils: int) -> None:
    maps = CoilArray.random(coils, default_rng(3)).sensitivities(shape)
    assert maps.shape == (coils, *shape)
    assert maps.dtype == np.complex64
    size = np.sqrt((np.abs(maps) ** 2).sum(0))
    np.testing.assert_allclose(size.mean(), 1, rtol=1e-4)
    maps /= size
    inside = maps[:, shape[0] // 4 : -shape[0] // 4, shape[1] // 4 : -shape[1] // 4]
    assert np.abs(np.diff(inside, axis=-1)).max() * max(shape) < 6, "coil maps vary over tens of pixels"
    flat = inside.reshape(coils, -1)
    correlation = np.abs(np.corrcoef(flat)) - np.eye(coils)
    assert correlation.max() < 0.98


def test_sensitivities_interpolated_from_the_coarse_grid_are_those_computed_at_every_pixel() -> None:
    array = CoilArray.random(6, default_rng(1))
    fine, coarse = array.sensitivities((112, 112), height=0.2), array.sensitivities((28, 28), height=0.2)
    # 28 points span the field inclusively: the pixels of the 28-pixel image that also lie in the larger one.
    ratio = fine[:, ::4, ::4] / coarse
    inside = ratio[:, 6:-6, 6:-6]
    assert np.abs(inside / inside.mean() - 1).max() < 0.02


def test_an_array_sees_other_slices_with_other_sensitivities() -> None:
    array = CoilArray.random(8, default_rng(0))
    middle, above = (array.sensitivities((64, 64), height=height) for height in (0.0, 0.3))
    change = np.linalg.norm(middle - above) / np.linalg.norm(middle)
    assert 0.02 < change < 0.6


def test_noise_has_the_covariance_that_is_asked_for() -> None:
    covariance = noise_covariance(6, 0.02, default_rng(4))
    assert np.trace(covariance).real / 6 == pytest.approx(0.02**2, rel=1e-5)
    correlation = np.abs(covariance) / np.sqrt(np.outer(np.diag(covariance).real, np.diag(covariance).real))
    assert 0.05 < (correlation - np.eye(6)).max() < 0.8
    samples = noise((400, 400), covariance, default_rng(5)).reshape(6, -1)
    estimated = samples @ samples.conj().T / samples.shape[1]
    np.testing.assert_allclose(estimated, covariance, atol=0.02 * 0.02**2)
    assert np.abs((samples @ samples.T) / samples.shape[1]).max() < 0.02 * 0.02**2, "circular: E[n n^T] = 0"


def correlations(covariance: np.ndarray) -> np.ndarray:
    """The moduli of the coefficients of correlation between different coils."""
    sigma = np.sqrt(np.diag(covariance).real)
    return np.abs(covariance / np.outer(sigma, sigma))[~np.eye(len(sigma), dtype=bool)]


def test_noise_from_the_body_is_correlated_as_in_a_measured_scan() -> None:
    found = []
    for seed in range(6):
        own = CoilArray.random(16, default_rng(seed))
        with_body = own.with_body_noise(0.5)
        assert np.trace(with_body.covariance).real == pytest.approx(16, rel=1e-4)
        assert np.linalg.eigvalsh(with_body.covariance).min() > 0
        found.append([np.sqrt(np.mean(correlations(array.covariance) ** 2)) for array in (own, with_body)])
    own_mean, mean = np.mean(found, axis=0)
    assert own_mean < 0.12
    assert 0.17 < mean < 0.27, "0.22 in a head array of 16 coils"


def test_a_smooth_field_is_as_wide_as_asked_at_any_matrix() -> None:
    """White noise through a Gaussian of width w has gradients of deviation 1 / (sqrt(2) w)."""
    for size in (96, 384):
        fields = [smooth_field((size, size), default_rng(seed), size / 20) for seed in range(5)]
        gradient = np.sqrt(np.mean([np.diff(field, axis=0) ** 2 for field in fields]))
        assert np.std(fields) == pytest.approx(1, abs=1e-3)
        assert gradient * size / 20 == pytest.approx(2**-0.5, rel=0.15)


@pytest.mark.parametrize("detail", [0.1, 0.25])
def test_the_phase_leaves_the_imaginary_part_that_is_asked_for(detail: float) -> None:
    """What is left after removing the phase of the central k-space, as a fraction of the image's norm."""
    left = []
    for seed in range(8):
        magnitude = head(128)
        image = torch.from_numpy(
            magnitude * np.exp(1j * phase((128, 128), default_rng(seed), magnitude, detail=detail))
        )
        window = torch.hann_window(24, periodic=False)
        low = torch.zeros_like(image)
        low[52:76, 52:76] = fourier.fft(image)[52:76, 52:76] * window[:, None] * window
        turned = image * torch.exp(-1j * fourier.ifft(low).angle())
        left.append(float(turned.imag.norm() / turned.norm()))
    assert 0.5 * detail < np.mean(left) < 1.3 * detail


def test_the_field_of_a_cylinder_is_the_analytic_one() -> None:
    """Uniform inside, 1/3 - |b|^2 / 2; outside a dipole in the plane, |b|^2 / 2 (a / r)^2 cos 2 (angle to b)."""
    size, radius, angle, length = 512, 24, 0.6, 0.8
    row, column = np.mgrid[-size // 2 : size // 2, -size // 2 : size // 2]
    distance = np.hypot(row, column)
    field = susceptibility_field(distance <= radius, (length * np.cos(angle), length * np.sin(angle)))

    inside, outside = distance < radius - 4, (distance > radius + 4) & (distance < 3 * radius)
    assert field[inside] == pytest.approx(np.full(inside.sum(), 1 / 3 - length**2 / 2), abs=0.02)
    around = np.arctan2(column, row)[outside] - angle
    expected = length**2 / 2 * (radius / distance[outside]) ** 2 * np.cos(2 * around)
    assert field[outside] == pytest.approx(expected, abs=0.02)


def test_a_smooth_phase_is_removed_by_the_central_k_space() -> None:
    field = phase((128, 128), default_rng(0), head(128), detail=0)
    assert np.abs(np.diff(np.exp(1j * field), axis=0)).max() < 0.2


@pytest.mark.parametrize(
    ("oversampling", "matrix", "drawn"),
    [(1, None, (96, 112)), (2, None, (96, 80)), (2, (64, 64), (128, 128)), (2, (65, 63), (195, 189))],
)
def test_the_k_space_is_that_of_the_truth_seen_by_the_coils(
    oversampling: int, matrix: tuple[int, int] | None, drawn: tuple[int, int]
) -> None:
    magnitude = np.exp(-(np.linspace(-1.7, 1.7, drawn[0])[:, None] ** 4) - np.linspace(-1.7, 1.7, drawn[1]) ** 4)
    result = simulate_slice(
        magnitude, default_rng(1), coils=6, noise_level=1e-5, oversampling=oversampling, matrix=matrix
    )
    rows, columns = result.image.shape
    assert (rows, columns) == (matrix or drawn)
    assert result.kspace.shape == (6, oversampling * rows, columns)
    coil_images = fourier.centre_crop_image(fourier.ifft(result.kspace), (rows, columns))
    expected = result.sensitivities * result.image
    # Where the image is low-passed, S x is low-passed as a product.
    tolerance = 1e-3 if matrix is None else 0.02
    assert float((coil_images - expected).norm() / expected.norm()) < tolerance
    assert float(result.image.abs().max()) == pytest.approx(
        float((result.image * result.sensitivities).abs().square().sum(0).sqrt().max()), rel=0.02
    )


def test_the_noise_is_the_only_difference_to_the_truth() -> None:
    result = simulate_slice(head(), default_rng(2), coils=5, noise_level=0.01, oversampling=2)
    rows = result.image.shape[0]
    coil_images = fourier.ifft(result.kspace)
    truth = torch.zeros_like(coil_images)
    truth[:, rows // 2 : rows // 2 + rows] = result.sensitivities * result.image
    difference = coil_images - truth
    measured = difference.abs().square().mean((-2, -1)).sqrt()
    torch.testing.assert_close(measured, result.sigma, rtol=0.03, atol=0)
    scale = float(torch.quantile(result.image.abs().flatten(), 0.995))
    assert float(result.sigma.square().mean().sqrt()) == pytest.approx(0.01 * scale, rel=1e-3)


def test_a_slice_without_noise_is_that_of_any_noise_less_its_noise() -> None:
    without, noisy = (simulate_slice(head(), default_rng(2), coils=4, noise_level=level) for level in (0, 0.01))
    assert not without.noise.any()
    assert not without.sigma.any()
    torch.testing.assert_close(without.kspace, noisy.kspace - noisy.noise)


@pytest.mark.slow
def test_random_noise_levels_span_their_range_evenly_on_a_log_scale() -> None:
    levels = []
    for seed in range(40):
        result = simulate_slice(head(32), default_rng(seed), coils=2)
        levels.append(float(result.sigma.square().mean().sqrt() / torch.quantile(result.image.abs().flatten(), 0.995)))
    low, high = NOISE_RANGE
    assert low * 0.99 < min(levels) < 2.2 * low
    assert high / 2.2 < max(levels) < 1.01 * high
    assert np.median(levels) == pytest.approx((low * high) ** 0.5, rel=0.4)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    first, again, other = (simulate_slice(head(64), default_rng(seed), coils=4, oversampling=2) for seed in (7, 7, 8))
    for name in ("kspace", "image", "sensitivities", "sigma"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.kspace, other.kspace)


def test_a_matrix_that_does_not_divide_the_image_is_refused() -> None:
    with pytest.raises(InputError, match=r"matrix is 60×64; a whole divisor of the image's 128×128"):
        simulate_slice(head(128), default_rng(0), matrix=(60, 64))
