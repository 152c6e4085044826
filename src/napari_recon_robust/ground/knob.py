"""A knob: one hyperparameter of a reconstructor or a perturbation, described once.

Sliders, command line options and study axes are all made from this specification.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from .errors import FileFormatError, InputError, either

Value = float | int | str | bool


class Knob(BaseModel):
    """Specification of one hyperparameter.

    kind: "float", "int", "choice" (then `choices` lists the values) or "bool". scale: a float on the "log" scale needs
    a positive minimum. live: whether the image follows this knob while it is being turned. only_when: pairs of another
    knob and some of its values; this knob matters if one of those knobs has one of those values, or if there are no
    pairs. least: the word that is shown for the minimum, where that is no number ("search"). more: what more of it
    makes the image, in a word ("smoother").
    """

    model_config = ConfigDict(frozen=True)

    name: str
    label: str
    help: str
    default: Value
    kind: Literal["float", "int", "choice", "bool"] = "float"
    minimum: float = 0.0
    maximum: float = 1.0
    scale: Literal["linear", "log"] = "linear"
    choices: tuple[str, ...] = ()
    unit: str = ""
    live: bool = False
    only_when: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    least: str = ""
    more: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind in ("float", "int"):
            if not self.minimum < self.maximum:
                raise ValueError(f"knob {self.name}: minimum must lie below maximum")
            if self.scale == "log" and self.minimum <= 0:
                raise ValueError(f"knob {self.name}: a logarithmic scale needs a positive minimum")
        if self.kind == "choice" and self.default not in self.choices:
            raise ValueError(f"knob {self.name}: the default is not one of the choices")
        if self.live and self.kind != "float":
            raise ValueError(f"knob {self.name}: only a number of kind float can be live")
        return self

    def parse(self, value: Any) -> Value:
        """The value in the knob's own type (text is accepted); InputError if it does not fit."""
        if self.kind == "choice":
            if value not in self.choices:
                raise InputError(f"{self.name} is {value!r}; choose one of {', '.join(self.choices)}.")
            return str(value)
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            if str(value).lower() in ("true", "yes", "1", "on"):
                return True
            if str(value).lower() in ("false", "no", "0", "off"):
                return False
            raise InputError(f"{self.name} is {value!r}; give true or false.")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise InputError(f"{self.name} is {value!r}; give a number from {self.range}.") from None
        if not math.isfinite(number) or not self.minimum <= number <= self.maximum:
            raise InputError(f"{self.name} is {_digits(number)}; give a value from {self.range}.")
        if self.kind == "int":
            if number != round(number):
                raise InputError(f"{self.name} is {number:g}; give a whole number from {self.range}.")
            return round(number)
        return number

    @property
    def range(self) -> str:
        """The range in words, with its unit."""
        return f"{_digits(self.minimum)} to {_digits(self.maximum)} {self.unit}".strip()

    def matters(self, values: Mapping[str, Any]) -> bool:
        """Whether anything follows this knob while the knobs have these values; an unknown value may be any."""
        return not self.only_when or any(
            name not in values or values[name] in allowed for name, allowed in self.only_when
        )

    @property
    def condition(self) -> str:
        """When the knob matters, in a sentence; empty for one that always does."""
        cases = [f"{name} is {either([*map(value_words, allowed)])}" for name, allowed in self.only_when]
        return f"Matters only where {', or '.join(cases)}." if cases else ""

    def nearest(self, value: float) -> float:
        """The nearest value within the range."""
        return min(max(value, self.minimum), self.maximum)

    def to_unit(self, value: float) -> float:
        """Where a value lies on the knob's scale: 0 at the minimum, 1 at the maximum."""
        low, high = self._transformed(self.minimum), self._transformed(self.maximum)
        return (self._transformed(value) - low) / (high - low)

    def from_unit(self, position: float) -> float:
        """The value at a position in [0, 1] of the knob's scale."""
        low, high = self._transformed(self.minimum), self._transformed(self.maximum)
        position = min(max(position, 0.0), 1.0)
        value = low + position * (high - low)
        value = math.exp(value) if self.scale == "log" else value
        return self.nearest(value)

    def _transformed(self, value: float) -> float:
        return math.log(value) if self.scale == "log" else float(value)


def _digits(number: float) -> str:
    """A number as text: a whole one in full, as far as a float counts exactly, of others six digits."""
    return f"{number:.0f}" if number.is_integer() and abs(number) < 2**53 else f"{number:g}"


def value_words(value: object) -> str:
    """A value as text; of a float at most six digits."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def live_axes(knobs: Iterable[Knob]) -> tuple[Knob, ...]:
    """The knobs that the image follows while they are turned: the first two live ones, if there are any."""
    return tuple(knob for knob in knobs if knob.live)[:2]


def resolve(knobs: Iterable[Knob], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all knobs: given ones are checked, missing ones are defaults. InputError for unknown names."""
    by_name = {knob.name: knob for knob in knobs}
    unknown = sorted(set(values) - set(by_name))
    if unknown:
        known = ", ".join(by_name) or "none"
        raise InputError(f"there is no knob {unknown[0]!r} here; the knobs are: {known}.")
    return {name: knob.parse(values[name]) if name in values else knob.default for name, knob in by_name.items()}


def stored(text: str | None) -> dict[str, Any]:
    """The knobs that a table holds as an object of JSON; none for an empty text. Raises FileFormatError."""
    try:
        found = json.loads(text or "{}")
    except (TypeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise FileFormatError(f"knobs in the table are {str(text)[:60]!r}, and a study writes them as JSON; mend it.")
    return found
