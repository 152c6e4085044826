"""Images, hybrids and split images are told from k-space; k-space of any kind is taken for none of them."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from napari_recon_robust.data.cautions import cautions
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.transformed import IMAGE, axis_faults
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.simulation.sample import open_sample

EVERY = torch.ones(1, 1, dtype=torch.bool)
NONE = ("", "")
PATTERNS = (
    Sampling(acceleration=3),
    Sampling(acceleration=8, centre_fraction=0.04),
    Sampling(pattern="poisson-disc", acceleration=4, centre_fraction=0.14),
)


def ellipse(shape, coils=8, noise=0.01):
    """K-space (coils, rows, columns) of an ellipse, from its centre to 0.7 and 0.6 of the way to the ends."""
    row, column = (np.linspace(-1, 1, n) for n in shape)
    image = (np.hypot(row[:, None] / 0.7, column / 0.6) < 1) * (1 + 0.2 * np.cos(9 * row[:, None]))
    generator = np.random.default_rng(3)
    return simulate_slice(image.astype(np.float32), generator, coils=coils, noise_level=noise).kspace


def alternated(kspace, *axes):
    """The same with every other sample along some axes in the other sign."""
    for axis in axes:
        signs = (-1.0) ** torch.arange(kspace.shape[axis])
        kspace = kspace * (signs if axis == -1 else signs[:, None])
    return kspace


def measured(kspace, sampling=PATTERNS[0]):
    mask = sampling.mask(*kspace.shape[-2:])
    return Measurement(kspace * mask, mask, tuple(kspace.shape[-2:]), kspace)


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
        one = scan.measurement(0)
        assert axis_faults(one.kspace, one.mask) == NONE
        if not scan.fully_sampled:
            return
        for sampling in PATTERNS:
            undersampled = scan.measurement(0, sampling)
            assert axis_faults(undersampled.kspace, undersampled.mask) == NONE
        image = fourier.ifft(one.kspace)
        assert axis_faults(image, EVERY)[0] == IMAGE
        for axis in (-2, -1):
            hybrid, whole = (axis_faults(fourier.ifft(kspace, (axis,)), EVERY)[0] for kspace in (one.kspace, image))
            assert f"along the {('readout', 'phase encoding')[axis]} already" in hybrid
            assert not whole or "already" in whole


def test_the_packaged_sample():
    with open_sample() as scan:
        for slice in range(len(scan)):
            one = scan.measurement(slice)
            assert axis_faults(one.kspace, one.mask) == NONE
            assert "over its ends along the phase encoding" in axis_faults(alternated(one.kspace, -1), one.acquired)[1]


@pytest.mark.parametrize("coils", [1, 6])
@pytest.mark.parametrize("noise", [0.003, 0.1, 1])
@pytest.mark.parametrize("padding", [0, 32])
def test_noise_missing_lines_partial_fourier_and_zero_padding_make_neither(coils, noise, padding):
    kspace = torch.nn.functional.pad(ellipse((96, 64), coils, noise), [padding] * 4)
    column = torch.arange(kspace.shape[-1])[None] - kspace.shape[-1] // 2
    inside = column.abs() < 32
    for first in (-32, -8):
        for step in (1, 2, 3, 8):
            for centre in (0, 2, 8):
                kept = inside & (column >= first) & ((column % step == 0) | (column.abs() < centre))
                assert axis_faults(kspace * kept, kept) == NONE
    for sampling in PATTERNS:
        mask = sampling.mask(*kspace.shape[-2:])
        assert axis_faults(kspace * mask, mask) == NONE


@pytest.mark.thorough
@pytest.mark.parametrize("shape", [(128, 128), (97, 64), (64, 95)])
@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ((-2, -1), r"split over its corners, .* by (-1)^(row + column), "),
        ((-2,), r"split over its ends along the readout, .* by (-1)^(row), "),
        ((-1,), r"split over its ends along the phase encoding, .* by (-1)^(column), "),
    ],
)
def test_alternating_signs_are_told_along_each_axis(shape, axes, said):
    begin, end = said.split(".*")
    wrong = alternated(ellipse(shape), *axes)
    for sampling in (Sampling(acceleration=2, centre_fraction=0.3), PATTERNS[2]):
        one = measured(wrong, sampling)
        found = cautions(one)
        assert list(found) == ["split"]
        assert begin in found["split"]
        assert end in found["split"]
        assert list(cautions(replace(one, full=None))) == ["split"], "as far as lines without gaps tell it"
    assert "split" not in cautions(measured(alternated(wrong, *axes)))


def test_an_image_that_was_not_shifted_before_its_transform_is_split():
    row, column = (np.linspace(-1, 1, n) for n in (97, 64))
    image = torch.from_numpy(1.0 * (np.hypot(row[:, None] / 0.7, column / 0.6) < 1))[None]
    assert "over its corners" in axis_faults(torch.fft.fftshift(torch.fft.fft2(image), dim=(-2, -1)), EVERY)[1]
    assert axis_faults(fourier.fft(image.to(torch.complex64)), EVERY) == NONE


def test_an_image_and_a_hybrid_are_told_in_every_format(tmp_path):
    kspace = ellipse((128, 96))
    for name, values, said in (
        ("kspace", kspace, ""),
        ("image", fourier.ifft(kspace), "looks like an image"),
        ("hybrid", fourier.ifft(kspace, (-1,)), "transformed along the phase encoding already"),
    ):
        array = values.numpy()
        np.save(tmp_path / f"{name}.npy", array)
        array.transpose(1, 2, 0)[:, :, None].ravel("F").tofile(tmp_path / f"{name}.cfl")
        (tmp_path / f"{name}.hdr").write_text("# Dimensions\n128 96 1 8\n")
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["kspace"] = array[None]
        for suffix in (".npy", ".cfl", ".h5"):
            axes = ("coil", "readout", "phase") if suffix == ".npy" else None
            with open_scan(tmp_path / f"{name}{suffix}", axes) as scan:
                found = cautions(scan.measurement(0, PATTERNS[0]))
            assert list(found) == (["transformed"] if said else [])
            assert said in found.get("transformed", "")


def test_an_image_whose_brightest_part_is_beside_the_middle_is_refused_as_an_image(tmp_path):
    image = fourier.ifft(ellipse((128, 96)))
    image[:, 48:80, 22:34] *= 6
    np.save(tmp_path / "image.npy", image.numpy())
    with (
        open_scan(tmp_path / "image.npy", ("coil", "readout", "phase")) as scan,
        pytest.raises(InputError, match=r"image.npy seems to hold no k-space. This looks like an image"),
    ):
        scan.measurement(0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0, np.nan, np.inf, 1e300])
@pytest.mark.parametrize("shape", [(64, 64), (1, 1), (3, 200), (2, 2)])
def test_what_is_no_plane_of_numbers_is_neither(value, shape):
    plane = torch.zeros(1, *shape, dtype=torch.complex128)
    plane[0].fill_diagonal_(value)
    assert axis_faults(plane, EVERY) == NONE
    assert axis_faults(plane, ~EVERY) == NONE
