"""SSIM, PSNR and NMSE of magnitude images, on a region, the foreground or the whole image.

All metrics are computed in float64 and are differentiable. Images are never matched in mean or scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from ..data.foreground import foreground
from ..ground.errors import InputError, dimensions
from .measures import MEASURES

WINDOW = 7
K1, K2 = 0.01, 0.03


@dataclass(frozen=True)
class Metrics:
    """SSIM, PSNR in dB (infinite for identical images) and NMSE of one image on one region."""

    ssim: float
    psnr: float
    nmse: float

    def to_json(self) -> dict[str, float | None]:
        """The metrics as JSON values; numbers that are not finite become null."""
        return {name: value if isfinite(value) else None for name, value in vars(self).items()}


LARGER_IS_WORSE = tuple(name for name, measure in MEASURES.items() if measure.larger_is_worse)
"""The metrics whose largest values are the worst; of all others the least are."""


def magnitude(image: Tensor) -> Tensor:
    """|x| in float64, on the CPU where the device has no float64."""
    image = image.abs()
    return image.cpu().double() if image.device.type == "mps" else image.double()


def finite_magnitude(image: Tensor) -> Tensor:
    """`magnitude` of an image, which must be finite; InputError for NaN or infinite values."""
    found = magnitude(image)
    if not found.isfinite().all():
        raise InputError("the image holds NaN or infinite values; metrics need one without.")
    return found


def data_range_of(reference: Tensor) -> float:
    """The data range that metrics use unless told otherwise: the reference's maximum."""
    maximum = float(reference.detach().abs().max())
    if not isfinite(maximum):
        raise InputError("the reference image holds NaN or infinite values; metrics need one without.")
    if not maximum > 0:
        raise InputError("the reference image is zero everywhere; metrics need one with signal.")
    return maximum


def ssim_map(image: Tensor, reference: Tensor, data_range: float | Tensor) -> Tensor:
    """SSIM(p) = (2 mu_x mu_r + C1)(2 s_xr + C2) / ((mu_x^2 + mu_r^2 + C1)(s_x^2 + s_r^2 + C2)), Ck = (Kk L)^2.

    Means, sample variances and covariance are those of a uniform 7x7 window; K1 = 0.01, K2 = 0.03, L is the data range.
    Images are continued by reflection about their edge. The map is that of
    `skimage.metrics.structural_similarity(full=True)`; Wang et al. 2004, doi:10.1109/TIP.2003.819861. It has the
    images' shape (..., rows, columns), in float64. InputError for an image with a side below 7 pixels.
    """
    _check_shapes(image, reference)
    rows, columns = reference.shape[-2:]
    if min(rows, columns) < WINDOW:
        raise InputError(f"the image has {rows}×{columns} pixels; SSIM needs at least {WINDOW}×{WINDOW}.")
    x, r = magnitude(image), magnitude(reference)
    mean_x, mean_r = _window_mean(x), _window_mean(r)
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    variance_x = unbiased * (_window_mean(x * x) - mean_x * mean_x)
    variance_r = unbiased * (_window_mean(r * r) - mean_r * mean_r)
    covariance = unbiased * (_window_mean(x * r) - mean_x * mean_r)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    luminance = (2 * mean_x * mean_r + c1) / (mean_x**2 + mean_r**2 + c1)
    return luminance * (2 * covariance + c2) / (variance_x + variance_r + c2)


def ssim(image: Tensor, reference: Tensor, data_range: float | Tensor, mask: Tensor | None = None) -> Tensor:
    """The SSIM map averaged over `mask` (bool, any region, one pixel suffices).

    Without a mask it is averaged over the whole image less a border of 3 pixels, as scikit-image's mean is.
    The images of a batch may have a data range each, (..., 1, 1), and a mask each, (..., rows, columns).
    """
    return _ssim_mean(ssim_map(image, reference, data_range), mask)


def psnr(image: Tensor, reference: Tensor, data_range: float, mask: Tensor | None = None) -> Tensor:
    """PSNR = 10 log10(L^2 / mean |x - r|^2) in dB over the pixels of `mask`, or all; L is the data range."""
    _check_shapes(image, reference)
    error = _masked_mean((magnitude(image) - magnitude(reference)).square(), mask)
    return 10 * torch.log10(data_range**2 / error)


def nmse(image: Tensor, reference: Tensor, mask: Tensor | None = None) -> Tensor:
    """NMSE = ||x - r||^2 / ||r||^2 over the pixels of `mask`, or all.

    Where the reference is zero on all of them it is 0 for an image that is zero there too, else infinite.
    """
    _check_shapes(image, reference)
    r = magnitude(reference)
    error, power = _masked_mean((magnitude(image) - r).square(), mask), _masked_mean(r.square(), mask)
    return error / torch.where((error == 0) & (power == 0), 1.0, power)


def measure(
    image: Tensor,
    reference: Tensor,
    *,
    roi: Tensor | None = None,
    tissue: Tensor | None = None,
    data_range: float | None = None,
) -> dict[str, Metrics]:
    """SSIM, PSNR and NMSE on "roi" (where given), "foreground" and "image".

    roi, tissue: bool (rows, columns); tissue is the foreground, by default the reference's own. data_range: the
    reference's maximum by default.
    On a region SSIM is the map of the whole image averaged over that region; on "image" it is scikit-image's mean.
    InputError for NaN in an image, or a reference that is zero everywhere.
    """
    image, reference = finite_magnitude(image.detach()), reference.detach()
    span = data_range_of(reference) if data_range is None else data_range
    regions: dict[str, Tensor | None] = {
        "foreground": foreground(reference) if tissue is None else tissue,
        "image": None,
    }
    if roi is not None:
        regions = {"roi": roi, **regions}
    similarity = ssim_map(image, reference, span)
    return {
        name: Metrics(
            ssim=float(_ssim_mean(similarity, mask)),
            psnr=float(psnr(image, reference, span, mask)),
            nmse=float(nmse(image, reference, mask)),
        )
        for name, mask in regions.items()
    }


def to_json(measured: Mapping[str, Metrics] | None) -> dict[str, Any] | None:
    """The metrics of all regions as JSON values; null where nothing was measured."""
    return None if measured is None else {region: metrics.to_json() for region, metrics in measured.items()}


def _ssim_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    border = WINDOW // 2
    if mask is None:
        return values[..., border:-border, border:-border].mean((-2, -1))
    return _masked_mean(values, mask)


def _masked_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return values.mean((-2, -1))
    if tuple(mask.shape[-2:]) != tuple(values.shape[-2:]):
        raise InputError(
            f"the region has {dimensions(mask.shape)} pixels and the image {dimensions(values.shape[-2:])}; "
            "they must agree."
        )
    if not mask.any():
        raise InputError("the region has no pixels inside the image; draw one that has.")
    mask = mask.to(values.device)
    if mask.ndim > 2:
        return (values * mask).sum((-2, -1)) / mask.sum((-2, -1))
    return values[..., mask].mean(-1)


def _window_mean(x: Tensor) -> Tensor:
    """The mean in the 7x7 window; the image is continued by reflection about its edge (d c b a | a b c d)."""
    border = WINDOW // 2
    for dim in (-2, -1):
        length = x.shape[dim]
        index = torch.arange(-border, length + border, device=x.device)
        index = torch.where(index < 0, -1 - index, index)
        index = torch.where(index >= length, 2 * length - 1 - index, index)
        x = x.index_select(dim, index).unfold(dim, WINDOW, 1).mean(-1)
    return x


def _check_shapes(image: Tensor, reference: Tensor) -> None:
    if tuple(image.shape[-2:]) != tuple(reference.shape[-2:]):
        raise InputError(
            f"the image has {dimensions(image.shape[-2:])} pixels and the reference "
            f"{dimensions(reference.shape[-2:])}; they must agree."
        )
