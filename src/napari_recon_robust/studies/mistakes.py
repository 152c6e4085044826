"""Mistakes in the plan of a study: each with its line, in a sentence, and all of them at once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ground.documents import place_in, yaml_nodes
from ..ground.errors import InputError, ReconRobustError, one_line
from ..ground.guard import shown

_TYPES = {  # what pydantic asks for, in our words
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "settings, each as `name: value`"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "tuple_type": "a list",
    "string_type": "a text",
}


class Misplaced(ValueError):
    """A mistake further inside a part of a plan. path: the keys that lead there from that part."""

    def __init__(self, path: Sequence[str | int], sentence: str) -> None:
        super().__init__(sentence)
        self.path = tuple(path)


@dataclass(frozen=True)
class Mistake:
    """One mistake. line: counted from 1; 0 where it has none. where: its place in the plan, such as `methods, 2`."""

    line: int
    where: str
    sentence: str

    def __str__(self) -> str:
        place = ", ".join(filter(None, (f"line {self.line}" if self.line else "", self.where)))
        return f"{place}: {self.sentence}" if place else self.sentence


class PlanError(InputError):
    """A plan that cannot be run; `mistakes` has all that was found."""

    def __init__(self, name: str, mistakes: Sequence[Mistake]) -> None:
        more = f" (and {len(mistakes) - 1} more; recon-robust study check lists them)" if len(mistakes) > 1 else ""
        super().__init__(f"{name}, {mistakes[0]}{more}")
        self.name, self.mistakes = name, tuple(mistakes)

    def __reduce__(self) -> tuple[Any, ...]:
        """It goes from worker to client."""
        return type(self), (self.name, self.mistakes)


class Unfit(InputError):
    """What a plan names does not fit: its files. keys: of the part of the plan that names it."""

    def __init__(self, keys: Sequence[str | int], sentence: str) -> None:
        super().__init__(sentence)
        self.keys = tuple(keys)

    def located(self, plan: Path) -> PlanError:
        """The same as a mistake of a plan's file, with its line."""
        return plan_error(plan, [{"loc": self.keys, "ctx": {"error": self}}])


@contextmanager
def named_by(*keys: str | int) -> Iterator[None]:
    """What is wrong with a file is told with the line of the plan that names it. keys: as of `Unfit`."""
    try:
        yield
    except ReconRobustError as error:
        raise Unfit(keys, str(error)) from None


def plan_error(plan: Path, errors: Sequence[Mapping[str, Any]]) -> PlanError:
    """The mistakes of a plan's file, with their lines. errors: as pydantic tells them."""
    root = yaml_nodes(plan)
    return PlanError(shown(plan), _innermost([_mistake(one, root) for one in errors]))


def _innermost(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """The first mistake of each place, by lines, without those of what holds a place with one.

    What may be of several kinds has a mistake for each, and a list whose entries have mistakes counts as too short.
    """
    first = dict[str, Mistake]()
    for one in mistakes:
        first.setdefault(one.where, one)
    kept = (one for one in first.values() if not any(where.startswith(f"{one.where}, ") for where in first))
    return sorted(kept, key=lambda one: one.line)


def _mistake(error: Mapping[str, Any], root: Any) -> Mistake:
    cause = error.get("ctx", {}).get("error")
    inner = cause.path if isinstance(cause, Misplaced) else ()
    line, keys = place_in(root, (*error["loc"], *inner))
    where = ", ".join(str(key + 1) if isinstance(key, int) else key for key in keys)
    return Mistake(line, one_line(where), one_line(_sentence(error)))


def _sentence(error: Mapping[str, Any]) -> str:
    cause = error.get("ctx", {}).get("error")
    if cause is not None:
        return str(cause)
    if error["type"] == "missing":
        return f"{error['loc'][-1]} is missing; give it a value."
    if error["type"] == "extra_forbidden":
        return f"{error['loc'][-1]} is no setting that is known here; mend its spelling."
    if error["type"] == "union_tag_not_found":
        return "the kind is missing; give it as `kind`."
    if error["type"] == "union_tag_invalid":
        return f"there is no kind {error['ctx']['tag']!r}; choose one of {error['ctx']['expected_tags']}."
    if error["type"] in _TYPES:
        return f"{error['input']!r} does not fit: it should be {_TYPES[error['type']]}."
    wrong = error["msg"][0].lower() + error["msg"][1:].replace("Input should be", "it should be")
    return f"{error['input']!r} does not fit: {wrong.replace('input should be', 'it should be')}."
