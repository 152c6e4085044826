"""Prewhitened copies of fastMRI's files, against noise of a covariance that is known."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io import open_scan
from napari_recon_robust.io.fastmri import write_fastmri
from napari_recon_robust.io.prewhitening import prewhiten
from napari_recon_robust.physics import fourier, noise
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.simulation.acquisition import CoilArray, simulate_slice

COILS, SHAPE = 6, (96, 80)


def covariance() -> np.ndarray:
    """Coils of which neighbours share half of their noise, one of them twice as loud."""
    index = np.arange(COILS)
    loud = np.where(index == 2, 2.0, 1.0)
    psi = 0.5 ** abs(index[:, None] - index) * np.exp(0.4j * (index[:, None] - index)) * np.outer(loud, loud)
    return (psi * COILS / np.trace(psi).real).astype(np.complex64)


@pytest.fixture(scope="module")
def simulated() -> list:
    """Two slices of an ellipse with a hole."""
    rows, columns = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
    image = (rows**2 / 0.35 + columns**2 / 0.3 < 1) * 1.0 - 0.6 * (rows**2 + (columns - 0.2) ** 2 < 0.02)
    slices = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        array = replace(CoilArray.random(COILS, np.random.default_rng(0)), covariance=covariance())
        slices.append(simulate_slice(image, rng, coils=array, noise_level=0.02))
    return slices


@pytest.fixture
def stored(simulated: list, tmp_path: Path) -> Path:
    kspace = torch.stack([one.kspace for one in simulated])
    reference = fourier.ifft(kspace).abs().square().sum(1).sqrt()
    path = tmp_path / "scan.h5"
    write_fastmri(
        path, kspace.numpy(), reference.numpy(), encoded_mm=(96, 80, 5), matrix=SHAPE, attributes={"acquisition": "T2"}
    )
    return path


def test_the_noise_becomes_independent_and_equally_strong(simulated: list, stored: Path, tmp_path: Path) -> None:
    found = run(prewhiten(stored, tmp_path / "white.h5"))
    true = covariance()
    sigma = np.sqrt(np.diag(true).real)
    first, second = np.triu_indices(COILS, 1)
    np.testing.assert_allclose(found.correlations, abs(true / np.outer(sigma, sigma))[first, second], atol=0.08)
    assert "the noise of 6 coils is correlated by 0.3" in found.words
    psi = torch.linalg.cholesky(found.covariance.to(torch.complex128))
    for one in simulated:  # the matrix that was found, on the noise alone
        mixed = torch.linalg.solve_triangular(psi, one.noise.flatten(1).to(torch.complex128), upper=False)
        left = noise.covariance(mixed)
        level = left.diagonal().real
        np.testing.assert_allclose(level / level.mean(), 1, atol=0.15)
        assert ((left / level.mean()) - torch.eye(COILS)).abs().max() < 0.15


def test_the_file_holds_the_same_otherwise(stored: Path, tmp_path: Path) -> None:
    run(prewhiten(stored, tmp_path / "white.h5"))
    with h5py.File(stored) as before, h5py.File(tmp_path / "white.h5") as after:
        assert set(before) == set(after)
        assert before["ismrmrd_header"][()] == after["ismrmrd_header"][()]
        assert after.attrs["acquisition"] == "T2"
        assert after.attrs["prewhitened"]
        coils = fourier.ifft(torch.from_numpy(after["kspace"][:]))
        np.testing.assert_allclose(after["reconstruction_rss"], coils.abs().square().sum(1).sqrt(), rtol=1e-4)
        assert after.attrs["max"] == after["reconstruction_rss"][:].max()
        assert after.attrs["norm"] == pytest.approx(np.linalg.norm(after["reconstruction_rss"][:]), rel=1e-5)
    with open_scan(stored) as one, open_scan(tmp_path / "white.h5") as other:
        assert one.header == other.header
        levels = [float(noise.mean_level(scan.measurement(0).calibration.noise)) for scan in (one, other)]
    assert levels[1] == pytest.approx(levels[0], rel=0.1)


@pytest.mark.parametrize("unit", [2.0**-80, 2.0**80])
def test_the_units_of_the_file_do_not_matter(stored: Path, tmp_path: Path, unit: float) -> None:
    """Squares of such numbers leave single precision."""
    found = run(prewhiten(stored, tmp_path / "white.h5"))
    with h5py.File(stored, "r+") as file:
        for name in ("kspace", "reconstruction_rss"):
            file[name][:] *= unit
    in_unit = run(prewhiten(stored, tmp_path / "in_unit.h5"))
    np.testing.assert_allclose(in_unit.covariance / unit**2, found.covariance, rtol=1e-5)
    with h5py.File(tmp_path / "white.h5") as one, h5py.File(tmp_path / "in_unit.h5") as other:
        for name in ("kspace", "reconstruction_rss"):
            expected = one[name][:]
            np.testing.assert_allclose(other[name][:] / unit, expected, rtol=1e-5, atol=1e-6 * abs(expected).max())
        for name in ("max", "norm"):
            assert other.attrs[name] == pytest.approx(one.attrs[name] * unit, rel=1e-5)


def test_images_come_nearer_to_the_truth(simulated: list, stored: Path, tmp_path: Path) -> None:
    """The truth is the image of noise-free samples that are mixed likewise."""
    found = run(prewhiten(stored, tmp_path / "white.h5"))
    errors = []
    for path in (stored, tmp_path / "white.h5"):
        with open_scan(path) as scan:
            one = scan.measurement(0, Sampling(acceleration=3, centre_fraction=0.15))
        clean = simulated[0].kspace - simulated[0].noise
        if path != stored:
            clean = noise.prewhiten(clean, found.covariance) * found.covariance.diagonal().real.mean().sqrt()
        truth = one.with_kspace(one.kspace, full=clean / one.unit, keep=True).reference("combined")
        image = registry.get("tv")(one, weight=5e-3).abs()
        errors.append(float((image - truth).square().sum() / truth.square().sum()))
    assert errors[1] < 0.85 * errors[0]


def test_what_cannot_be_prewhitened_is_said_and_leaves_nothing(stored: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.ones((4, 32, 32), np.complex64))
    with pytest.raises(InputError, match=r"array\.npy has another layout than fastMRI's"):
        run(prewhiten(tmp_path / "array.npy", tmp_path / "white.h5"))
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file["kspace"] = np.ones((2, 1, 32, 32), np.complex64)
    with pytest.raises(InputError, match=r"one\.h5 has one coil"):
        run(prewhiten(tmp_path / "one.h5", tmp_path / "white.h5"))
    with h5py.File(stored, "r+") as file:
        full = np.ones(SHAPE)  # without air beside the object
        file["kspace"][:] = fourier.fft(torch.from_numpy(full).to(torch.complex64)).numpy()
    with pytest.raises(InputError, match="nowhere apart from its signal"):
        run(prewhiten(stored, tmp_path / "white.h5"))
    assert not (tmp_path / "white.h5").exists()
    job = prewhiten(stored, tmp_path / "white.h5")
    next(job)
    job.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["array.npy", "one.h5", "scan.h5"]
