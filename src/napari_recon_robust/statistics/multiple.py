"""Several tests at once."""

import numpy as np
from numpy.typing import ArrayLike

from ..ground.errors import InputError
from .estimate import Values, finite


def holm(p_values: ArrayLike) -> Values:
    """p-values adjusted so that any false rejection among all tests is as rare as in a single one, float64 (tests,).

    The i-th smallest of n is multiplied by n - i + 1, and no smaller than those before it.
    Holm, Scandinavian Journal of Statistics 1979, 6:65.
    """
    found = finite(p_values, "p-values")
    if found.min() < 0 or found.max() > 1:
        raise InputError(f"p-values lie between 0 and 1; these reach from {found.min():g} to {found.max():g}.")
    order = np.argsort(found)
    adjusted = np.empty_like(found)
    adjusted[order] = np.minimum(np.maximum.accumulate(found[order] * np.arange(found.size, 0, -1)), 1)
    return adjusted
