"""The line through methods that were scored on P, in distribution, and on Q, out of distribution."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from ..ground.errors import InputError
from .estimate import FEWEST, LOWER, UPPER, Estimate, Values, finite, numbered

RESAMPLES = 1000
_POINTS = 41
_SAME = 1e-9  # scores that differ by less are the same

_Statistic = Callable[[Values, Values], Values]
_Places = tuple[list[int], list[int]]  # of the columns of P and of Q among the volumes of both


@dataclass(frozen=True, eq=False)
class Line:
    """y = intercept + slope x for the mean scores x on P and y on Q of some methods, both as logits if `logit`.

    inside, outside: mean score of each method, float64 (methods,). r2: the share of y's variance that x explains.
    gap: how much lower the line is than the score on P, at the methods' mean on P; in units of the score.
    at, values, low, high: float64 (41,), the line and its pointwise 95% band from the lowest to the highest score on P,
    in units of the score; low and high are None where there are fewer than 3 methods or volumes.
    volumes: how many there are in P and in Q. shared: how many of them are the same.
    """

    inside: Values
    outside: Values
    slope: Estimate
    intercept: Estimate
    gap: Estimate
    r2: float
    at: Values
    values: Values
    low: Values | None
    high: Values | None
    volumes: tuple[int, int]
    shared: int
    logit: bool

    @property
    def methods(self) -> int:
        """How many methods the line rests on."""
        return len(self.inside)


def fit(
    inside: ArrayLike,
    outside: ArrayLike,
    *,
    volumes: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    logit: bool = False,
    seed: int = 0,
) -> Line:
    """The least-squares line, with intervals over methods and volumes.

    inside, outside: scores (methods, volumes of P) and (methods, volumes of Q), one row for each method and its
    settings. volumes: the names of the columns of both; a name in both is one volume, and is drawn for both together.
    Without names no volume is shared. logit: fit log(s / (1 - s)) of the mean scores s, which must lie between 0 and 1.

    The bootstrap resamples methods, volumes of P and volumes of Q in turn; their variances add up, and the interval is
    that of Student's t with Satterthwaite's degrees of freedom. n - 1 of n volumes are drawn, which makes the variance
    unbiased (Rao and Wu, JASA 1988, doi:10.1080/01621459.1988.10478591). Where P and Q share volumes, those of both are
    resampled at once, with the degrees of freedom of the side that has fewer. The intervals of a line through very few
    methods are wide, and so are those where few of few volumes are shared: they cover more than 95%.
    Miller et al., ICML 2021, arXiv:2107.04649; Darestani, Chaudhari and Heckel, ICML 2021, arXiv:2102.06103.
    None have an interval below 3 methods or volumes, nor does a figure that all of these agree in.
    Raises InputError for less than 2 methods, for methods that all have the same score on P, or for names that do not
    fit the columns.
    """
    on_p, on_q = _scores(inside, outside)
    places = _places(on_p.shape[1], on_q.shape[1], volumes)
    x, y = on_p.mean(1), on_q.mean(1)
    if logit and not all(0 < score < 1 for score in (*x, *y)):
        raise InputError("the logit needs scores between 0 and 1; fit these scores as they are.")
    if np.ptp(x) <= _SAME:
        raise InputError("all methods have the same score in distribution, so no line can be drawn through them.")
    at = np.linspace(x.min(), x.max(), _POINTS)
    scaled, shown = (special.logit, special.expit) if logit else (_same, _same)

    def statistic(x: Values, y: Values) -> Values:
        slope, intercept = _least_squares(scaled(x), scaled(y))
        middle = scaled(x).mean(-1)
        gap = shown(middle) - shown(intercept + slope * middle)
        line = intercept[..., None] + slope[..., None] * scaled(at)
        return np.concatenate([np.stack([slope, intercept, gap], -1), line], -1)

    found = statistic(x, y)
    enough = len(x) >= FEWEST and min(on_p.shape[1], on_q.shape[1]) >= FEWEST
    half = _half_width(on_p, on_q, places, statistic, seed) if enough else np.full_like(found, np.nan)
    slope, intercept, gap = (
        Estimate.around(value, one, len(x)).with_width() if enough else Estimate(float(value), None, len(x))
        for value, one in zip(found[:3], half[:3], strict=True)
    )
    line, around = found[3:], half[3:]
    residual = scaled(y) - intercept.value - slope.value * scaled(x)
    total = float(np.square(scaled(y) - scaled(y).mean()).sum())
    return Line(
        inside=x,
        outside=y,
        slope=slope,
        intercept=intercept,
        gap=gap,
        r2=1 - float(np.square(residual).sum()) / total if total else 1.0,
        at=at,
        values=shown(line),
        low=shown(line - around) if enough else None,
        high=shown(line + around) if enough else None,
        volumes=(on_p.shape[1], on_q.shape[1]),
        shared=len(set(places[0]) & set(places[1])),
        logit=logit,
    )


def _half_width(on_p: Values, on_q: Values, places: _Places, statistic: _Statistic, seed: int) -> Values:
    rng = np.random.default_rng(seed)
    x, y = on_p.mean(1), on_q.mean(1)
    methods = rng.integers(len(x), size=(RESAMPLES, len(x)))
    parts = [(_variance(statistic, x[methods], y[methods]), len(x) - 2)]
    if set(places[0]) & set(places[1]):
        weights = _resampled(rng, 1 + max(*places[0], *places[1]))
        one, other = (_weighted(scores, weights[of]) for scores, of in zip((on_p, on_q), places, strict=True))
        parts.append((_variance(statistic, one, other), min(on_p.shape[1], on_q.shape[1]) - 1))
    else:
        one, other = (_weighted(scores, _resampled(rng, scores.shape[1])) for scores in (on_p, on_q))
        parts.append((_variance(statistic, one, np.broadcast_to(y, one.shape)), on_p.shape[1] - 1))
        parts.append((_variance(statistic, np.broadcast_to(x, other.shape), other), on_q.shape[1] - 1))
    total = sum(variance for variance, _ in parts)
    spent = sum(variance**2 / freedom for variance, freedom in parts)
    freedom = np.divide(total**2, spent, out=np.full_like(total, np.inf), where=spent > 0)
    return stats.t.ppf(UPPER, freedom) * np.sqrt(total)


def _variance(statistic: _Statistic, x: Values, y: Values) -> Values:
    """From the range of 95% of the resamples, since a line through few distinct methods may have any slope."""
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.nanquantile(statistic(x, y), (LOWER, UPPER), axis=0)
    return ((high - low) / (2 * stats.norm.ppf(UPPER))) ** 2


def _resampled(rng: np.random.Generator, volumes: int) -> Values:
    """How often each of n volumes is drawn, float64 (volumes, resamples), when n - 1 are drawn with replacement."""
    return rng.multinomial(volumes - 1, [1 / volumes] * volumes, RESAMPLES).T.astype(np.float64)


def _weighted(scores: Values, drawn: Values) -> Values:
    """The mean scores over the drawn volumes, (resamples, methods); NaN for a resample without any of these volumes."""
    with np.errstate(invalid="ignore"):
        return (scores @ drawn / drawn.sum(0)).T


def _least_squares(x: Values, y: Values) -> tuple[Values, Values]:
    """Slope and intercept over the last axis; NaN where a resample repeats a single method."""
    centred = x - x.mean(-1, keepdims=True)
    slope = np.where(np.ptp(x, -1) > _SAME, (centred * y).sum(-1) / np.square(centred).sum(-1), np.nan)
    return slope, y.mean(-1) - slope * x.mean(-1)


def _same(values: Values) -> Values:
    return values


def _scores(inside: ArrayLike, outside: ArrayLike) -> tuple[Values, Values]:
    on_p, on_q = finite(inside, "scores"), finite(outside, "scores")
    if on_p.ndim != 2 or on_q.ndim != 2 or len(on_p) != len(on_q):
        raise InputError("a line needs the scores of each method on each volume, in distribution and out of it.")
    if len(on_p) < 2:
        raise InputError("one method gives no line; name at least two.")
    return on_p, on_q


def _places(inside: int, outside: int, volumes: tuple[Sequence[Hashable], Sequence[Hashable]] | None) -> _Places:
    """The place of each column of P and of Q among all volumes of both."""
    if volumes is None:
        return list(range(inside)), list(range(inside, inside + outside))
    for count, names in zip((inside, outside), volumes, strict=True):
        if count != len(names) or len(set(names)) < len(names):
            raise InputError(f"{count} columns of scores have {len(set(names))} names; name each volume, and once.")
    places = numbered([*volumes[0], *volumes[1]])[0].tolist()
    return places[:inside], places[inside:]
