"""Images are told from k-space; k-space of any kind is never taken for an image."""

import numpy as np
import pytest
import torch

from napari_recon_robust.io import open_scan
from napari_recon_robust.io.domain import IMAGE, looks_like_an_image
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
        assert IMAGE not in scan.header.notes
        kspace = scan.kspace(0)
        assert not any(looks_like_an_image(plane) for plane in kspace.numpy())
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
        assert not looks_like_an_image((plane + noise * (real + 1j * imaginary)) * kept)


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
    assert not looks_like_an_image(np.diag(np.full(64, value, complex)))
    assert not looks_like_an_image(np.full((1, 1), value, complex))
