"""Arguments of the public functions as they come from scripts: of the type that is meant, or one sentence."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from inspect import signature
from operator import index
from typing import Any, TypeVar

from .errors import InputError, nearest, one_line

T = TypeVar("T")
_SHOWN = 60  # characters of what came in place of an object


def as_kind(value: Any, kind: type[T], name: str, advice: str) -> T:
    """The value, of this class; InputError, which says `name` and what to give, for anything else."""
    if isinstance(value, kind):
        return value
    raise InputError(f"{name} is {one_line(repr(value), _SHOWN)}; give {advice}.")


def as_kinds(values: Any, kind: type[T], name: str, advice: str) -> list[T]:
    """The values of a sequence, all of this class; InputError, which says `name`, for anything else."""
    if not isinstance(values, Iterable):
        raise InputError(f"{name} are {one_line(repr(values), _SHOWN)}; give {advice}.")
    return [as_kind(value, kind, f"one of {name}", advice) for value in values]


def as_text(value: Any, name: str) -> str:
    """The text; InputError, which says `name`, for anything else."""
    if isinstance(value, str):
        return value
    raise InputError(f"{name} is {value!r}; give a text.")


def as_whole(value: Any, name: str, least: int | None = None, most: int | None = None) -> int:
    """The whole number; InputError, which says `name`, for anything else and for one below `least` or above `most`.

    True and False are no numbers here, nor are NumPy's and torch's.
    """
    expected = "give a whole number" + ("" if least is None else f" from {least}")
    expected += "" if most is None else f" to {most}"
    try:
        if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
            raise TypeError
        number = index(value)
    except TypeError:
        raise InputError(f"{name} is {value!r}; {expected}.") from None
    if (least is not None and number < least) or (most is not None and number > most):
        raise InputError(f"{name} is {number}; {expected}.")
    return number


def as_number(value: Any, name: str) -> float:
    """The number, or that of a text; InputError, which says `name`, for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} is {value!r}; give a number.") from None


def as_numbers(values: Any, name: str, example: str = "(0.01, 0.02)") -> tuple[float, ...]:
    """The numbers of a sequence; InputError, which says `name` and an `example`, for anything else, a single text too.

    A mapping is refused: its keys would count.
    """
    if not isinstance(values, str | bytes | Mapping):
        with suppress(TypeError, ValueError, OverflowError):
            return tuple(float(value) for value in values)
    raise InputError(f"{name} are {values!r}; give numbers, such as {example}.")


def as_list(values: Any, name: str) -> list[Any]:
    """The list of a sequence; InputError, which says `name`, for anything else, a single text too."""
    if isinstance(values, Iterable) and not isinstance(values, str | bytes):
        return list(values)
    raise InputError(f"{name} are {values!r}; give a list.")


def as_texts(values: Any, name: str) -> list[str]:
    """The texts of a sequence; InputError, which says `name`, for anything else, a single text too."""
    return [as_text(value, f"one of {name}") for value in as_list(values, name)]


def as_options(values: Mapping[str, Any], function: Callable[..., Any]) -> Mapping[str, Any]:
    """Values of a function's keyword-only arguments; InputError for one that the function lacks."""
    known = [name for name, one in signature(function).parameters.items() if one.kind is one.KEYWORD_ONLY]
    for name in values:
        if name not in known:
            near = nearest(name, known)
            raise InputError(
                f"there is no option {name!r} here; choose {f'{near}, or ' if near else ''}one of {', '.join(known)}."
            )
    return values
