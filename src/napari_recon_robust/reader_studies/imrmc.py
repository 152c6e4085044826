"""The text format of iMRMC: ratings of several readers, the truth of each case, and how many of each there are.

A line is `reader,case,modality,score`; the truth stands as reader -1. iMRMC and RJafroc want the counts NR, N0 (cases
without a lesion), N1 and NM before the line BEGIN DATA:.
"""

from pathlib import Path

import numpy as np

from ..ground.errors import FileFormatError, InputError
from ..ground.guard import read
from .ratings import Ratings

TRUTH = ("-1", "truth")  # readers who stand for the truth; the first is what is written
_BEGIN = "BEGIN DATA:"


def to_imrmc(ratings: Ratings) -> str:
    """The ratings as text, without those that are missing. Raises InputError for a name with a comma."""
    names = (*ratings.arms, *ratings.readers, *ratings.cases)
    if any("," in name or "\n" in name for name in names):
        raise InputError("iMRMC parts its columns by commas; take them out of the names of readers, arms and cases.")
    count = int(ratings.truth.sum())
    lines = [f"NR: {len(ratings.readers)}", f"N0: {ratings.truth.size - count}", f"N1: {count}"]
    lines += [f"NM: {len(ratings.arms)}", "", _BEGIN]
    lines += [f"{TRUTH[0]},{case},truth,{int(truth)}" for case, truth in zip(ratings.cases, ratings.truth, strict=True)]
    for (arm, reader, case), value in np.ndenumerate(ratings.values):
        if np.isfinite(value):
            lines.append(f"{ratings.readers[reader]},{ratings.cases[case]},{ratings.arms[arm]},{value:.17g}")
    return "\n".join([*lines, ""])


def read_imrmc(path: str | Path) -> Ratings:
    """Open such a file; each case is a patient of its own.

    Raises FileFormatError for a file that cannot be read, or in which a truth is missing or a rating is there twice.
    """
    path = Path(path)
    content = read(path)
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
        begin = next(number for number, line in enumerate(lines) if line.upper().startswith(_BEGIN))
        cells = [[cell.strip() for cell in line.split(",")] for line in lines[begin + 1 :] if line]
        truths = [(case, float(score)) for reader, case, _, score in cells if reader in TRUTH]
        rated = [line for line in cells if line[0] not in TRUTH]
        scores = [(reader, case, arm, float(score)) for reader, case, arm, score in rated]
    except (ValueError, StopIteration):
        raise FileFormatError(f"{path.name} is no file of iMRMC: reader,case,modality,score after {_BEGIN}") from None
    return assembled(path.name, truths, scores)


def assembled(name: str, told: list[tuple[str, float]], scores: list[tuple[str, str, str, float]]) -> Ratings:
    """Ratings from (case, truth) and (reader, case, arm, score); FileFormatError for what does not fit."""
    truths = dict(told)
    if torn := [case for case, truth in told if truth != truths[case]]:
        raise FileFormatError(f"{name} says both truths, 0 and 1, of case {torn[0]}; mend it.")
    if set(truths.values()) != {0.0, 1.0}:
        raise FileFormatError(f"{name} needs cases with the truth 0 and cases with the truth 1.")
    if missing := [case for _, case, _, _ in scores if case not in truths]:
        raise FileFormatError(f"{name} does not say the truth of case {missing[0]}.")
    if not scores or not np.isfinite([score for *_, score in scores]).all():
        raise FileFormatError(f"{name} has a rating that is no finite number, or none at all.")
    cases = tuple(truths)
    readers = tuple(dict.fromkeys(reader for reader, *_ in scores))
    arms = tuple(dict.fromkeys(arm for _, _, arm, _ in scores))
    values = np.full((len(arms), len(readers), len(cases)), np.nan)
    place = {case: number for number, case in enumerate(cases)}
    for reader, case, arm, score in scores:
        at = arms.index(arm), readers.index(reader), place[case]
        if np.isfinite(values[at]):
            raise FileFormatError(f"{name} has two ratings by {reader} of case {case} in {arm}; leave one.")
        values[at] = score
    return Ratings(arms, readers, cases, cases, np.array([truths[case] == 1 for case in cases]), values)
