import pytest
import torch

from napari_recon_robust.reconstructors.classical.energy import details_of
from napari_recon_robust.reconstructors.classical.wavelet import Details


@pytest.mark.parametrize("shape", [(64, 48), (37, 53)], ids=str)
def test_its_wavelet_norm_is_that_of_the_sparse_reconstruction(shape: tuple[int, int]) -> None:
    """One goes through torch's convolutions, which can be trained on, the other through kernels or Fourier's space."""
    noise = torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    frame = Details()
    for image in (noise, noise.abs().cumsum(0).to(torch.complex64)):
        ours = sum(band.abs().sum() / 4**level for level, band in enumerate(details_of(image), start=1))
        torch.testing.assert_close(ours, (frame.limits * frame.forward(image).abs()).sum(), rtol=1e-4, atol=0)
