"""Verdicts in a file, a line of JSON for each, written as they come."""

import json
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def add(file: Path, verdict: Any) -> None:
    with file.open("a") as lines:
        lines.write(json.dumps(vars(verdict)) + "\n")


def read(file: Path, kind: type[T]) -> list[T]:
    """What is there; a line that was not written to its end is left out."""
    if not file.exists():
        return []
    with file.open() as lines:
        return [kind(**json.loads(line)) for line in lines if line.endswith("\n")]
