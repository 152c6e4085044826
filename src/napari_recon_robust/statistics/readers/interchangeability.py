"""Whether a new condition may take the place of an old one without readers agreeing less."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...ground.errors import InputError
from .. import bounded
from ..clustered import volume_means
from ..estimate import Estimate, Values


@dataclass(frozen=True)
class Interchangeability:
    """index: the individual equivalence index, `across` less `within`.

    across: how often one reader with the new condition disagrees with another one with the old. within: how often two
    readers disagree who both have the old. The new condition may take the place of the old one where the upper end of
    the index's interval lies below a margin that was fixed beforehand.
    """

    index: Estimate
    across: float
    within: float


def interchangeability(new: ArrayLike, old: ArrayLike, patients: Sequence[Hashable]) -> Interchangeability:
    """Compare answers (cases, readers), which agree where they are equal, of the same readers in two conditions.

    NaN: not answered; a reader counts at the cases that he answered in both conditions, and a case that has at least
    two readers. All pairs of different readers of a case count the same; a patient's cases are averaged first, and the
    interval is `bounded.mean`'s over patients, none below 3. Raises InputError where no case has two readers.
    Obuchowski, Subhas and Schoenhagen, Academic Radiology 2014, doi:10.1016/j.acra.2014.07.004.

    A new condition may mislead all readers at few patients, of whom a study has none, so that no interval holds that
    rests on the spread alone: with 8 to 20 patients Student's, also on a scale of log odds, the bootstrap's
    percentiles, BCa and bootstrap-t called 4 to 41% of such conditions at a margin of 0.1 interchangeable, not 2.5%.
    """
    fresh, usual = np.asarray(new, np.float64), np.asarray(old, np.float64)
    if fresh.shape != usual.shape or fresh.ndim != 2 or len(fresh) != len(patients):
        raise InputError(
            f"answers of shapes {fresh.shape} and {usual.shape} are no pairs; give (cases, readers) twice."
        )
    both = np.isfinite(fresh) & np.isfinite(usual)
    kept = np.flatnonzero(both.sum(1) > 1)
    if not kept.size:
        raise InputError("no case has two readers who answered in both conditions; there is no interchangeability.")
    pairs = both[kept, :, None] & both[kept, None, :] & ~np.eye(fresh.shape[1], dtype=bool)
    across, within = _disagreement(fresh[kept], usual[kept], pairs), _disagreement(usual[kept], usual[kept], pairs)
    of = [patients[int(case)] for case in kept]
    return Interchangeability(
        index=bounded.mean(across - within, of, -1, 1),
        across=float(volume_means(across, of).mean()),
        within=float(volume_means(within, of).mean()),
    )


def _disagreement(one: Values, other: Values, pairs: NDArray[np.bool_]) -> Values:
    """The share of the pairs of readers who disagree, (cases,)."""
    apart = (one[:, :, None] != other[:, None, :]) & pairs
    return np.asarray(apart.sum((1, 2)) / pairs.sum((1, 2)))
