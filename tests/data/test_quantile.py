import pytest
import torch

from napari_recon_robust.data.quantile import upper_quantile


@pytest.mark.parametrize("q", [0.5, 0.995, 1.0])
@pytest.mark.parametrize("count", [1, 2, 1001])
def test_it_is_the_quantile_of_torch(q: float, count: int) -> None:
    values = torch.rand(3, count, generator=torch.Generator().manual_seed(count))
    torch.testing.assert_close(upper_quantile(values, q), torch.quantile(values, q, dim=-1))


@pytest.mark.thorough
def test_a_slice_of_more_than_2_to_the_24_pixels_is_not_too_large() -> None:
    """torch.quantile takes 2^24 values at most. A sorted slice would be the slowest for a search of the largest."""
    count = 2**24 + 1
    values = torch.arange(count).mul_(48271).remainder_(count).float().div_(count)
    with pytest.raises(RuntimeError, match="too large"):
        torch.quantile(values, 0.995)
    assert float(upper_quantile(values, 0.995)) == pytest.approx(0.995, abs=1e-6)
