"""The log of who did what: each line holds the hash of the one before, so that none can be changed or left out.

Values stand in it as hashes with a salt that lies beside the value itself. So when a reader's data are deleted, the log
stays whole and tells nothing of them.
"""

import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

from ..ground.errors import FileFormatError

TABLE = """
CREATE TABLE IF NOT EXISTS audit (
    number INTEGER PRIMARY KEY, utc TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL)
"""
_COLUMNS = ("number", "utc", "who", "what", "subject", "before", "after", "previous")
_FIRST = "0" * 64


def now() -> str:
    """The time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def digest(value: Any, salt: str = "") -> str:
    """SHA-256 of a value as canonical JSON, with its salt."""
    text = json.dumps([salt, value], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def log(
    database: sqlite3.Connection, who: str, what: str, subject: str = "", before: str = "", after: str = ""
) -> None:
    """Add a line, within the transaction that is open."""
    last = database.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    number, previous = (0, _FIRST) if last is None else (last[0] + 1, last[1])
    line = (number, now(), who, what, subject, before, after, previous)
    database.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*line, _hash(line)))


def verify(database: sqlite3.Connection) -> int:
    """Return how many lines the log has; FileFormatError names the first that was changed or left out."""
    previous, count = _FIRST, 0
    for number, *rest, found in database.execute(f"SELECT {', '.join(_COLUMNS)}, hash FROM audit ORDER BY number"):
        line = (number, *rest)
        if number != count or rest[-1] != previous or _hash(line) != found:
            raise FileFormatError(
                f"the log is not whole: line {count} was changed, or one before it was left out; go back to a copy."
            )
        previous, count = found, count + 1
    return count


def _hash(line: tuple[Any, ...]) -> str:
    return digest(dict(zip(_COLUMNS, line, strict=True)))
