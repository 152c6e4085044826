import pytest
import torch

from napari_recon_robust.networks.image_network import ImageNetwork


@pytest.mark.parametrize("convolutions", [0, 4])
def test_it_is_zero_at_first_takes_odd_sides_and_depends_on_the_level(convolutions: int) -> None:
    network = ImageNetwork([8], convolutions)
    image = torch.randn(7, 13, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    low, high = torch.zeros(1, 1), torch.full((1, 1), 0.7)
    assert torch.equal(network(image, low), torch.zeros_like(image))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(0))
    one, other = (network(image, level).detach() for level in (low, high))
    assert one.shape == image.shape
    assert float((one - other).norm() / one.norm()) > 1e-3
