"""Images are told from k-space; k-space of any kind is never taken for an image."""

import numpy as np
import pytest
import torch

from napari_recon_robust.io import open_scan
from napari_recon_robust.io.domain import IMAGE, SHIFTED, looks_like_an_image, looks_shifted
from napari_recon_robust.physics import fourier


@pytest.mark.parametrize(
    "name",
    [
        "brain_16coil_128x128_full",
        "brain_8coil_230x180_undersampled",
        "phantom_16coil_128x128_full",
        "phantom_2coil_160x320_full",
        "phantom_32coil_64x64_full",
    ],
)
def test_measured_kspace_and_its_images(shared, name):
    with open_scan(shared / "data" / "kspace" / f"{name}.npy") as scan:
        assert not {IMAGE, SHIFTED} & set(scan.header.notes)
        kspace = scan.kspace(0)
        assert not any(looks_like_an_image(plane) or looks_shifted(plane) for plane in kspace.numpy())
        if scan.fully_sampled:
            assert all(looks_like_an_image(plane) for plane in fourier.ifft(kspace).numpy())


@pytest.mark.parametrize("noise", [0, 0.01, 0.1, 1])
@pytest.mark.parametrize("lines", [1, 4, 8])
@pytest.mark.parametrize("first", [0, 5])
def test_noise_missing_lines_and_partial_fourier_make_no_image(kspace, noise, lines, first):
    generator = np.random.default_rng(0)
    for plane in kspace[:, 0]:
        real, imaginary = np.abs(plane).max() * generator.normal(size=(2, *plane.shape))
        kept = (np.arange(20) >= first) & ((np.arange(20) % lines == 0) | (abs(np.arange(20) - 10) < 2))
        found = (plane + noise * (real + 1j * imaginary)) * kept
        assert not looks_like_an_image(found)
        assert not looks_shifted(found)


@pytest.mark.parametrize("shape", [(128, 128), (97, 64), (64, 95)])
def test_an_image_that_was_not_shifted_before_its_transform_is_told(tmp_path, shape):
    row, column = (np.linspace(-1, 1, n) for n in shape)
    image = (np.hypot(row[:, None] / 0.7, column / 0.6) < 1) + np.random.default_rng(0).normal(scale=0.02, size=shape)
    wrong = np.fft.fftshift(np.fft.fft2(image))
    right = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image)))
    noise = np.random.default_rng(1).normal(size=(2, *shape))
    for name, kspace in (("wrong", wrong), ("right", right), ("noise", noise[0] + 1j * noise[1])):
        np.save(tmp_path / f"{name}.npy", kspace)
        kspace.astype(np.complex64).T.tofile(tmp_path / f"{name}.cfl")
        (tmp_path / f"{name}.hdr").write_text(f"# Dimensions\n{shape[0]} {shape[1]}\n")
        for suffix in (".npy", ".cfl"):
            with open_scan(tmp_path / f"{name}{suffix}") as scan:
                assert (SHIFTED in scan.header.notes) == (name == "wrong")


def test_a_complex_image_is_told_in_every_format_that_holds_either(shared, tmp_path):
    path = shared / "data" / "kspace" / "brain_t2_complex_image_512x512.npy"
    with open_scan(path) as scan:
        assert IMAGE in scan.header.notes
    image = np.load(path)
    for name, values in (("image", image), ("kspace", fourier.fft(torch.from_numpy(image)).numpy())):
        np.asfortranarray(values).T.tofile(tmp_path / f"{name}.cfl")
        (tmp_path / f"{name}.hdr").write_text("# Dimensions\n512 512\n")
        with open_scan(tmp_path / f"{name}.cfl") as scan:
            assert (IMAGE in scan.header.notes) == (name == "image")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0, np.nan, np.inf, 1e300])
def test_what_is_no_plane_of_numbers_is_no_image(value):
    for plane in (np.diag(np.full(64, value, complex)), np.full((1, 1), value, complex)):
        assert not looks_like_an_image(plane)
        assert not looks_shifted(plane)
