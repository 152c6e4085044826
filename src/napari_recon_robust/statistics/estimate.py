"""A figure with its 95% interval."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ..ground.errors import InputError

CONFIDENCE = 0.95
SSIM_SCALE = (-1.0, 1.0)
LOWER, UPPER = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2  # the quantiles at the ends of an interval
FEWEST = 3  # independent units that an interval is drawn from
TINY = 1e-12  # beside figures of the size of 1, what rounding alone gives

Interval = tuple[float, float]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95% interval, which is None where the units are too few, or too alike, to draw one from.

    units: how many independent units, mostly volumes, the figure rests on.
    """

    value: float
    interval: Interval | None
    units: int

    @classmethod
    def around(cls, value: float, half: float, units: int) -> "Estimate":
        """A figure in the middle of its interval. half: half of the interval's width."""
        return cls(float(value), (float(value - half), float(value + half)), units)

    def within(self, low: float, high: float) -> "Estimate":
        """The same with an interval that is cut at the ends of the scale, beyond which no value lies."""
        if self.interval is None:
            return self
        return replace(self, interval=(max(self.interval[0], low), min(self.interval[1], high)))

    def with_width(self) -> "Estimate":
        """The same without an interval that has no width: units that are all alike do not tell how far others vary."""
        if self.interval is None or self.interval[1] - self.interval[0] > TINY * max(abs(self.value), 1.0):
            return self
        return replace(self, interval=None)

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval; False where there is none."""
        return self.interval is not None and self.interval[0] * self.interval[1] > 0

    @property
    def size(self) -> "Estimate":
        """The same without the sign of the figure, which turns its interval around as well."""
        if self.value >= 0:
            return self
        return replace(self, value=-self.value, interval=self.interval and (-self.interval[1], -self.interval[0]))

    def by_log_odds(self) -> "Estimate":
        """A share or an area whose interval has the same standard error on the scale of log odds, by the delta method.

        Near 1 a figure of few cases varies further down than up, and an interval that does so, too, lies within 0 to 1
        (Pepe 2003, The Statistical Evaluation of Medical Tests, section 5.2). 0 and 1 themselves stay as they are.
        """
        if self.interval is None or not 0 < self.value < 1:
            return self
        half = (self.interval[1] - self.interval[0]) / 2 / (self.value * (1 - self.value))
        low, high = special.expit(special.logit(self.value) + half * np.array([-1, 1]))
        return replace(self, interval=(float(low), float(high)))

    def text(self, digits: Callable[[float], str] = "{:.3g}".format) -> str:
        """The figure with its interval in brackets, such as "0.812 [0.79, 0.834]"."""
        if self.interval is None:
            return digits(self.value)
        return f"{digits(self.value)} [{digits(self.interval[0])}, {digits(self.interval[1])}]"


def finite(values: ArrayLike, name: str = "values") -> Values:
    """The values as float64; InputError where there are none or where some are not finite."""
    found = np.asarray(values, np.float64)
    if not found.size:
        raise InputError(f"there are no {name}; give at least one.")
    if wrong := int((~np.isfinite(found)).sum()):
        raise InputError(f"{wrong} of {found.size} {name} are not finite numbers; leave them out, and say how many.")
    return found


def numbered(units: Sequence[Hashable]) -> tuple[NDArray[np.intp], int]:
    """Units as numbers, int (len(units),), counted in the order in which they first come; and how many there are."""
    order = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    return np.array([order[unit] for unit in units], np.intp), len(order)
