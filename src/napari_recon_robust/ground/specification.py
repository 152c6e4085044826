"""Base class of what a user specifies: frozen values, which recipes hold as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Never, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import InputError


class Misfit(InputError):
    """A value that does not fit. place: the keys and numbers that lead to it from the whole."""

    def __init__(self, sentence: str, place: Sequence[str | int] = ()) -> None:
        super().__init__(sentence)
        self.place = tuple(place)


class Specification(BaseModel):
    """A frozen pydantic model; making one raises InputError, with one sentence, for values that do not fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, *given: Never, **values: Any) -> None:
        if given:
            names = ", ".join(f"{name}=..." for name in type(self).model_fields)
            raise InputError(f"{type(self).__name__} takes its values by their names alone: {names}.")
        with _in_one_sentence(type(self).__name__):
            super().__init__(**values)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """One from JSON values; InputError as above."""
        with _in_one_sentence(cls.__name__):
            return super().model_validate(obj, **options)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """One from JSON; InputError as above."""
        with _in_one_sentence(cls.__name__):
            return super().model_validate_json(json_data, **options)


@contextmanager
def _in_one_sentence(name: str) -> Iterator[None]:
    """Turn a ValidationError into `Misfit`. name: what the sentence is about if no single field is wrong."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, InputError):
            raise Misfit(str(cause), (*first["loc"], *getattr(cause, "place", ()))) from None
        raise Misfit(_sentence(str(first["loc"][0]) if first["loc"] else name, first), first["loc"]) from None


def _sentence(name: str, error: Mapping[str, Any]) -> str:
    if error["type"] == "missing":
        return f"{name} is missing; give it a value."
    if error["type"] == "extra_forbidden":
        return f"{name} is no setting that is known here; leave it out or mend its spelling."
    if error["type"] == "json_invalid":
        return f"{name} is no JSON ({error['ctx']['error']}); write it again."
    return f"{name} is {_shown(error['input'])}; {error['msg'].lower().replace('input should be', 'it should be')}."


def _shown(value: Any) -> str:
    """The value as it was given; Python writes no number of more than 4,300 digits."""
    try:
        return repr(value)
    except ValueError:
        return "a number of thousands of digits"
