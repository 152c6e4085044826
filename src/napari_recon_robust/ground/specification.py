"""Base class of what a user specifies: frozen values, which recipes hold as JSON."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import InputError


class Specification(BaseModel):
    """A frozen pydantic model; making one raises InputError, with one sentence, for values that do not fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            cause = first.get("ctx", {}).get("error")
            if isinstance(cause, InputError):
                raise cause from None
            name = first["loc"][0] if first["loc"] else type(self).__name__
            raise InputError(_sentence(str(name), first)) from None


def _sentence(name: str, error: Mapping[str, Any]) -> str:
    if error["type"] == "missing":
        return f"{name} is missing; give it a value."
    if error["type"] == "extra_forbidden":
        return f"{name} is no setting that is known here; leave it out or mend its spelling."
    return f"{name} is {error['input']!r}; {error['msg'].lower().replace('input should be', 'it should be')}."
