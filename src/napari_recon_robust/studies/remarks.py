"""What is said beside the numbers of a study: why trials failed, why images are doubted, what is odd in scans."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..data.caution_names import OF_SAMPLES
from ..ground.numbers import counted, scans_in_words
from ..reconstructors.doubts import OF_METHOD

if TYPE_CHECKING:
    from polars import DataFrame

REMARKS = ("trial", "scan", "method_label", "error", "cautions", "code")
_MOST = 12  # reasons of failures that are told


def failures(trials: "DataFrame") -> list[str]:
    """Why trials failed, a line for each reason with the scans that it was met in, the most frequent ones first.

    trials: rows of the table.
    """
    counts, scans = Counter[str](), dict[str, set[str]]()
    for scan, error in trials.select("scan", "error").drop_nulls("error").iter_rows():
        counts[error] += 1
        scans.setdefault(error, set()).add(scan)
    lines = [
        f"{counted(count, 'trial')} of {scans_in_words(scans[error])} failed: {error}"
        for error, count in counts.most_common(_MOST)
    ]
    return lines + ([f"and {counted(len(counts) - _MOST, 'other reason')}."] if len(counts) > _MOST else [])


def noted(notes: Mapping[str, int]) -> list[str]:
    """Notes on scans, a line for each with the number of scans that it is of; 0 for one of no scan in particular."""
    return [f"{counted(scans, 'scan')}: {note}" if scans else note for note, scans in notes.items()]


def cautions(trials: "DataFrame") -> list[str]:
    """Why images are doubted, each reason once for each scan, or else for each method, in the words of its first trial.

    Scans of which the same is said share a line. The last line tells of several states of the code. trials: rows of the
    table.
    """
    return [*_of_images(trials), *_of_code(trials)]


def _of_images(trials: "DataFrame") -> list[str]:
    if "cautions" not in trials.columns:  # of a version that did not tell
        return []
    found, counts = dict[tuple[str, str], str](), Counter[tuple[str, str]]()
    for scan, method, text in trials.select("scan", "method_label", "cautions").drop_nulls("cautions").iter_rows():
        for name, words in json.loads(text).items():
            key = scan if name in OF_SAMPLES else method, name
            found.setdefault(key, words)
            counts[key] += 1
    lines = dict[str, list[tuple[str, str]]]()  # a line's beginning and words, and the keys that share it
    for (who, name), words in found.items():
        own = "" if name in OF_METHOD or name in OF_SAMPLES else f"{who}: "
        lines.setdefault(f"{own}{words}", []).append((who, name))
    return [
        f"{_of_scans(keys)}{words} ({counted(sum(counts[key] for key in keys), 'trial')})"
        for words, keys in lines.items()
    ]


def _of_code(trials: "DataFrame") -> list[str]:
    """That the trials were computed by several states of the code, if so; a version that did not tell counts as one."""
    counts = Counter(trials["code"].to_list()) if "code" in trials.columns else {}
    if len(counts) < 2:
        return []
    states = ", ".join(f"{counted(count, 'trial')} by {code or 'an earlier one'}" for code, count in counts.items())
    return [
        f"{len(counts)} states of this package's code have computed the trials ({states}), whose numbers may differ by "
        "what was changed in it; run the study into another folder by --store to have all by one."
    ]


def _of_scans(keys: Iterable[tuple[str, str]]) -> str:
    """The scans of which the same is said, as the beginning of a line; "" where it is said of a method."""
    scans = [scan for scan, name in keys if name in OF_SAMPLES]
    return f"{scans_in_words(scans)}: " if scans else ""
