"""Empirical areas under the ROC curve of each test and reader, and how their errors covary.

A test is a condition that is compared, such as clean or attacked; each reader rates each case in each of them.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...ground.errors import InputError
from ..estimate import Values, finite, numbered
from .jackknife import jackknife_covariance, patients_read

Method = Literal["jackknife", "delong", "unbiased"]


def areas(ratings: ArrayLike, truth: ArrayLike) -> Values:
    """The area under each ROC curve, float64 (tests, readers): P(diseased > normal) + P(equal) / 2.

    ratings: (tests, readers, cases), higher for disease; NaN where a reader gave none, so that each reader's area is of
    the cases that this reader rated. truth: bool (cases,). Raises InputError without a case of either kind, for any
    reader, or for infinite ratings.
    """
    return kernel_mean(_kernel(*_checked(ratings, truth)))


def covariance(
    ratings: ArrayLike,
    truth: ArrayLike,
    method: Method = "jackknife",
    patients: Sequence[Hashable] | None = None,
) -> Values:
    """Covariances of the areas, float64 (tests * readers, tests * readers), tests slowest.

    method: "jackknife" leaves out one case after the other (Quenouille, Tukey); "delong" takes the structural
    components (DeLong et al. 1988, doi:10.2307/2531595); "unbiased" is the U-statistic without bias. Where ratings are
    missing only the jackknife is left.
    patients: of each case. Where several cases are of one patient, whole patients are left out by the jackknife
    (Obuchowski 1997, doi:10.2307/2533958, for the same reason), and the other methods are refused.
    """
    rated, positive = _checked(ratings, truth)
    return kernel_covariance(_kernel(rated, positive), positive, method, patients)


def rarer(read: NDArray[np.bool_], truth: NDArray[np.bool_], patients: Sequence[Hashable]) -> float:
    """How many patients with a case of the rarer kind a reader read, on average over readers.

    read: who read which case, (readers, cases). truth, patients: of each case.
    """
    kinds = ([at for at, true in enumerate(truth) if true == kind] for kind in (True, False))
    return min(patients_read(read[:, own], [patients[at] for at in own]) for own in kinds)


def kernel_covariance(
    kernel: Values,
    positive: NDArray[np.bool_],
    method: Method = "jackknife",
    patients: Sequence[Hashable] | None = None,
) -> Values:
    """Covariances of any figure that is a mean over pairs of a diseased and a normal case; see `covariance`.

    kernel: (tests, readers, diseased, normal), what each pair gives, NaN where one of the two was not read. positive:
    bool (cases,).
    """
    kernel = kernel.reshape(-1, *kernel.shape[-2:])
    several = patients is not None and len(set(patients)) < len(positive)
    if several or np.isnan(kernel).any():
        if method != "jackknife":
            why = "several cases are of one patient, so they are not independent" if several else "ratings are missing"
            raise InputError(f"{why}; take the jackknife.")
        return _clustered_jackknife(kernel, positive, range(len(positive)) if patients is None else patients)
    if min(kernel.shape[1:]) < 2:
        raise InputError("there is one case of a kind only; no interval can be drawn from it.")
    return {"jackknife": _jackknife, "delong": _delong, "unbiased": _unbiased}[method](kernel)


def kernel_mean(kernel: Values) -> Values:
    """The mean over the pairs that were read, (tests, readers); InputError where a reader read none."""
    read = ~np.isnan(kernel)
    counts = read.sum((-2, -1))
    if not counts.all():
        raise InputError("a reader rated no case of one kind in one of the tests; leave that reader out.")
    return np.asarray(np.where(read, kernel, 0).sum((-2, -1)) / counts)


def _checked(ratings: ArrayLike, truth: ArrayLike) -> tuple[Values, NDArray[np.bool_]]:
    rated, positive = np.asarray(ratings, np.float64), np.asarray(truth, bool)
    finite(np.where(np.isnan(rated), 0, rated), "ratings")
    if rated.ndim != 3 or positive.shape != rated.shape[2:]:
        raise InputError(
            f"the ratings have shape {rated.shape} and the truth {positive.shape}; give (tests, readers, cases) and "
            "(cases,)."
        )
    if positive.all() or not positive.any():
        raise InputError("all cases have the same truth; an area under the ROC curve needs cases of both kinds.")
    return rated, positive


def _kernel(ratings: Values, positive: NDArray[np.bool_]) -> Values:
    """1 where a diseased case is rated above a normal one, 1/2 where equal: (tests, readers, diseased, normal)."""
    above = ratings[..., positive][..., :, None] - ratings[..., ~positive][..., None, :]
    return (np.sign(above) + 1) / 2


def _jackknife(kernel: Values) -> Values:
    _, diseased, normal = kernel.shape
    total = kernel.sum((1, 2), keepdims=True)
    without_diseased = (total[..., 0] - kernel.sum(2)) / ((diseased - 1) * normal)
    without_normal = (total[..., 0] - kernel.sum(1)) / (diseased * (normal - 1))
    return jackknife_covariance(np.concatenate((without_diseased, without_normal), 1).T)


def _clustered_jackknife(kernel: Values, positive: NDArray[np.bool_], patients: Sequence[Hashable]) -> Values:
    of, _ = numbered(patients)
    read = ~np.isnan(kernel)
    totals, counts = (_without_each(pairs, of[positive], of[~positive]) for pairs in (np.where(read, kernel, 0), read))
    if not counts.all():
        raise InputError("all cases of one kind are of one patient; no interval can be drawn from them.")
    return jackknife_covariance((totals / counts).T, (counts < read.sum((1, 2))[:, None]).T)


def _without_each(pairs: NDArray[Any], of_diseased: NDArray[np.intp], of_normal: NDArray[np.intp]) -> Values:
    """Sums over pairs (figures, diseased, normal) without those of each patient, (figures, patients).

    A patient takes part in all pairs of his diseased cases and in all pairs of his normal cases; pairs of two of his
    own cases are among both, and count once.
    """
    patients = int(max(of_diseased.max(), of_normal.max())) + 1
    of_both = np.eye(patients)
    mine = of_diseased[:, None] == of_normal
    row, column = np.nonzero(mine)
    own = pairs.sum(2) @ of_both[of_diseased] + pairs.sum(1) @ of_both[of_normal]
    return np.asarray(pairs.sum((1, 2))[:, None] - own + pairs[:, row, column] @ of_both[of_diseased[row]])


def _delong(kernel: Values) -> Values:
    _, diseased, normal = kernel.shape
    of_diseased, of_normal = np.atleast_2d(np.cov(kernel.mean(2))), np.atleast_2d(np.cov(kernel.mean(1)))
    return np.asarray(of_diseased / diseased + of_normal / normal)


def _unbiased(kernel: Values) -> Values:
    """The product of two areas less an unbiased estimate of the product of their means.

    The latter is the mean of the products of two kernels that share neither the diseased nor the normal case.
    """
    _, diseased, normal = kernel.shape
    total, of_diseased, of_normal = kernel.sum((1, 2)), kernel.sum(2), kernel.sum(1)
    flat = kernel.reshape(len(kernel), -1)
    apart = np.outer(total, total) - of_diseased @ of_diseased.T - of_normal @ of_normal.T + flat @ flat.T
    both = diseased * normal
    return np.asarray(np.outer(total, total) / both**2 - apart / (both * (diseased - 1) * (normal - 1)))
