from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.networks.fastmri_layout import FastMRIUNet, FastMRIVarNet, NormalisingUNet, acs_columns
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.fourier import central_lines
from napari_recon_robust.physics.model import root_sum_of_squares

Arrays = Mapping[str, torch.Tensor]


@pytest.fixture(scope="module")
def golden(shared: Path) -> Arrays:
    with np.load(shared / "data/golden/fastmri_models.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays}


def state(golden: Arrays, name: str) -> dict[str, torch.Tensor]:
    prefix = f"{name}.state."
    return {key.removeprefix(prefix): value for key, value in golden.items() if key.startswith(prefix)}


def varnet_image(network: FastMRIVarNet, kspace: torch.Tensor, mask: torch.Tensor, acs: torch.Tensor) -> torch.Tensor:
    assert network.sens_net is not None
    maps = network.sens_net(kspace, acs, (-2, -1))
    return root_sum_of_squares(fourier.ifft(network(kspace, mask, maps, (-2, -1))))


def test_unet_gives_the_golden_output(golden: Arrays) -> None:
    network = FastMRIUNet.from_state(state(golden, "unet"))
    torch.testing.assert_close(network(golden["unet.input"]), golden["unet.output"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("lines", "key"), [(None, "varnet.output"), (6, "varnet.output_num_low_6")])
def test_varnet_gives_the_golden_output(golden: Arrays, lines: int | None, key: str) -> None:
    network = FastMRIVarNet.from_state(state(golden, "varnet"))
    mask = golden["varnet.mask"][None]
    acs = acs_columns(mask) if lines is None else central_lines(mask.shape[-1], lines)[None]
    image = varnet_image(network, golden["varnet.kspace"][None], mask, acs)
    torch.testing.assert_close(image[0], golden[key], rtol=1e-5, atol=1e-5 * float(golden[key].max()))


def test_keys_and_sizes_are_those_of_the_state(golden: Arrays) -> None:
    for name, kind in (("unet", FastMRIUNet), ("varnet", FastMRIVarNet)):
        expected = {key: value.shape for key, value in state(golden, name).items()}
        assert {
            key: value.shape for key, value in kind.from_state(state(golden, name)).state_dict().items()
        } == expected


def test_published_sizes() -> None:
    with torch.device("meta"):
        unet, varnet = FastMRIUNet(1, 1, 256, 4), FastMRIVarNet(12, 18, 4, (8, 4))
    assert sum(p.numel() for p in unet.parameters()) == 496_372_225
    assert sum(p.numel() for p in varnet.parameters()) == 29_936_966
    assert len(varnet.state_dict()) == 324


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (16, 16), (24, 24), (31, 17)])
def test_small_images(shape: tuple[int, int]) -> None:
    """A U-Net and a normalising one, with four levels."""
    unet = FastMRIUNet(channels=2)
    unet.start_as_identity()
    noise = torch.randn(2, 1, *shape, generator=torch.Generator().manual_seed(0))
    assert unet(noise).shape == noise.shape
    assert unet(noise).isfinite().all()
    normalising = NormalisingUNet(4, 4)
    normalising.unet.start_as_identity()
    image = normalising(torch.complex(noise[:, 0], -noise[:, 0]))
    assert image.shape == (2, *shape)
    assert torch.view_as_real(image).isfinite().all()


def test_hybrid_data_give_the_same_image_as_kspace() -> None:
    torch.manual_seed(0)
    network = FastMRIVarNet(2, 3, 2).eval()
    kspace = torch.randn(1, 4, 37, 30, dtype=torch.complex64)
    maps = torch.randn(1, 4, 37, 30, dtype=torch.complex64)
    mask = torch.rand(1, 30) < 0.5
    in_kspace = fourier.ifft(network(kspace * mask, mask, maps, (-2, -1)))
    hybrid = fourier.ifft(kspace * mask, (-2,))
    torch.testing.assert_close(fourier.ifft(network(hybrid, mask, maps, (-1,)), (-1,)), in_kspace, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [
        ([1, 0, 1, 1, 1, 0, 1, 0], [3, 4]),  # two lines to the left, one to the right
        ([0, 0, 0, 0, 1, 0, 0, 0], [4]),
        ([1] * 8, list(range(8))),
    ],
)
def test_acs_columns(sampled: list[int], expected: list[int]) -> None:
    acs = acs_columns(torch.tensor([sampled], dtype=torch.bool))
    assert acs.flatten().nonzero().flatten().tolist() == expected


def test_another_layout_is_refused(golden: Arrays) -> None:
    with pytest.raises(WeightsError, match="U-Net layout"):
        FastMRIUNet.from_state(state(golden, "varnet"))
    with pytest.raises(WeightsError, match="VarNet layout"):
        FastMRIVarNet.from_state(state(golden, "unet"))
    broken = state(golden, "unet")
    del broken["conv.layers.4.weight"]
    with pytest.raises(WeightsError, match="conv.layers.4.weight"):
        FastMRIUNet.from_state(broken)
