import numpy as np
import pytest
import torch

from napari_recon_robust.physics import fourier


@pytest.mark.parametrize("shape", [(8, 10), (7, 9), (2, 5, 6)])
@pytest.mark.parametrize("dim", [(-1,), (-2,), (-2, -1)])
def test_fft_is_numpys_centred_orthonormal_transform(shape: tuple[int, ...], dim: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    expected = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(x.numpy(), dim), axes=dim, norm="ortho"), dim)
    np.testing.assert_allclose(fourier.fft(x, dim).numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(fourier.ifft(fourier.fft(x, dim), dim).numpy(), x.numpy(), atol=1e-12)


def test_a_point_in_the_centre_has_a_flat_spectrum() -> None:
    x = torch.zeros(6, 5, dtype=torch.complex64)
    x[3, 2] = 1
    torch.testing.assert_close(fourier.fft(x), torch.full((6, 5), 30**-0.5, dtype=torch.complex64))


@pytest.mark.parametrize(("length", "size", "first"), [(8, 4, 2), (9, 4, 2), (8, 5, 1), (4, 8, 0)])
def test_centre_crop_starts_where_fastmri_does(length: int, size: int, first: int) -> None:
    cropped = fourier.centre_crop(torch.arange(length)[:, None], size, 0)
    assert cropped[:, 0].tolist() == list(range(first, first + min(size, length)))


@pytest.mark.parametrize("image", [(4, 5), (5, 4), (3, 3)])
@pytest.mark.parametrize("shape", [(8, 8), (9, 9), (5, 10)])
def test_padding_is_what_a_centred_crop_takes_away(image: tuple[int, int], shape: tuple[int, int]) -> None:
    """Also where one row or column more is on one of the sides; sizes of either parity."""
    x = torch.rand(image, generator=torch.Generator().manual_seed(0))
    padded = fourier.centre_pad_image(x, shape)
    assert padded.shape == shape
    assert torch.equal(fourier.centre_crop_image(padded, image), x)
    assert float(padded.sum()) == pytest.approx(float(x.sum()))


def test_lines_in_the_centre_lie_where_fastmri_has_them() -> None:
    """Its padding is (columns - lines + 1) // 2."""
    found = [fourier.central_lines(width, count) for width in (10, 11) for count in (3, 4)]
    numbers = [mask.nonzero().flatten().tolist() for mask in found]
    assert numbers == [[4, 5, 6], [3, 4, 5, 6], [4, 5, 6], [4, 5, 6, 7]]
    assert [len(mask) for mask in found] == [10, 10, 11, 11]
