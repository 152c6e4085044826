"""The rows of a comparison: a method, and how its knobs are set."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field

from ...ground.arguments import as_text
from ...ground.errors import InputError
from ...ground.guard import is_file
from ...ground.progress import Job, Progress
from ...ground.specification import Specification
from ...own_models.opening import BART, display_name, in_short, split_source, told_apart
from ...reconstructors import registry
from ...reconstructors.auto import auto_knobs, live_knob
from ...reconstructors.base import Method
from ...weights import store
from .grid import UndersampledSlice
from .results import DIGITS

ORACLE_VALUES = 15
_ORACLE_WEIGHTS = (1e-4, 5e-2)  # where the oracle looks for a knob `weight`; for others over their whole range
_SETTING = r"(?:(auto|rule|start|oracle)|(\w+)=([^,]+))"


class MethodEntry(Specification):
    """A method with its knobs.

    choice: "given" are `knobs` over the defaults; "auto" chooses the first live knob by held-out lines; "rule" is
    a classical method's weight by the noise level; "start" is a trained method with its correction at zero; "oracle" is
    the best of 15 values by NMSE against the reference, which no user has.
    """

    name: str
    method: str
    knobs: dict[str, Any] = Field(default_factory=dict)
    choice: Literal["given", "auto", "rule", "start", "oracle"] = "given"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of "tv", "tv, oracle", "tv, weight=5e-3" and the like; what stands before is an id or an own model.

        Raises InputError for what stands behind an id and is none of these.
        """
        method, knobs = as_text(text, "the method").strip(), {}
        choice: Any = "given"
        while match := re.fullmatch(rf"(.+?),\s*{_SETTING}", method):
            method, chosen, name, value = match.groups()
            if chosen and choice != "given":
                raise InputError(f"{text.strip()!r} chooses its knobs twice, by {chosen} and {choice}; leave one out.")
            if chosen:
                choice = chosen
            elif name in knobs:
                raise InputError(f"{text.strip()!r} gives {name} twice; leave one out.")
            else:
                knobs[name] = value.strip()
        id, comma, rest = method.partition(",")
        first, _, more = method.partition(" ")
        if registry.lists(first) and re.fullmatch(_SETTING, more):
            parts = ", ".join(text.replace(",", " ").split())
            raise InputError(f"{text.strip()!r} lacks a comma behind {first}; write {parts!r}.")
        if comma and registry.lists(id.strip()):
            raise InputError(
                f"'{rest.strip()}' behind {id.strip()} sets no knob; give a knob as name=value, or one of "
                f"{', '.join(list(_CHOICES)[1:])}."
            )
        return cls(name=text.strip(), method=method, knobs=knobs, choice=choice)

    def is_of(self, row: Mapping[str, Any]) -> bool:
        """Whether a row as `describe` has it is of this method with these knobs and this choice.

        Rows of earlier versions have own models with their folders.
        """
        asked = self.facts if "place" in row else self.model_dump(mode="json", exclude={"name"})
        return all(row.get(name) == value for name, value in asked.items())

    @property
    def facts(self) -> dict[str, Any]:
        """What tells the method of a row, as JSON: of a file its name, and a digest of its place as it was given.

        Its folders may tell whose it is; what it is tell the digests of its code and weights (`made_with`).
        """
        facts = self.model_dump(mode="json", exclude={"name"})
        source = in_short(self.method)
        if registry.lists(source) or source.startswith(BART) or not is_file(Path(split_source(source)[0])):
            return facts
        place = sha256(os.fsencode(source)).hexdigest()[:DIGITS]
        return {**facts, "method": display_name(source), "place": place}

    def open(self) -> Method:
        """The method at the given knobs; InputError for those that do not fit it."""
        reconstructor = registry.get(self.method)
        if self.choice == "start":
            start = reconstructor.start()
            if start is None:
                raise InputError(f"{reconstructor.label} is not trained, so that it has no start; leave out 'start'.")
            reconstructor = start
        method = reconstructor.at(**self.knobs)
        chosen = reconstructor.axes[:1] if self.choice in ("auto", "rule", "oracle") else ()
        for knob in chosen:
            if knob.name in self.knobs:
                raise InputError(f"{self.name!r} gives {knob.name}, which {self.choice} chooses; leave one out.")
        if not method.is_image:
            raise InputError(f"{self.name} is a map, not an image; compare images.")
        return method

    def choose(self, method: Method, case: UndersampledSlice) -> Job[Method]:
        """The method at the knobs for one case."""
        return method.at(**(yield from _CHOICES[self.choice](method, case)))


def with_short_names(
    entries: Sequence[MethodEntry], earlier: Mapping[str, Mapping[str, Any]]
) -> dict[str, MethodEntry]:
    """The entries by their names, with own models called by their files' names alone, each by one of its own.

    earlier: what is known of the rows of earlier runs, by their names; one of the same method and knobs keeps its name.
    """
    found, taken = (
        dict[str, MethodEntry](),
        {*earlier, *(entry.name for entry in entries if registry.lists(entry.method))},
    )
    for entry in entries:
        name, short = entry.name, entry.name.replace(entry.method, display_name(entry.method))
        if name not in found and entry.method in name and not registry.lists(entry.method):
            same = [one for one, row in earlier.items() if one.startswith((name, short)) and entry.is_of(row)]
            name = same[0] if same else told_apart(short, taken)
            taken.add(name)
        found.setdefault(entry.name, entry.model_copy(update={"name": name}))
    return found


def describe(entry: MethodEntry) -> dict[str, Any]:
    """What a table says of a row besides its figures, as JSON."""
    method = entry.open()
    reconstructor = method.reconstructor
    weights = store.describe(reconstructor.weights) if reconstructor.weights else {}
    return {
        "name": entry.name,
        **entry.facts,
        "label": method.label,
        "caution": reconstructor.caution,
        "made_with": method.fingerprint(),
        "parameters": weights.get("parameters", reconstructor.parameters),
        "megabytes": weights.get("megabytes"),
    }


def _given(method: Method, case: UndersampledSlice) -> Job[dict[str, Any]]:
    yield Progress(0.0)
    return {}


def _auto(method: Method, case: UndersampledSlice) -> Job[dict[str, Any]]:
    return (yield from auto_knobs(method, case.measurement))


def _rule(method: Method, case: UndersampledSlice) -> Job[dict[str, Any]]:
    yield Progress(0.0)
    knobs = method.reconstructor.rule(case.measurement)
    if not knobs:
        raise InputError(f"{method.label} has no rule for its knobs; choose auto, or give the knob.")
    return knobs


def _oracle(method: Method, case: UndersampledSlice) -> Job[dict[str, Any]]:
    knob = live_knob(method)
    ends = (knob.minimum, knob.maximum)
    if knob.name == "weight":
        ends = max(knob.minimum, _ORACLE_WEIGHTS[0]), min(knob.maximum, _ORACLE_WEIGHTS[1])
    first, last = map(knob.to_unit, ends)
    values = [knob.from_unit(first + (last - first) * n / (ORACLE_VALUES - 1)) for n in range(ORACLE_VALUES)]
    errors = []
    with torch.no_grad():
        for image in method.family(case.measurement, [{knob.name: value} for value in values]):
            errors.append(case.score(image)["foreground"].nmse)
            yield Progress(len(errors) / ORACLE_VALUES, f"{knob.label} against the reference")
    return {knob.name: values[errors.index(min(errors))]}


_CHOICES: dict[str, Callable[[Method, UndersampledSlice], Job[dict[str, Any]]]] = {
    "given": _given,
    "auto": _auto,
    "rule": _rule,
    "start": _given,
    "oracle": _oracle,
}
