"""The file in which a reader study keeps what happens: SQLite with a write-ahead log, on the disk before it goes on."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..ground.errors import FileFormatError
from ..ground.writing import PRIVATE, WritingError, said, try_place
from . import audit

SCHEMA = 1
_TABLES = f"""
CREATE TABLE IF NOT EXISTS study (id TEXT NOT NULL, schema INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS invitations (
    token TEXT PRIMARY KEY, reader TEXT NOT NULL, expires TEXT NOT NULL, used TEXT, revoked TEXT);
CREATE TABLE IF NOT EXISTS sessions (
    secret TEXT PRIMARY KEY, reader TEXT NOT NULL, expires TEXT NOT NULL, revoked TEXT);
CREATE TABLE IF NOT EXISTS consents (reader TEXT PRIMARY KEY, utc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS displays (
    reader TEXT NOT NULL, sitting INTEGER NOT NULL, utc TEXT NOT NULL, findings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
    presentation TEXT NOT NULL, question TEXT NOT NULL, revision INTEGER NOT NULL, reader TEXT NOT NULL,
    value TEXT NOT NULL, salt TEXT NOT NULL, utc TEXT NOT NULL, context TEXT NOT NULL,
    PRIMARY KEY (presentation, question, revision));
{audit.TABLE};
"""
_PATIENCE, _PATIENCE_TO_ERASE = 30_000, 200  # milliseconds to wait for another process
_FREE = "end the other program that has opened it"
OF_A_READER = ("answers", "displays", "consents", "sessions", "invitations")


class Store:
    """A file that belongs to one frozen study. study: its id.

    Raises FileFormatError for a file of another study or a damaged one, WritingError where it cannot be written.
    """

    def __init__(self, path: str | Path, study: str) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._erasing = True  # what a process that ended meanwhile has deleted may still be in the log of writes
        if not self.path.exists():
            try_place(self.path)
            with said(self.path), suppress(FileExistsError):  # which another process has begun meanwhile
                self.path.touch(PRIVATE, exist_ok=False)  # the log of writes beside it gets the same mode
        try:
            self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._damaged(error) from error
        try:
            self._set_up(study)
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the file; what was confirmed is in it."""
        self._database.close()

    def all(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that a query finds."""
        with self._lock:
            try:
                return self._database.execute(question, values).fetchall()
            except sqlite3.Error as error:
                raise self._damaged(error) from error

    def first(self, question: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row that a query finds."""
        found = self.all(question, *values)
        return found[0] if found else None

    def erase(self) -> None:
        """Empty the log of writes, which holds the bytes of what was deleted.

        Where another process is reading or writing, this is done after the next transaction instead.
        """
        with self._lock:
            self._erasing = True
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Empty the log of writes, if nobody else needs it now."""
        with suppress(sqlite3.Error):  # such as of a full disk; what was committed is safe all the same
            self._database.execute(f"PRAGMA busy_timeout = {_PATIENCE_TO_ERASE}")
            self._erasing = bool(self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        self._database.execute(f"PRAGMA busy_timeout = {_PATIENCE}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written within it or nothing; it is on the disk afterwards."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
                self._database.execute("COMMIT")
                if self._erasing:
                    self._checkpoint()
            except BaseException as error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    advice = _FREE if _is_busy(error) else "make room"
                    raise WritingError(
                        f"{self.path.name} cannot be written ({error}); {advice}, and send the answer again.",
                        str(error),
                    ) from error
                raise

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """All that is read within it is of one moment, whatever other processes write meanwhile."""
        with self._lock:
            try:
                self._database.execute("BEGIN")
                try:
                    yield self._database
                finally:
                    self._database.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise self._damaged(error) from error

    def _damaged(self, error: sqlite3.Error) -> FileFormatError:
        advice = _FREE if _is_busy(error) else "go back to a copy"
        return FileFormatError(f"{self.path.name} cannot be read as answers of a reader study ({error}); {advice}.")

    def _set_up(self, study: str) -> None:
        try:
            self._database.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute("PRAGMA secure_delete=ON")  # a reader's deleted answers leave no bytes
            self._database.executescript(_TABLES)
        except sqlite3.Error as error:
            raise self._damaged(error) from error
        if self.first("SELECT 1 FROM study") is None:
            with self.transaction() as database:  # within it nobody else begins the file
                if self.first("SELECT 1 FROM study") is None:
                    database.execute("INSERT INTO study VALUES (?, ?)", (study, SCHEMA))
                    audit.log(database, "study", "opened", study)
        self._check_study(study)

    def _check_study(self, study: str) -> None:
        row = self.first("SELECT id, schema FROM study")
        assert row is not None, "it was written on opening"
        if row[1] != SCHEMA:
            raise FileFormatError(f"{self.path.name} has version {row[1]}, and version {SCHEMA} is read here.")
        if row[0] != study:
            raise FileFormatError(
                f"{self.path.name} has the answers to another frozen study; name the file of this one."
            )


def _is_busy(error: sqlite3.Error) -> bool:
    """Whether another process kept the file to itself for too long."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF == sqlite3.SQLITE_BUSY
