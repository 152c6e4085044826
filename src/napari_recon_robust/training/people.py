"""Whom the images show: no person is in two of training, validation and test.

A person's files (echoes, contrasts, repetitions) are recognised by how their names begin. people.yaml holds packaged
lists of people, which a recipe names: `bank: {people: anatomy}`. Files in no list are told apart by the patient in the
file, or by file names in the style of M4Raw and BIDS; else each file counts as a person of its own.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from importlib import resources
from itertools import chain
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationInfo, field_validator, model_validator

from ..ground.errors import InputError
from ..ground.specification import Specification

Use = Literal["training", "validation", "test"]

# M4Raw: subject, contrast and two digits of the repetition. BIDS: sub-LABEL and further entities or an ending.
_SUBJECT = re.compile(r"(?:(?P<m4raw>.+)_(?:T1|T2|FLAIR|GRE)\d\d\.h5|(?P<bids>sub-[A-Za-z0-9]+)(?:[_.].*)?)")


class Person(Specification):
    """One person's files, and what they are used for.

    files: beginnings of the names of files or folders; if those of several people fit a name, the longest one counts.
    licence: the files' licence and where they come from. id: what banks and weights call the person; the first of the
    files if none is given.
    """

    files: tuple[str, ...] = Field(min_length=1)
    use: Use = "training"
    licence: str = ""
    id: str = Field(default="", validate_default=True)

    @field_validator("id")
    @classmethod
    def _given(cls, value: str, info: ValidationInfo) -> str:
        return value or next(iter(info.data.get("files", ())), "")

    def is_still(self, now: "Person") -> bool:
        """Whether a list that has changed means the same person, for the same use: alike, or by an id of its own."""
        named = now.id not in now.files and (self.id, self.use) == (now.id, now.use)
        return named or self == now


class Split(Specification):
    """Which people are in training, which in validation, and which in neither.

    people: persons, or the name of a packaged list. exclude, validation: beginnings of names of further files or
    folders that are held out (as the people whose use is "test"), or kept for validation. Raises InputError for a
    beginning that is in two of these.
    """

    people: tuple[Person, ...] = ()
    exclude: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()

    @field_validator("people", mode="before")
    @classmethod
    def _packaged(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        lists = _lists()
        if value not in lists:
            raise InputError(f"there is no list of people {value!r}; choose {', '.join(lists)}, or list them.")
        return lists[value]

    @model_validator(mode="after")
    def _each_once(self) -> "Split":
        for place, lists in (
            ("both exclude and validation", [self.exclude, self.validation]),
            ("the files of two people", [person.files for person in self.people]),
            ("the ids of two people", [(person.id,) for person in self.people]),
        ):
            times = Counter(chain(*map(set, lists)))
            twice = [beginning for beginning in times if times[beginning] > 1]
            if twice:
                raise InputError(f"{twice[0]!r} is among {place}; list it once.")
        return self

    def person(self, parts: Sequence[str], patient: str = "") -> Person:
        """The person of a file: by the list of people, else by the file's own entry (`patient`), else by its name.

        parts: the names of its folders and its own name, below the folder of the data.
        """
        fitting = [
            (len(beginning), person)
            for person in self.people
            for beginning in person.files
            if _begins(parts, (beginning,))
        ]
        if fitting:
            return max(fitting, key=lambda pair: pair[0])[1]
        subjects = [subject for subject in map(_SUBJECT.fullmatch, (parts[-1], *parts[:-1])) if subject]
        named = subjects[0]["m4raw"] or subjects[0]["bids"] if subjects else "/".join(parts)
        # A hash, since banks and cards are shown to others.
        return Person(files=(f"patient {sha256(patient.encode()).hexdigest()[:12]}" if patient else named,))

    def unmet(self, files: Sequence[Sequence[str]]) -> list[str]:
        """What `validation` and `exclude` name without a file or folder that begins so; files: as for `person`."""
        return [one for one in (*self.validation, *self.exclude) if not any(_begins(parts, (one,)) for parts in files)]

    def use(self, parts: Sequence[str]) -> Use:
        """The use of a file; InputError if both lists name it."""
        excluded, kept = _begins(parts, self.exclude), _begins(parts, self.validation)
        if excluded and kept:
            raise InputError(f"{parts[-1]} is named both in exclude and in validation; name it in one of them.")
        return "test" if excluded else "validation" if kept else self.person(parts).use


def check_apart(uses: Iterable[tuple[str, str, Use]]) -> None:
    """Raise InputError if one person has files of two uses; each entry is (person, file, use)."""
    first: dict[str, tuple[str, Use]] = {}
    for person, file, use in uses:
        other, before = first.setdefault(person, (file, use))
        if before != use:
            raise InputError(
                f"{other} and {file} are of one person ({person}), and one is for {before}, the other for {use}; "
                "put all files of a person into one of them, or say in the recipe's `people` who is who."
            )


def _begins(parts: Sequence[str], beginnings: tuple[str, ...]) -> bool:
    return any(part.startswith(beginnings) for part in parts)


@cache
def _lists() -> dict[str, list[dict[str, Any]]]:
    lists: dict[str, list[dict[str, Any]]] = yaml.safe_load(
        resources.files(__package__).joinpath("people.yaml").read_text(encoding="utf-8")
    )
    return lists
