"""Contrast between two regions over several images of one slice, and how probable it is that it exceeds a value."""

from dataclasses import dataclass
from typing import Any, Self

import torch
from scipy.ndimage import binary_dilation
from scipy.stats import beta
from torch import Tensor

from ..ground.errors import InputError
from ..ground.numbers import written

GAP, WIDTH = 2, 4  # pixels: the gap around a region, and the width of its surroundings beyond
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Probability:
    """The share of independent samples in which something holds, with its Monte-Carlo error.

    value: holding / samples. low, high: Jeffreys' interval of 95%, the quantiles of Beta(k + 1/2, n - k + 1/2) for k of
    n samples, 0 for k = 0 and 1 for k = n (Brown, Cai, DasGupta, Statistical Science 2001, doi:10.1214/ss/1009213286).
    The interval holds only the Monte-Carlo error; it says nothing about how right the samples are.
    """

    holding: int
    samples: int

    @property
    def value(self) -> float:
        """The share of samples, holding / samples."""
        return self.holding / self.samples

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self._end((1 - CONFIDENCE) / 2) if self.holding else 0.0

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self._end((1 + CONFIDENCE) / 2) if self.holding < self.samples else 1.0

    def _end(self, quantile: float) -> float:
        return float(beta.ppf(quantile, self.holding + 0.5, self.samples - self.holding + 0.5))


@dataclass(frozen=True, eq=False)
class Contrasts:
    """The contrast of a region to a reference region in each of several images.

    values: float64 (samples,), (a - b) / b for the mean magnitudes a in the region and b in the reference: 0.2 is 20%
    brighter, negative is darker. cautions: reasons why the regions say little about the anatomy, in words.
    """

    values: Tensor
    cautions: tuple[str, ...] = ()

    @classmethod
    def between(cls, region: Tensor, reference: Tensor) -> Self:
        """The contrasts of `brightness`: the mean magnitudes in the region and in its reference, float64 (samples,).

        Raises InputError if the reference is zero in an image, and for NaN or infinite numbers.
        """
        broken = int((~(region + reference).isfinite()).sum())  # NaN would count as not exceeding
        if broken:
            raise InputError(
                f"{broken} of {len(region)} images {'has' if broken == 1 else 'have'} NaN or infinite numbers in the "
                "region or its reference; leave out what is damaged."
            )
        if bool((reference == 0).any()):
            raise InputError("an image is zero in the reference region; choose one that lies on tissue.")
        return cls((region / reference - 1).cpu())

    @property
    def mean(self) -> float:
        """The mean contrast over the samples."""
        return float(self.values.mean())

    @property
    def deviation(self) -> float:
        """The standard deviation of the contrast over the samples; NaN for a single sample."""
        return float(self.values.std())

    def exceeds(self, value: float) -> Probability:
        """The probability that the contrast is more than `value`."""
        return Probability(int((self.values > value).sum()), len(self.values))

    def sentence(self, value: float) -> str:
        """The probability with its Monte-Carlo error, and the contrast itself, in words."""
        found = self.exceeds(value)
        spread = f" ± {written(100 * self.deviation, '.1f')}" if len(self.values) > 1 else ""
        return (
            f"The contrast exceeds {written(100 * value)}% in {found.holding} of {found.samples} samples: probability "
            f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f} by the number of samples). "
            f"Contrast {written(100 * self.mean, '.1f')}{spread}%."
        )

    def to_json(self, value: float) -> dict[str, Any]:
        """All contrasts, and the probability that `value` is exceeded, as JSON values."""
        found = self.exceeds(value)
        return {
            "contrasts": self.values.tolist(),
            "mean": self.mean,
            "deviation": self.deviation,
            "exceeds": value,
            "probability": found.value,
            "low": found.low,
            "high": found.high,
            "samples": found.samples,
            "cautions": list(self.cautions),
        }


def contrasts(images: Tensor, region: Tensor, reference: Tensor) -> Contrasts:
    """The contrast in each image, (samples, rows, columns) complex or real; regions: bool (rows, columns).

    Raises InputError as `brightness` and `Contrasts.between` do.
    """
    return Contrasts.between(*brightness(images, region, reference))


def brightness(images: Tensor, region: Tensor, reference: Tensor) -> Tensor:
    """The mean magnitudes of each image in the region and in its reference, float64 (2, samples).

    images: (samples, rows, columns), complex or real. region, reference: bool (rows, columns). Raises InputError if the
    regions overlap, or one is empty.
    """
    for name, one in (("region", region), ("reference region", reference)):
        if not bool(one.any()):
            raise InputError(f"the {name} has no pixel in the image; choose one inside.")
    if bool((region & reference).any()):
        raise InputError("the region and its reference overlap; choose a reference region beside it.")
    magnitudes = images.abs().double()
    return torch.stack((magnitudes[:, region].mean(1), magnitudes[:, reference].mean(1)))


def surroundings(region: Tensor) -> Tensor:
    """What a region's contrast is to: the pixels 3 to 6 steps along the axes from it, bool (rows, columns)."""
    pixels = region.cpu().numpy()
    disc = binary_dilation(pixels, iterations=GAP)
    found = binary_dilation(disc, iterations=WIDTH) & ~disc
    return torch.from_numpy(found).to(region.device)
