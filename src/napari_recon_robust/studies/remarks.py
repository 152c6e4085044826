"""What the trials of a study say beside their numbers: why they failed, and why their images are doubted."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..data.cautions import NAMES as OF_SAMPLES
from ..ground.numbers import counted
from ..reconstructors.agreement import DISAGREEMENT

if TYPE_CHECKING:
    from polars import DataFrame

REMARKS = ("trial", "scan", "method_label", "error", "cautions")
_MOST = 12  # reasons of failures that are told


def failures(errors: Iterable[str]) -> list[str]:
    """Why trials failed, a line for each reason, the most frequent ones first."""
    reasons = Counter(errors)
    lines = [f"{counted(count, 'trial')} failed: {sentence}" for sentence, count in reasons.most_common(_MOST)]
    return lines + ([f"and {len(reasons) - _MOST:,} other reasons."] if len(reasons) > _MOST else [])


def cautions(trials: "DataFrame") -> list[str]:
    """Why images are doubted, each reason once for each scan, or else for each method, in the words of its first trial.

    trials: rows of the table.
    """
    if "cautions" not in trials.columns:  # of a version that did not tell
        return []
    found, counts = dict[tuple[str, str], str](), Counter[tuple[str, str]]()
    for scan, method, text in trials.select("scan", "method_label", "cautions").drop_nulls("cautions").iter_rows():
        for name, words in json.loads(text).items():
            key = scan if name in OF_SAMPLES else method, name
            found.setdefault(key, words)
            counts[key] += 1
    return [
        f"{'' if name == DISAGREEMENT else f'{who}: '}{words} ({counted(counts[who, name], 'trial')})"
        for (who, name), words in found.items()
    ]
