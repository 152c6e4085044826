"""Empirical areas under the ROC curve of each test and reader, and how their errors covary.

A test is a condition that is compared, such as clean or attacked; each reader rates each case in each of them.
"""

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...ground.errors import InputError
from ..estimate import Values, finite

Method = Literal["jackknife", "delong", "unbiased"]


def areas(ratings: ArrayLike, truth: ArrayLike) -> Values:
    """The area under each ROC curve, float64 (tests, readers): P(diseased > normal) + P(equal) / 2.

    ratings: (tests, readers, cases), higher for disease. truth: bool (cases,). Raises InputError without a case of
    either kind or for ratings that are not finite.
    """
    return _kernel(*_checked(ratings, truth)).mean((-2, -1))


def covariance(
    ratings: ArrayLike,
    truth: ArrayLike,
    method: Method = "jackknife",
    patients: Sequence[Hashable] | None = None,
) -> Values:
    """Covariances of the areas, float64 (tests * readers, tests * readers), tests slowest.

    method: "jackknife" leaves out one case after the other (Quenouille, Tukey); "delong" takes the structural
    components (DeLong et al. 1988, doi:10.2307/2531595); "unbiased" is the U-statistic without bias.
    patients: of each case. Where several cases are of one patient, whole patients are left out by the jackknife
    (Obuchowski 1997, doi:10.2307/2533958, for the same reason), and the other methods are refused.
    """
    rated, positive = _checked(ratings, truth)
    kernel = _kernel(rated, positive)
    kernel = kernel.reshape(-1, *kernel.shape[-2:])
    if patients is not None and len(set(patients)) < len(positive):
        if method != "jackknife":
            raise InputError("several cases are of one patient, so they are not independent; take the jackknife.")
        return _clustered_jackknife(kernel, positive, patients)
    return {"jackknife": _jackknife, "delong": _delong, "unbiased": _unbiased}[method](kernel)


def jackknife_covariance(left_out: Values) -> Values:
    """The covariance of figures from their values with one of n units left out each, (n, figures)."""
    count = len(left_out)
    apart = left_out - left_out.mean(0)
    return np.asarray((count - 1) / count * apart.T @ apart)


def _checked(ratings: ArrayLike, truth: ArrayLike) -> tuple[Values, NDArray[np.bool_]]:
    rated, positive = finite(ratings, "ratings"), np.asarray(truth, bool)
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
    of = np.array([list(dict.fromkeys(patients)).index(patient) for patient in patients])
    of_diseased, of_normal = of[positive], of[~positive]
    left = []
    for patient in range(of.max() + 1):
        kept = kernel[:, of_diseased != patient][:, :, of_normal != patient]
        if not kept.size:
            raise InputError("all cases of one kind are of one patient; no interval can be drawn from them.")
        left.append(kept.mean((1, 2)))
    return jackknife_covariance(np.array(left))


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
