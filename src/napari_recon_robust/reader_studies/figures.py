"""The drawings of the report, as coordinates: forests of intervals, and curves in a square."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .measures.found import Curve, Finding

_LEFT, _RIGHT = 330.0, 630.0  # of a forest's axis
_SIDE, _MARGIN = 300.0, 40.0  # of a chart's square
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart by the colour-blind
_DASHES = ("", "8 4", "2 3", "10 3 2 3", "5 2", "1 2")
_WORDS = 46  # characters that fit beside a forest


def forests(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """A drawing for each title among the findings that have an interval: rows, over what these
    hold, the line without effect, and ticks.
    """
    found = []
    for title in dict.fromkeys(item.drawn for item in findings if item.drawn):
        drawn = [item for item in findings if item.drawn == title and item.estimate.interval is not None]
        if drawn:
            found.append(_forest(title, drawn))
    return found


def _forest(title: str, findings: Sequence[Finding]) -> dict[str, Any]:
    null = findings[0].null
    ends = [end for item in findings for end in item.estimate.interval or ()]
    low, high = min(null, *ends), max(null, *ends)
    room = 0.05 * (high - low or 1.0)
    low, high = low - room, high + room

    def place(value: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (value - low) / (high - low), 1)

    several = len({item.what for item in findings}) > 1
    over = " or ".join(dict.fromkeys(item.over for item in findings))
    rows = [
        {
            "words": _short(f"{item.what}: {item.arm}" if several else item.arm),
            "value": place(item.estimate.value),
            "low": place((item.estimate.interval or (0, 0))[0]),
            "high": place((item.estimate.interval or (0, 0))[1]),
        }
        for item in findings
    ]
    ticks = [{"at": place(value), "text": f"{value:g}"} for value in _ticks(low, high)]
    words = title if several else findings[0].what
    return {"title": words[:1].upper() + words[1:], "over": over, "rows": rows, "zero": place(null), "ticks": ticks}


def chart(curve: Curve) -> dict[str, Any]:
    """The lines of a curve in a square from (0, 0) to (1, 1), each with its colour, dashes and name."""
    lines = []
    for number, (name, points) in enumerate(curve.lines.items()):
        drawn = " ".join(f"{_MARGIN + _SIDE * x:.1f},{_SIDE * (1 - y) + 10:.1f}" for x, y in points)
        style = {"colour": _COLOURS[number % len(_COLOURS)], "dashes": _DASHES[number % len(_DASHES)]}
        lines.append({"name": name, "points": drawn, **style})
    return {"title": curve.title, "across": curve.across, "up": curve.up, "lines": lines}


def _ticks(low: float, high: float) -> list[float]:
    """About four round numbers between the ends."""
    rough = (high - low) / 4
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [round(float(at * step), 12) for at in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _short(words: str) -> str:
    return words if len(words) <= _WORDS else words[: _WORDS - 1] + "…"
