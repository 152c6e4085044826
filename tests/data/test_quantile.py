import pytest
import torch

from napari_recon_robust.data.quantile import upper_quantile


@pytest.mark.parametrize("q", [0.5, 0.995, 1.0])
@pytest.mark.parametrize("count", [1, 2, 1001])
def test_it_is_the_quantile_of_torch(q: float, count: int) -> None:
    values = torch.rand(3, count, generator=torch.Generator().manual_seed(count))
    torch.testing.assert_close(upper_quantile(values, q), torch.quantile(values, q, dim=-1))


@pytest.mark.slow
def test_a_slice_of_4096_x_4097_is_not_too_large() -> None:
    """torch.quantile takes 2^24 values at most."""
    values = torch.arange(4096 * 4097, dtype=torch.float32).div_(4096 * 4097)
    with pytest.raises(RuntimeError, match="too large"):
        torch.quantile(values, 0.995)
    assert float(upper_quantile(values, 0.995)) == pytest.approx(0.995, abs=1e-6)
