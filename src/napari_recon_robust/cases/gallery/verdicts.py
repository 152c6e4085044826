"""What a reader says of a saved case: a verdict, tags and a note, in a file beside the sealed ones.

    verdict.jsonl    a JSON object in each line: what was changed; of each field the last change counts

Each change is added in one write and brought to the disk before anything else happens. So what two processes say of one
case is all there, and a line that a crash has cut short is left out. Opening and replaying a case do not read it.
"""

import errno
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...ground.arguments import as_texts
from ...ground.errors import InputError, either
from ...ground.guard import read, to_path
from ..record import DESCRIPTION

FILE = "verdict.jsonl"
# From the worst to the best. Words are stored and not numbers: a number does not say which end is the good one.
SCALE = ("failure", "probably-failure", "unsure", "probably-acceptable", "acceptable")
LONGEST_TAG, LONGEST_NOTE = 60, 10_000  # characters


@dataclass(frozen=True)
class Judgement:
    """verdict: one of SCALE, or "" before there is one. tags: in the order in which they were given."""

    verdict: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def words(self) -> str:
        """The verdict as one reads it, "no verdict" before there is one."""
        return self.verdict.replace("-", " ") or "no verdict"

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, which `recalled` takes."""
        return {**asdict(self), "tags": list(self.tags)}

    @classmethod
    def recalled(cls, values: Mapping[str, Any]) -> "Judgement":
        """The judgement with these fields."""
        return cls(**{**values, "tags": tuple(values["tags"])})


def read_judgement(case: str | Path) -> Judgement:
    """What has been said of the case in a folder; InputError if the file is there and cannot be read."""
    path = Path(case) / FILE
    if not path.exists():
        return Judgement()
    content = read(path, error=InputError)
    found = Judgement()
    for line in content.splitlines():
        try:
            change = json.loads(line)
        except (ValueError, RecursionError):
            continue  # an empty line, one that was cut short, or none of ours
        if isinstance(change, dict):
            found = replace(found, **_known(change))
    return found


def judge_case(
    case: str | Path, *, verdict: str | None = None, tags: Iterable[str] | None = None, note: str | None = None
) -> Judgement:
    """Say something of the case in a folder, and return all that is said of it now. None leaves a field as it is.

    verdict: one of `SCALE`, or "" to take it back. It is on the disk when this returns. Raises InputError for another
    verdict, for tags or notes that are too long, and for a folder that is no case or cannot be written.
    """
    case = to_path(case)
    given: dict[str, Any] = {"verdict": verdict, "tags": None if tags is None else _tidy(tags), "note": note}
    change = {name: value for name, value in given.items() if value is not None}
    if verdict not in (None, "", *SCALE):
        raise InputError(f"the verdict is {verdict!r}; give {either(SCALE)}.")
    if note is not None and len(note) > LONGEST_NOTE:
        raise InputError(f"the note has {len(note):,} characters; shorten it to {LONGEST_NOTE:,}.")
    if not (case / DESCRIPTION).is_file():
        raise InputError(f"{case.name} holds no {DESCRIPTION}; choose the folder of a saved case.")
    before = read_judgement(case)
    after = replace(before, **change)
    if after != before:
        _add(case / FILE, {name: value for name, value in change.items() if getattr(before, name) != value})
    return after


def _add(path: Path, change: dict[str, Any]) -> None:
    """Add a line. The line break before it ends a line that was cut short."""
    line = f"\n{json.dumps(change)}\n".encode()
    try:
        number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            if os.write(number, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(number)
        finally:
            os.close(number)
    except OSError as error:
        raise InputError(
            f"what was said of {path.parent.name} cannot be written ({error.strerror}); "
            "copy the case to a folder that you may write to."
        ) from None


def _tidy(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without spaces around them, each once.

    InputError for a single text in place of several, and for a tag that is too long or has a comma in it.
    """
    found = tuple(dict.fromkeys(filter(None, (" ".join(tag.split()) for tag in as_texts(tags, "the tags")))))
    for tag in found:
        if len(tag) > LONGEST_TAG or "," in tag:
            raise InputError(f"the tag {tag[:LONGEST_TAG]!r} is too long or has a comma; give short tags one by one.")
    return found


def _known(change: dict[str, Any]) -> dict[str, Any]:
    """The fields of a line that have the right type."""
    found: dict[str, Any] = {}
    if change.get("verdict") in ("", *SCALE):
        found["verdict"] = change["verdict"]
    tags = change.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        found["tags"] = tuple(tags)
    if isinstance(change.get("note"), str):
        found["note"] = change["note"]
    return found
