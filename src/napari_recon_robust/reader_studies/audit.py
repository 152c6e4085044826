"""The log of who did what: each line holds the hash of the one before, so that a changed line or a gap shows.

A tail that was cut, or a log that was written anew from a line on, shows only to those who noted the hash of a later
line (the head) elsewhere. Values stand in the log as hashes with a salt that lies beside the value itself. So when a
reader's data are deleted, the log stays whole and tells nothing of them.
"""

import hashlib
import json
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..ground.errors import FileFormatError, InputError
from ..ground.numbers import counted

TABLE = """
CREATE TABLE IF NOT EXISTS audit (
    number INTEGER PRIMARY KEY, utc TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL)
"""
_COLUMNS = ("number", "utc", "who", "what", "subject", "before", "after", "previous")
_FIRST = "0" * 64
DELETED = "deleted"  # by a reader: all that the same reader did before


@dataclass(frozen=True)
class Head:
    """How many lines a log has, and the hash of the last, which depends on all of them."""

    lines: int
    hash: str

    @property
    def words(self) -> str:
        """Both in words, to be noted elsewhere."""
        return f"{counted(self.lines, 'line')}, SHA-256 of the last: {self.hash}"


def now() -> str:
    """The time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def digest(value: Any, salt: str = "") -> str:
    """SHA-256 of a value as canonical JSON, with its salt."""
    text = json.dumps([salt, value], sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()  # whatever a damaged file holds


def log(
    database: sqlite3.Connection, who: str, what: str, subject: str = "", before: str = "", after: str = ""
) -> None:
    """Add a line, within the transaction that is open."""
    last = head(database)
    line = (last.lines, now(), who, what, subject, before, after, last.hash)
    database.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*line, _hash(line)))


def head(database: sqlite3.Connection) -> Head:
    """Where the log ends, unchecked."""
    last = database.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    return Head(0, _FIRST) if last is None else Head(last[0] + 1, last[1])


def verify(database: sqlite3.Connection) -> Head:
    """Where the log ends; FileFormatError names the first line that was changed or left out before it."""
    previous, count = _FIRST, 0
    for number, *rest, found in database.execute(f"SELECT {', '.join(_COLUMNS)}, hash FROM audit ORDER BY number"):
        line = (number, *rest)
        if number != count or rest[-1] != previous or _hash(line) != found:
            raise FileFormatError(
                f"the log is not whole: line {count} was changed, or one before it was left out; go back to a copy."
            )
        previous, count = found, count + 1
    return Head(count, previous)


def hash_in(noted: str) -> str:
    """The one SHA-256 in what was noted, the hash alone or a line of text with it; InputError for none or several."""
    found = set(re.findall(r"\b[0-9a-f]{64}\b", noted.lower()))
    if len(found) != 1:
        raise InputError(
            f"what was noted has {'no' if not found else len(found)} SHA-256 of 64 hexadecimal digits; give the one of "
            "the log's last line, as it was noted."
        )
    return found.pop()


def standing(database: sqlite3.Connection) -> dict[tuple[str, str, str], str]:
    """What was done and not deleted since: the last `after` by (who, what, subject)."""
    found: dict[tuple[str, str, str], str] = {}
    for who, what, subject, after in database.execute("SELECT who, what, subject, after FROM audit ORDER BY number"):
        if what == DELETED:
            found = {key: kept for key, kept in found.items() if key[0] != who}
        else:
            found[who, what, subject] = after
    return found


def _hash(line: tuple[Any, ...]) -> str:
    return digest(dict(zip(_COLUMNS, line, strict=True)))
