"""Free-response marks of several readers, each on a lesion or false."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress, product
from typing import Any, NamedTuple, Self

import numpy as np

from ..ground.errors import InputError
from ..statistics.estimate import Values
from ..statistics.readers.free_response import UNMARKED, FreeResponse
from .ratings import Ratings, comparable


class Mark(NamedTuple):
    """One mark. lesion: the number of the case's lesion that it is on, from 1, or 0 for a false one."""

    arm: str
    reader: str
    case: str
    lesion: int
    rating: float


@dataclass(frozen=True)
class Marks:
    """All marks on cases that were read in all arms.

    patients: of each case. lesions: of each case, the weights of its lesions, which add up to 1; none for a normal one.
    unread: pairs of a reader and a case that he has not read in all arms, and on which he has no marks here.
    """

    arms: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    patients: tuple[str, ...]
    lesions: tuple[tuple[float, ...], ...]
    marks: tuple[Mark, ...]
    unread: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], arms: Sequence[str] | None = None) -> tuple[Self, str]:
        """From rows of `export.long_table` for one question, and in words what was left out; see `comparable`.

        Each lesion of a case counts the same. Raises InputError where the truth of a case or the place of a lesion is
        not known, or no reader is left.
        """
        if any(row["lesion"] is None or (row["lesion"] and not row["lesions"]) for row in rows):
            raise InputError("a mark can be told from a false one only where lesion and place of each case are known.")
        names = tuple(sorted({row["arm"] for row in rows}) if arms is None else arms)
        readers = sorted({row["reader"] for row in rows})
        cases = {row["case"]: row for row in rows}
        judged = {(row["arm"], row["reader"], row["case"]) for row in rows if row["score"] is not None}
        rated = np.array([place in judged for place in product(names, readers, cases)], bool)
        rated = rated.reshape(len(names), len(readers), len(cases))
        kept, used, left = comparable(rated, np.array([bool(row["lesion"]) for row in cases.values()]), readers)
        if not kept.any():
            raise InputError("no reader has judged two cases with a lesion and two without in all arms.")
        whole = set(compress(product(readers, cases), rated.all(0).flat))  # read in all arms
        chosen, used_cases = tuple(compress(readers, kept)), dict(compress(cases.items(), used))
        marks = tuple(
            Mark(row["arm"], row["reader"], row["case"], mark["lesion"], mark["rating"])
            for row in rows
            if row["reader"] in chosen and (row["reader"], row["case"]) in whole
            for mark in row["answer"]["marks"]
        )
        counts = [int(row["lesions"]) if row["lesion"] else 0 for row in used_cases.values()]
        lesions = tuple((1 / count,) * count if count else () for count in counts)
        patients = tuple(str(row["patient"]) for row in used_cases.values())
        unread = frozenset(product(chosen, used_cases)) - whole
        return cls(names, chosen, tuple(used_cases), patients, lesions, marks, unread), left

    @property
    def readings(self) -> int:
        """How many readings these are the marks of; some have none."""
        return len(self.arms) * (len(self.readers) * len(self.cases) - len(self.unread))

    def free_response(self) -> FreeResponse:
        """The highest ratings, as `statistics.readers.free_response` takes them."""
        of = np.array([case for case, weights in enumerate(self.lesions) for _ in weights], int)
        first = np.cumsum([0, *(len(weights) for weights in self.lesions)])
        truth = np.array([bool(weights) for weights in self.lesions])
        weights = np.array([weight for of_case in self.lesions for weight in of_case])
        shape = len(self.arms), len(self.readers)
        found, false = np.full((*shape, of.size), UNMARKED), np.full((*shape, truth.size), UNMARKED)
        for mark in self.marks:
            case = self.cases.index(mark.case)
            place = self.arms.index(mark.arm), self.readers.index(mark.reader)
            if mark.lesion > len(self.lesions[case]):
                raise InputError(
                    f"{mark.case} has {len(self.lesions[case])} lesions, and a mark is on number {mark.lesion}."
                )
            table, at = (found, first[case] + mark.lesion - 1) if mark.lesion else (false, case)
            table[(*place, at)] = max(table[(*place, at)], mark.rating)
        for name, missing in self.unread:
            reader, case = self.readers.index(name), self.cases.index(missing)
            found[:, reader, of == case] = false[:, reader, case] = np.nan
        return FreeResponse(found, of, false, truth, weights)

    def paired(self) -> tuple["Marks", str]:
        """Those of readers with at least two cases of either kind, and in words what was left out; see `comparable`."""
        read = np.array([pair not in self.unread for pair in product(self.readers, self.cases)], bool)
        rated = np.broadcast_to(
            read.reshape(len(self.readers), -1), (len(self.arms), len(self.readers), len(self.cases))
        )
        kept, used, left = comparable(rated, np.array([bool(weights) for weights in self.lesions]), self.readers)
        readers, cases = tuple(compress(self.readers, kept)), tuple(compress(self.cases, used))
        chosen = replace(
            self,
            readers=readers,
            cases=cases,
            patients=tuple(compress(self.patients, used)),
            lesions=tuple(compress(self.lesions, used)),
            marks=tuple(mark for mark in self.marks if mark.reader in readers),
            unread=frozenset(pair for pair in self.unread if pair[0] in readers and pair[1] in cases),
        )
        return chosen, left

    def highest(self) -> Ratings:
        """The highest mark of each case, on a lesion or not, as its rating; one without a mark is below all others."""
        truth = np.array([bool(weights) for weights in self.lesions])
        none = min((mark.rating for mark in self.marks), default=0.0) - 1
        found = np.full((len(self.arms), len(self.readers), truth.size), none)
        for mark in self.marks:
            place = self.arms.index(mark.arm), self.readers.index(mark.reader), self.cases.index(mark.case)
            found[place] = max(found[place], mark.rating)
        for name, missing in self.unread:
            found[:, self.readers.index(name), self.cases.index(missing)] = np.nan
        return Ratings(self.arms, self.readers, self.cases, self.patients, truth, found)

    def false_marks(self) -> Values:
        """The number of false marks, (arms, readers, cases), NaN where a reader has not read a case."""
        found = np.zeros((len(self.arms), len(self.readers), len(self.cases)))
        for mark in self.marks:
            if not mark.lesion:
                found[self.arms.index(mark.arm), self.readers.index(mark.reader), self.cases.index(mark.case)] += 1
        for name, missing in self.unread:
            found[:, self.readers.index(name), self.cases.index(missing)] = np.nan
        return found
