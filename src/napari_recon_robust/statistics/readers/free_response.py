"""Free-response reading: any number of marks on an image, each with a rating, and lesions with weights.

A mark on a lesion localises it; every other mark is a false one.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...ground.errors import InputError
from ..estimate import Values
from .roc import Method, kernel_covariance, kernel_mean

UNMARKED = -np.inf


@dataclass(frozen=True)
class FreeResponse:
    """What tests * readers marked on n cases.

    lesions: (tests, readers, lesions), the highest rating of a mark on each lesion, -inf where there is none. of: int
    (lesions,), the case of each lesion. false: (tests, readers, cases), the highest rating of a false mark on each
    case, -inf where there is none. Both are NaN for a case that a reader has not read. truth: bool (cases,), whether
    there is a lesion. weights: (lesions,), how much each counts; those of a case add up to 1. Raises InputError for
    what does not fit together.
    """

    lesions: Values
    of: NDArray[np.int_]
    false: Values
    truth: NDArray[np.bool_]
    weights: Values

    def __post_init__(self) -> None:
        cases = self.truth.size
        if self.false.shape[2:] != (cases,) or self.lesions.shape[2:] != self.of.shape or self.of.ndim != 1:
            raise InputError("marks, lesions and cases do not fit together; see the shapes of FreeResponse.")
        if self.truth.all() or not self.truth.any():
            raise InputError("all cases have the same truth; free-response marks need cases of both kinds.")
        if not np.array_equal(np.unique(self.of), np.flatnonzero(self.truth)):
            raise InputError("a case with a lesion has none, or one without has one; mend the truth.")
        if not np.array_equal(np.isnan(self.lesions), np.isnan(self.false)[..., self.of]):
            raise InputError("a rating is no number; give -inf where there is no mark, NaN for all of an unread case.")
        if not np.allclose(np.bincount(self.of, self.weights, cases)[self.truth], 1):
            raise InputError("the weights of a case's lesions do not add up to 1; mend them.")


def even_weights(of: ArrayLike) -> Values:
    """Weights (lesions,) by which the lesions of a case count the same. of: the case of each lesion."""
    case = np.asarray(of)
    return np.asarray(1 / np.bincount(case)[case])


def weighted_afroc(marks: FreeResponse) -> Values:
    """The area under the weighted alternative free-response curve, (tests, readers), of the cases that each has read.

    It is the mean over pairs of a diseased and a normal case of Σ w ψ(x, y), over the lesions of the first, with y the
    lesion's rating, x the highest one on the normal case, and ψ = 1 for y > x, 1/2 for y = x, else 0; -inf = -inf.
    Chakraborty and Zhai, Medical Physics 2016, doi:10.1118/1.4947125.
    """
    return kernel_mean(_kernel(marks))


def weighted_afroc_covariance(
    marks: FreeResponse, method: Method = "jackknife", patients: Sequence[Hashable] | None = None
) -> Values:
    """Covariances of `weighted_afroc` for `obuchowski_rockette.compare`; see `roc.covariance`."""
    return kernel_covariance(_kernel(marks), marks.truth, method, patients)


def _kernel(marks: FreeResponse) -> Values:
    """(tests, readers, diseased, normal), NaN where one of the two was not read."""
    normal = marks.false[..., None, ~marks.truth]
    found = marks.lesions[..., :, None]
    above = (found > normal) + 0.5 * (found == normal)
    diseased = np.flatnonzero(marks.truth)
    member = (marks.of == diseased[:, None]) * marks.weights  # (diseased, lesions)
    unread = np.isnan(marks.false[..., diseased, None]) | np.isnan(normal)
    return np.where(unread, np.nan, member @ above)
