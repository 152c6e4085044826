import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.networks.fastmri_layout import FastMRIUNet
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.learned import unet as module
from napari_recon_robust.reconstructors.learned.unet import TrainableUNet, UNet


@pytest.fixture(scope="module")
def network() -> FastMRIUNet:
    torch.manual_seed(0)
    return FastMRIUNet(1, 1, 4, 2).eval()


@pytest.fixture(scope="module")
def unet(network: FastMRIUNet, tmp_path_factory: pytest.TempPathFactory) -> UNet:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_file(network.state_dict(), path)
    return UNet(path)


@pytest.fixture
def lines() -> Measurement:
    """Three coils, readout oversampled twice, odd sides."""
    torch.manual_seed(1)
    mask = Sampling(acceleration=3, centre_fraction=0.3).mask(62, 37)
    return Measurement(1e-4 * torch.randn(3, 62, 37, dtype=torch.complex64) * mask, mask, (31, 37))


def test_is_the_network_of_the_normalised_zero_filled_image(
    unet: UNet, network: FastMRIUNet, lines: Measurement
) -> None:
    zero_filled = fourier.centre_crop(fourier.ifft(lines.kspace), 31, -2).abs().square().sum(0).sqrt()
    normalised = ((zero_filled - zero_filled.mean()) / zero_filled.std()).clamp(-6, 6)
    expected = network(normalised[None, None])[0, 0] * zero_filled.std() + zero_filled.mean()
    image = unet(lines)
    assert image.dtype == torch.complex64
    torch.testing.assert_close(image.real, expected.detach(), rtol=1e-4, atol=1e-8)
    assert not image.imag.any()


def test_a_batch_and_a_pattern_in_two_dimensions(unet: UNet) -> None:
    torch.manual_seed(2)
    mask = torch.rand(40, 36) < 0.5
    kspace = torch.randn(2, 2, 3, 40, 36, dtype=torch.complex64) * mask
    images = unet(Measurement(kspace, mask, (32, 32)))
    torch.testing.assert_close(images[1, 0], unet(Measurement(kspace[1, 0], mask, (32, 32))), rtol=1e-4, atol=1e-5)


def test_the_gradient_is_that_of_finite_differences(
    unet: UNet, network: FastMRIUNet, lines: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load_layout", lambda kind, weights, device: copy.deepcopy(network).double())
    kspace = (1e4 * lines.kspace).to(torch.complex128).requires_grad_()
    direction = torch.randn_like(kspace) * lines.mask
    weights = torch.randn(31, 37)

    def value(k: torch.Tensor) -> torch.Tensor:
        return (unet(Measurement(k, lines.mask, lines.matrix)).real * weights).sum()

    (gradient,) = torch.autograd.grad(value(kspace), kspace)
    step = 1e-7
    with torch.no_grad():
        difference = (value(kspace + step * direction) - value(kspace - step * direction)) / (2 * step)
    torch.testing.assert_close((gradient.conj() * direction).real.sum(), difference, rtol=1e-4, atol=1e-4)


def test_no_signal_gives_no_image(unet: UNet, lines: Measurement) -> None:
    image = unet(Measurement(torch.zeros_like(lines.kspace), lines.mask, lines.matrix))
    assert torch.isfinite(image.real).all()


def test_training_starts_at_the_zero_filled_image() -> None:
    network = TrainableUNet(4, 2)
    zero_filled = torch.rand(1, 1, 40, 44) + 1
    normalised = (zero_filled - zero_filled.mean()) / zero_filled.std()
    torch.testing.assert_close(FastMRIUNet.forward(network, normalised), normalised, rtol=1e-3, atol=1e-3)


def test_weights_of_another_network_are_refused(tmp_path: Path, lines: Measurement) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="U-Net layout"):
        UNet(tmp_path / "other.safetensors")(lines)
    with pytest.raises(WeightsError, match="no weights"):
        UNet("missing")(lines)


def test_an_image_smaller_than_its_levels_is_continued(unet: UNet) -> None:
    mask = torch.ones(1, 3, dtype=torch.bool)
    image = unet(Measurement(torch.ones(1, 3, 3, dtype=torch.complex64), mask, (3, 3)))
    assert image.shape == (3, 3)
    assert image.abs().isfinite().all()
