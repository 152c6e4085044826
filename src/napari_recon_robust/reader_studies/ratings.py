"""Ratings of several readers of cases whose truth is known: what multi-reader programs exchange."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..ground.errors import InputError
from ..ground.numbers import counted
from ..statistics.estimate import Values

FEWEST_OF_A_KIND = 2  # cases with and without a lesion that a reader has to have rated


def comparable(
    rated: NDArray[np.bool_], truth: NDArray[np.bool_], readers: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], str]:
    """Which readers and which cases can be compared over the arms, and in words what cannot.

    rated: whether a reader judged a case in an arm, bool (arms, readers, cases). A reader needs two cases of either
    kind that he judged in all arms; his figures are of just these cases, so that in a split-plot design readers of
    different cases are compared (Hillis 2014, doi:10.1002/sim.5926).
    """
    both, partly = np.asarray(rated.all(0)), np.asarray(rated.any(0))
    kept = np.minimum((both & truth).sum(1), (both & ~truth).sum(1)) >= FEWEST_OF_A_KIND
    used = np.asarray(both[kept].any(0))
    left = [f"{reader} left out, who rated too few cases" for reader in np.array(readers)[~kept]]
    if missing := int((partly & ~both)[kept].sum()):
        left.append(f"{missing} of {int(partly[kept].sum())} readings left out, since they are not of all arms")
    own = both[kept].sum(1)
    if own.size and own.min() < used.sum():
        cases = f"{own.min()}" if own.min() == own.max() else f"{own.min()} to {own.max()}"
        left.append(f"each reader's figure is of his own {cases} cases")
    return kept, used, "; ".join(left)


@dataclass(frozen=True)
class Ratings:
    """How sure each reader is of a lesion, in each arm of each case.

    patients, truth: of each case; truth is bool (cases,). values: (arms, readers, cases), higher for a lesion, NaN for
    none. unknown: how many cases are not among these, since their truth is not known.
    """

    arms: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    patients: tuple[str, ...]
    truth: NDArray[np.bool_]
    values: Values
    unknown: int = 0

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], arms: Sequence[str] | None = None) -> Self:
        """From rows of `export.long_table` for one question, without those of cases whose truth is not known.

        arms: in their order, by default that of their names: rows are in the order of the draw. Raises InputError where
        no truth is known.
        """
        unknown = {row["case"] for row in rows if row["lesion"] is None}
        rows = [row for row in rows if row["case"] not in unknown]
        if not rows:
            raise InputError("there are no answers to cases whose truth is known; add lesion: true or false to each.")
        cases = {row["case"]: row for row in rows}
        names = tuple(sorted({row["arm"] for row in rows}) if arms is None else arms)
        readers = tuple(sorted({row["reader"] for row in rows}))
        values = np.full((len(names), len(readers), len(cases)), np.nan)
        order = list(cases)
        for row in rows:
            if row["score"] is not None:
                place = names.index(row["arm"]), readers.index(row["reader"]), order.index(row["case"])
                values[place] = row["score"]
        truth = np.array([bool(row["lesion"]) for row in cases.values()])
        patients = tuple(str(row["patient"]) for row in cases.values())
        return cls(names, readers, tuple(order), patients, truth, values, len(unknown))

    @property
    def readings(self) -> int:
        """How many ratings there are."""
        return int(np.isfinite(self.values).sum())

    @property
    def read(self) -> NDArray[np.bool_]:
        """Which reader rated which case in all arms, (readers, cases)."""
        return np.asarray(np.isfinite(self.values).all(0))

    def paired(self) -> tuple["Ratings", str]:
        """What was rated in all arms, by readers with at least two cases of either kind, and what was left out."""
        rated = np.isfinite(self.values)
        both: NDArray[np.bool_] = np.asarray(rated.all(0))
        kept, used, left = comparable(rated, self.truth, self.readers)
        values = np.where(both, self.values, np.nan)[:, kept][..., used]
        chosen = replace(
            self,
            readers=tuple(np.array(self.readers)[kept].tolist()),
            cases=tuple(np.array(self.cases)[used].tolist()),
            patients=tuple(np.array(self.patients)[used].tolist()),
            truth=self.truth[used],
            values=values,
        )
        unknown = f"{counted(self.unknown, 'case')} of unknown truth left out" if self.unknown else ""
        return chosen, "; ".join(filter(None, (unknown, left)))

    def patients_with(self, truth: bool) -> int:
        """How many patients have a case with, or without, a lesion."""
        return len({patient for patient, one in zip(self.patients, self.truth, strict=True) if one == truth})
