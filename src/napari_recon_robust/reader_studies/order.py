"""In which order each reader sees the cases, and in which arm. The order is drawn once, and stored as data.

It is drawn from the study's seed and a secret, the reader and the sitting, so that no two readers and no two sittings
share one, and that nobody can draw it again who has the plan's title and tries some seeds. Which arm is which in all
that is balanced is drawn by lot first, so that a place tells nothing of the plan's order.
Arms follow each other in a Williams square: over the cases each arm comes equally often at each place, and equally
often after each other arm (Williams 1949, doi:10.1071/CH9490149). Where all arms are shown at once, each comes equally
often at each position within blocks of four presentations (two or four arms), six (three or six) or ten (five).
Cases that show one slice are kept apart, as far as the slices of a study allow: whoever has just seen an anatomy
remembers it.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from .plan import Plan, ReadingCase

BLOCK = 4  # presentations at least within which each arm stands equally often at each position

Purpose = Literal["training", "reading", "repeat"]


@dataclass(frozen=True)
class Presentation:
    """One case as it is shown once.

    arms: of the images, from the first position to the last. sitting and number count from 0.
    """

    id: str
    reader: str
    sitting: int
    number: int
    case: str
    arms: tuple[str, ...]
    purpose: Purpose


def readers(plan: Plan) -> list[str]:
    """The names under which readers are stored: R1, R2, ..."""
    return [f"R{number + 1}" for number in range(plan.design.readers)]


def draw(
    plan: Plan, new_id: Callable[[], str], secret: str = "", slices: Mapping[str, str] | None = None
) -> list[Presentation]:
    """All presentations, by reader, sitting and number.

    new_id: gives a name that nobody can guess. secret: what the order is drawn from besides the plan; the same secret
    gives the same order. slices: what each case shows, by its id; cases that show the same are kept apart. By default
    each case shows another slice.
    """
    lots = _lots(plan, secret)
    arms = lots("arms", 0).permutation([arm.name for arm in plan.arms]).tolist()
    in_groups = groups(plan, secret)
    found = []
    starts = _starts([len(cases) for cases in in_groups], plan.design.readers)
    for number, reader in enumerate(readers(plan)):
        cases = in_groups[number % plan.design.groups]
        shows = {case.id: (slices or {}).get(case.id, case.id) for case in cases}
        for sitting, shown in enumerate(_Reader(plan, lots, reader, starts[number], arms, cases, shows).sittings()):
            found += [
                Presentation(new_id(), reader, sitting, place, case.id, arms, purpose)
                for place, (case, arms, purpose) in enumerate(shown)
            ]
    return found


def williams(count: int) -> list[tuple[int, ...]]:
    """Rows of a Williams square, or of a pair of them where the count is odd."""
    first = [0]
    for step in range(1, count):
        first.append((first[-1] + (step if step % 2 else -step)) % count)
    rows = [tuple((place + shift) % count for place in first) for shift in range(count)]
    return rows if count % 2 == 0 else [*rows, *(row[::-1] for row in rows)]


def positions(arms: int, count: int, rng: np.random.Generator, start: int = 0) -> list[tuple[int, ...]]:
    """Which arm stands at each position, in `count` presentations, balanced within each block.

    start: see `_starts`; it decides on an incomplete block at the end, so that it evens out over readers.
    """
    rows = williams(arms)
    rows *= -(-BLOCK // len(rows))
    found: list[tuple[int, ...]] = []
    while len(found) < count:
        size = min(len(rows), count - len(found))
        block = [rows[(start + at) % len(rows)] for at in range(size)]
        found += [block[at] for at in rng.permutation(size)]
    return found


def _starts(counts: Sequence[int], readers: int) -> list[int]:
    """At which row of a Williams square each reader begins: where the one before ended, so that rows are used alike.

    counts: of the cases of each group. Readers take the groups in turn, and here come group by group, so that what a
    count leaves over that does not divide evens out over the readers of a group and over all.
    """
    starts, start = [0] * readers, 0
    for group, count in enumerate(counts):
        for number in range(group, readers, len(counts)):
            starts[number] = start
            start += count
    return starts


_Shown = tuple[ReadingCase, tuple[str, ...], Purpose]
_Lots = Callable[[str, int], np.random.Generator]  # by whom or what is drawn, and the sitting


@dataclass(frozen=True, eq=False)
class _Reader:
    """Draws what one reader sees.

    start: at which row of a square, see `_starts`. arms: in an order that was drawn for the study. cases: those that
    the reader reads. slices: what each of these shows, by its id.
    """

    plan: Plan
    lots: _Lots
    name: str
    start: int
    arms: Sequence[str]
    cases: Sequence[ReadingCase]
    slices: Mapping[str, str]

    def sittings(self) -> list[list[_Shown]]:
        """What the reader sees in each sitting."""
        if self.plan.at_once:
            sittings = [self._at_once()]
        else:
            blocks = self._blocks()
            separate = self.plan.design.sittings == "separate"
            sittings = blocks if separate else [[shown for block in blocks for shown in block]]
        sittings[0] = _training(self.plan, self.arms, self.lots(f"training {self.name}", 0)) + sittings[0]
        return sittings

    def _blocks(self) -> list[list[_Shown]]:
        """One block for each arm; each has each case once.

        A case stays in the same half of its block, so that at least half a block lies between two of its presentations.
        """
        rows = williams(len(self.arms))
        rng = self.lots(f"cases {self.name}", 0)
        mixed = [self.cases[at] for at in rng.permutation(len(self.cases))]
        row_of = {case.id: rows[(self.start + at) % len(rows)] for at, case in enumerate(mixed)}
        half = len(mixed) // 2
        blocks: list[list[_Shown]] = []
        separate, before = self.plan.design.sittings == "separate", list[ReadingCase]()
        for place in range(len(self.arms)):
            rng = self.lots(self.name, place)
            before = [] if separate else before
            for part in (mixed[:half], mixed[half:]):
                before += self._apart([part[at] for at in rng.permutation(len(part))], before)
            shown = before[-len(mixed) :]
            blocks.append([(case, (self.arms[row_of[case.id][place]],), "reading") for case in shown])
        blocks[-1] = blocks[-1] + self._repeats(blocks[-1 if separate else 0], before)
        return blocks

    def _at_once(self) -> list[_Shown]:
        """All arms at once; a repeat has each of them at another position."""
        rng = self.lots(self.name, 0)
        order = self._apart([self.cases[at] for at in rng.permutation(len(self.cases))], [])
        shown: list[_Shown] = [
            (case, tuple(self.arms[at] for at in row), "reading")
            for case, row in zip(order, positions(len(self.arms), len(order), rng, self.start), strict=True)
        ]
        again = self._repeats(shown, order)
        return shown + [(case, _turned(found, 1), purpose) for case, found, purpose in again]

    def _repeats(self, block: Sequence[_Shown], before: Sequence[ReadingCase]) -> list[_Shown]:
        """Some of what came first in a block, once more, as far from its first time as possible."""
        count = min(self.plan.design.repeats, len(block))
        early = block[: max(count, len(block) // 2)]
        chosen = self.lots(self.name, -1).permutation(len(early))[:count]
        arms = {early[at][0].id: early[at][1] for at in chosen}
        return [(case, arms[case.id], "repeat") for case in self._apart([early[at][0] for at in chosen], before)]

    def _apart(self, order: Sequence[ReadingCase], before: Sequence[ReadingCase]) -> list[ReadingCase]:
        """The cases in their order, but that one waits until as many others came since its slice as half of all slices.

        Of those that need not wait the first one comes whose slice has most cases left; where all have to, the one
        whose slice was shown longest ago.
        """
        left, shown, found = list(order), [self.slices[case.id] for case in before], list[ReadingCase]()
        pause = len(set(self.slices.values())) // 2
        while left:
            last = {slice: at for at, slice in enumerate(shown)}
            counts = Counter(self.slices[case.id] for case in left)

            def rank(
                case: ReadingCase, last: Mapping[str, int] = last, counts: Mapping[str, int] = counts
            ) -> tuple[int, int]:
                slice = self.slices[case.id]
                between = len(shown) - 1 - last[slice] if slice in last else pause
                return min(between, pause), counts[slice]

            found.append(max(left, key=rank))
            left.remove(found[-1])
            shown.append(self.slices[found[-1].id])
        return found


def _turned(arms: tuple[str, ...], by: int) -> tuple[str, ...]:
    """The arms, each so many positions further to the left, and at the end again."""
    return arms[by % len(arms) :] + arms[: by % len(arms)]


def _training(plan: Plan, arms: Sequence[str], rng: np.random.Generator) -> list[_Shown]:
    """Each case for training once; each arm comes first equally often, in an order that is drawn for each reader."""
    training = [case for case in plan.cases if case.training]
    seen = len(arms) if plan.at_once else 1
    first = [place for _ in range(0, len(training), len(arms)) for place in rng.permutation(len(arms)).tolist()]
    return [
        (case, _turned(tuple(arms), place)[:seen], "training")
        for case, place in zip(training, first[: len(training)], strict=True)
    ]


def groups(plan: Plan, secret: str = "") -> list[list[ReadingCase]]:
    """The cases that each group of readers reads; patients stay whole, and lesions are spread evenly. See `draw`."""
    if plan.design.kind == "crossed":
        return [list(plan.read)]
    rng = _lots(plan, secret)("groups", 0)
    patients = list(dict.fromkeys(case.patient for case in plan.read))
    patients = [patients[at] for at in rng.permutation(len(patients))]
    patients.sort(key=lambda patient: any(case.lesion for case in plan.read if case.patient == patient))
    group_of = {patient: at % plan.design.groups for at, patient in enumerate(patients)}
    return [[case for case in plan.read if group_of[case.patient] == group] for group in range(plan.design.groups)]


def _lots(plan: Plan, secret: str) -> _Lots:
    return partial(_generator, f"{plan.title}/{plan.seed}/{secret}")


def _generator(study: str, reader: str, sitting: int) -> np.random.Generator:
    drawn = hashlib.sha256(f"{study}/{reader}/{sitting}".encode()).digest()
    return np.random.default_rng(np.frombuffer(drawn, np.uint32))
