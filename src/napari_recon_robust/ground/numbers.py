"""Numbers as people read them."""

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any

_NAMED = 3  # scans that are named


def written(value: float, form: str = ".3g") -> str:
    """The number in a format of Python's, with a true minus; a dash for one that is not finite.

    A zero has no sign: what is rounded to it may have come from either side. A power of ten has no more signs than it
    needs, as in 2.25e−5.
    """
    if not isfinite(value):
        return "—"
    digits, e, power = f"{value:{form}}".partition("e")
    text = f"{digits}e{int(power)}" if e else digits
    return text.replace("-", "−") if any(digit in text for digit in "123456789") else text.lstrip("+-")


def factor(value: float) -> str:
    """A factor in at most six signs: whole from 1000 to a million, with a power of ten beyond and below 0.01."""
    if not isfinite(value):
        return "—"
    if 999.5 <= value < 999_500:
        return f"{float(f'{value:.3g}'):.0f}"
    if value == 0 or 0.01 <= value < 999.5:
        return written(value)
    return written(value, ".1e")


def times(value: float) -> str:
    """A factor before what it is of, such as "2 times " before "the noise"; nothing where it is 1 as it is written."""
    text = factor(value)
    return "" if text == "1" else f"{text} times "


def duration(seconds: float) -> str:
    """A time in words, such as "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours / 24:.1f} days"
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def counted(count: int, name: str) -> str:
    """A count with its noun, such as "1 scan" and "2,000 scans"."""
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def scans_in_words(names: Collection[str]) -> str:
    """The names of scans as a part of a sentence; their number where they are more than three."""
    if len(names) > _NAMED:
        return counted(len(names), "scan")
    *others, last = sorted(names)
    return f"{', '.join(others)} and {last}" if others else last


def finite(value: Any) -> Any:
    """A JSON value with null in place of every number that is not finite, which JSON has no numbers for; no tuples."""
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value
