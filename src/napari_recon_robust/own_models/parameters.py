"""What the parameters of a Python function take of a slice: by their names if these are known, else by their places."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from torch import nn

from ..ground.errors import ModelError
from .signature import NAMES

BY_PLACE = NAMES[:3]
"""What a function whose parameters have names of its own takes, in this order."""

_PLACED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class AcceptedParameters:
    """names: of `NAMES`, what a function is given; by_name: as arguments with these names, or by their places."""

    names: tuple[str, ...]
    by_name: bool

    def call(self, function: Any, parts: Mapping[str, Any]) -> Any:
        """The function's result. parts: by `names`, in their order."""
        return function(**parts) if self.by_name else function(*parts.values())


def uncompiled(found: Any) -> Any:
    """The network that `torch.compile` was given, which alone tells its class and parameters; anything else itself."""
    return getattr(found, "_orig_mod", found)


def accepted_parameters(function: Any, label: str) -> AcceptedParameters:
    """What a function, or a network's `forward`, takes; ModelError where its parameters do not tell.

    Those with a known name take what it says, and others keep their defaults. Where a parameter without a default has
    another name, the first three take what `BY_PLACE` says, unless their own names or a default speak against it.
    """
    function = uncompiled(function)
    asked = function.forward if isinstance(function, nn.Module) else function
    parameters: Mapping[str, Parameter]
    try:
        parameters = inspect.signature(asked).parameters
    except (TypeError, ValueError):
        if not hasattr(asked, "schema"):  # some functions in C do not tell
            return AcceptedParameters(BY_PLACE, by_name=False)
        parameters = _of_schema(asked.schema)
    known = tuple(name for name, one in parameters.items() if name in NAMES and one.kind in _NAMED)
    needed = [one for one in parameters.values() if one.default is Parameter.empty and one.kind in (*_PLACED, *_NAMED)]
    if known and all(one.name in known for one in needed):
        return AcceptedParameters(known, by_name=True)
    if not _fits_places(list(parameters.values()), needed):
        raise ModelError(
            f"{label} takes {', '.join(parameters) or 'nothing'}; give its parameters the names {', '.join(BY_PLACE)} "
            f"or {NAMES[-1]} by what they take (or names of your own to all three, in this order), others a default."
        )
    return AcceptedParameters(BY_PLACE, by_name=False)


def _of_schema(schema: Any) -> dict[str, Parameter]:
    """The parameters of a function or a method of TorchScript, but for the network that the method is of."""
    return {
        one.name: Parameter(
            one.name,
            Parameter.KEYWORD_ONLY if one.kwarg_only else Parameter.POSITIONAL_OR_KEYWORD,
            default=one.default_value if one.has_default_value() else Parameter.empty,
        )
        for one in schema.arguments
        if one.type.kind() != "ClassType"
    }


def _fits_places(parameters: list[Parameter], needed: list[Parameter]) -> bool:
    """Whether three values can be given by place, and nothing says that they are meant otherwise."""
    placed = [one for one in parameters if one.kind in _PLACED]
    endless = any(one.kind is Parameter.VAR_POSITIONAL for one in parameters)
    if not set(one.name for one in needed) <= set(one.name for one in placed[: len(BY_PLACE)]):
        return False
    meant = all(
        one.name == name or (one.name not in NAMES and one.default is Parameter.empty)
        for one, name in zip(placed, BY_PLACE, strict=False)
    )
    return meant and (endless or len(placed) >= len(BY_PLACE))
