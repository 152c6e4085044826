import torch

from napari_recon_robust.networks.channels import channels, on_blocks, to_complex


def test_channels_and_blocks_are_undone():
    x = torch.randn(3, 12, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(to_complex(channels(x)), x)
    odd = torch.rand(1, 3, 7, 5)
    assert torch.equal(on_blocks(lambda blocks: blocks, odd), odd)
