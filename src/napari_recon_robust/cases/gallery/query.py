"""Which cases of a folder are shown, and in which order.

A filter is a line of conditions that all have to hold, such as `method:tv tag:lesion ssim<0.8 -verdict:acceptable`:

    word            anywhere in the names, the sentence, the tags or the note
    field:value     method, perturbation, verdict, tag: the whole of it, * stands for anything, none for nothing;
                    case, label, note: a part of it
    metric<value    also <=, > and >=; the metrics are those of `entry.METRICS`; 5% is 0.05, and 0,8 is 0.8
    -condition      the opposite
    "two words"     quotes keep words together

Capital letters make no difference.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite
from operator import ge, gt, le, lt
from typing import Any

from ...ground.errors import InputError
from .entry import METRICS, GalleryEntry
from .verdicts import SCALE

Condition = Callable[[GalleryEntry], bool]

DEFAULT_ORDER = "change"
_DIGITS = 100  # of a number in a name; longer ones are text, which Python does not take for numbers either
# Fields of which a value names the whole, and those of which it names a part.
_WHOLE: dict[str, Callable[[GalleryEntry], Sequence[str]]] = {
    "method": lambda entry: [entry.method],
    "perturbation": lambda entry: [entry.perturbation],
    "verdict": lambda entry: [entry.judgement.verdict],
    "tag": lambda entry: entry.judgement.tags,
}
_PART: dict[str, Callable[[GalleryEntry], str]] = {
    "case": lambda entry: entry.name,
    "label": lambda entry: entry.label,
    "note": lambda entry: entry.judgement.note,
}
_COMPARED = {"<": lt, "<=": le, ">": gt, ">=": ge}
_TERM = re.compile(r'(-?)(?:([\w-]+)(:|<=|>=|<|>))?("[^"]*"?|\S*)')
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2},\d{3}%?")  # or three digits behind a decimal comma
_NAMES = "|".join((*METRICS, *_WHOLE, *_PART))
_HALF = re.compile(rf"(?:{_NAMES})?[<>=:]", re.IGNORECASE)  # a word that is meant as a condition


@dataclass(frozen=True)
class Filter:
    """Conditions that all have to hold. text: what they were parsed from."""

    text: str
    conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, text: str, *, typing: bool = False) -> "Filter":
        """The filter of a line. typing: whether a value may be still to come; until then it is no condition.

        Raises InputError for a field or a metric that there is not, for a number that is none or could be two, for half
        a condition, and for quotes that are not closed.
        """
        found = []
        for sign, field, operator, value in _TERM.findall(text):
            condition = _condition(field.casefold(), operator, value.strip('"'))
            term = f"{sign}{field}{operator}{value}"
            if (term and not value and not typing) or (not field and _HALF.match(value)):
                raise InputError(
                    f"the filter has {term!r}, which is half a condition; write field, sign and value without spaces, "
                    "such as change>5% or method:tv."
                )
            if value.startswith('"') and value.count('"') == 1 and not typing:
                raise InputError(
                    f"the filter has {term}, where a quote is not closed; write one behind the words, too."
                )
            if value:
                found.append(_opposite(condition) if sign else condition)
        return cls(text, tuple(found))

    def __call__(self, entry: GalleryEntry) -> bool:
        """Whether they do."""
        return all(condition(entry) for condition in self.conditions)


@dataclass(frozen=True)
class Order:
    """How cases are sorted. key: of an entry, None for one that has no such value and comes last."""

    label: str
    key: Callable[[GalleryEntry], Any]
    highest_first: bool = False


def _text_or_none(text: str) -> "list[tuple[int, int | str]] | None":
    """A key by which "case 10" comes after "case 9"; None for an empty text."""
    parts = [part for part in re.split(r"(\d+)", text.casefold()) if part]
    return [(0, int(part)) if part.isdecimal() and len(part) < _DIGITS else (1, part) for part in parts] or None


def _by_metric(name: str) -> Order:
    metric = METRICS[name]
    return Order(metric.label, lambda entry: entry.metrics.get(name), metric.highest_first)


# A metric sorts the worst first.
ORDERS: dict[str, Order] = {
    **{name: _by_metric(name) for name in METRICS},
    "case": Order("Name", lambda entry: _text_or_none(entry.name)),
    "method": Order("Method", lambda entry: entry.method or None),
    "perturbation": Order("Perturbation", lambda entry: entry.perturbation or None),
    "label": Order("Label", lambda entry: _text_or_none(entry.label)),
    "verdict": Order(
        "Verdict", lambda entry: SCALE.index(entry.judgement.verdict) if entry.judgement.verdict else None
    ),
    "tag": Order("Tag", lambda entry: sorted(map(str.casefold, entry.judgement.tags)) or None),
}


def order(name: str) -> Order:
    """One of ORDERS; InputError for another name."""
    if name not in ORDERS:
        raise InputError(f"cases cannot be sorted by {name!r}; there are {', '.join(ORDERS)}.")
    return ORDERS[name]


def arranged(
    entries: Iterable[GalleryEntry], filter: Filter, order: Order, *, reverse: bool = False
) -> list[GalleryEntry]:
    """Those that pass the filter, in an order or the other way round; those without such a value come last, damaged
    ones behind them. Equal ones are in the order of their names.
    """
    shown = sorted(filter_by(entries, filter), key=lambda entry: _text_or_none(entry.name) or [])
    known = [entry for entry in shown if not entry.damage and order.key(entry) is not None]
    known.sort(key=order.key, reverse=order.highest_first != reverse)
    rest = [entry for entry in shown if entry.damage or order.key(entry) is None]
    return known + sorted(rest, key=lambda entry: bool(entry.damage))


def filter_by(entries: Iterable[GalleryEntry], filter: Filter) -> list[GalleryEntry]:
    """Those that pass the filter."""
    return [entry for entry in entries if filter(entry)]


def _condition(field: str, operator: str, value: str) -> Condition:
    if not field:
        return _holds(value.casefold())
    if operator == ":" and field in _WHOLE:
        return _names(_WHOLE[field], value.casefold())
    if operator == ":" and field in _PART:
        return _contains(_PART[field], value.casefold())
    if operator != ":" and field in METRICS:
        return _is_beyond(field, operator, _number(field, value or "0"))
    fields, metrics = ", ".join(f"{name}:" for name in (*_WHOLE, *_PART)), ", ".join(METRICS)
    raise InputError(f"the filter cannot have {field}{operator}; there are {fields} and, with < or >, {metrics}.")


def _holds(word: str) -> Condition:
    def holds(entry: GalleryEntry) -> bool:
        said = entry.judgement
        texts = (entry.name, entry.title, entry.label, entry.sentence, said.verdict, *said.tags, said.note)
        return any(word in text.casefold() for text in texts)

    return holds


def _names(values: Callable[[GalleryEntry], Sequence[str]], pattern: str) -> Condition:
    return lambda entry: any(fnmatchcase(value.casefold() or "none", pattern) for value in (values(entry) or [""]))


def _contains(text: Callable[[GalleryEntry], str], part: str) -> Condition:
    return lambda entry: part in (text(entry).casefold() or "none")


def _is_beyond(metric: str, operator: str, limit: float) -> Condition:
    compared = _COMPARED[operator]
    return lambda entry: metric in entry.metrics and compared(entry.metrics[metric], limit)


def _opposite(condition: Condition) -> Condition:
    return lambda entry: not condition(entry)


def _number(metric: str, text: str) -> float:
    if _THOUSANDS.fullmatch(text):
        point, none = text.replace(",", "."), text.replace(",", "")
        raise InputError(
            f"the filter compares {metric} with {text}, which can mean {point} or {none}; write one of these."
        )
    with suppress(ValueError):
        value = float(text.removesuffix("%").replace(",", ".")) / (100 if text.endswith("%") else 1)
        if isfinite(value):
            return value
    raise InputError(f"the filter compares {metric} with {text!r}; give a number, for instance 0.8 or 5%.")
