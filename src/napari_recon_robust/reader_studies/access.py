"""Who may read: invitations that let one browser in once, and the sessions that they are exchanged for.

Tokens and secrets have 256 bits, are stored as hashes, and are compared in constant time.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ..ground.errors import InputError, ReconRobustError
from . import audit
from .store import Store

_MOST_DAYS = 3650


class NotAllowedError(ReconRobustError):
    """Somebody asks for what is not theirs, or without an invitation."""


class Access:
    """The invitations and sessions of a study's readers."""

    def __init__(self, store: Store, readers: Sequence[str]) -> None:
        self._store, self._readers = store, readers

    def invite(self, reader: str, days: float = 30) -> str:
        """A token that lets one browser in, once, within so many days; earlier ones of the reader end.

        Raises InputError for a reader who is none of the study's, and for days that are not between 0 and 3650.
        """
        self.check_reader(reader)
        if not 0 < days <= _MOST_DAYS:
            raise InputError(f"an invitation holds for {days:g} days; give a number above 0, and {_MOST_DAYS} at most.")
        token = secrets.token_urlsafe(32)
        with self._store.transaction() as database:
            database.execute(
                "UPDATE invitations SET revoked = ? WHERE reader = ? AND revoked IS NULL", (audit.now(), reader)
            )
            database.execute(
                "INSERT INTO invitations VALUES (?, ?, ?, NULL, NULL)", (_hashed(token), reader, _in(days))
            )
            audit.log(database, "study", "invited", reader)
        return token

    def serve(self, address: str) -> None:
        """Note at which address readers see the page from now on."""
        with self._store.transaction() as database:
            audit.log(database, "study", "served", address)

    def end(self, address: str) -> None:
        """Note that the page is served at this address no more."""
        with self._store.transaction() as database:
            audit.log(database, "study", "ended", address)

    @property
    def address(self) -> str:
        """Where readers see the page, or saw it last; InputError where it was not served yet.

        Of servers at several addresses it is the one that was begun last of those that did not end.
        """
        row = self._store.first(
            "SELECT subject FROM audit AS one WHERE what = 'served' ORDER BY EXISTS (SELECT 1 FROM audit "
            "WHERE what = 'ended' AND subject = one.subject AND number > one.number), number DESC LIMIT 1"
        )
        if row is None:
            raise InputError(
                "the study was not served yet, so that its address is not known; serve it, or give --address."
            )
        return str(row[0])

    def uninvited(self) -> list[str]:
        """Those who were never let in, and have no invitation that holds."""
        rows = self._store.all(
            "SELECT reader FROM invitations WHERE used IS NOT NULL OR (revoked IS NULL AND expires > ?)",
            audit.now(),
        )
        known = {row[0] for row in rows}
        return [reader for reader in self._readers if reader not in known]

    def revoke(self, reader: str) -> None:
        """End a reader's invitations and sessions; the answers stay."""
        self.check_reader(reader)
        with self._store.transaction() as database:
            for table in ("invitations", "sessions"):
                database.execute(
                    f"UPDATE {table} SET revoked = ? WHERE reader = ? AND revoked IS NULL", (audit.now(), reader)
                )
            audit.log(database, "study", "revoked", reader)

    def enter(self, token: str, days: float = 90) -> str:
        """Exchange an invitation for a session's secret, once; NotAllowedError for one that does not hold."""
        with self._store.transaction() as database:
            row = database.execute(
                "SELECT token, reader FROM invitations WHERE token = ? AND used IS NULL AND revoked IS NULL "
                "AND expires > ?",
                (_hashed(token), audit.now()),
            ).fetchone()
            if row is None or not hmac.compare_digest(row[0], _hashed(token)):
                raise NotAllowedError(
                    "this link is not valid: it was used before, has expired or is not complete; ask for a new one."
                )
            secret = secrets.token_urlsafe(32)
            database.execute("UPDATE invitations SET used = ? WHERE token = ?", (audit.now(), row[0]))
            database.execute("INSERT INTO sessions VALUES (?, ?, ?, NULL)", (_hashed(secret), row[1], _in(days)))
            audit.log(database, row[1], "entered")
        return secret

    def reader_of(self, secret: str) -> str:
        """Whose session it is; NotAllowedError for one that does not hold."""
        row = self._store.first(
            "SELECT secret, reader FROM sessions WHERE secret = ? AND revoked IS NULL AND expires > ?",
            _hashed(secret),
            audit.now(),
        )
        if row is None or not hmac.compare_digest(row[0], _hashed(secret)):
            raise NotAllowedError("you are not signed in here; open the link of your invitation, or ask for a new one.")
        return str(row[1])

    def check_reader(self, reader: str) -> None:
        """Raise InputError for a reader whom the study does not have."""
        if reader not in self._readers:
            known = "R1 alone" if len(self._readers) == 1 else f"R1 to R{len(self._readers)}"
            raise InputError(
                f"there is no reader {reader!r}; the study has {known}, fixed by the freeze: invite somebody else as "
                "one that nobody has begun, or freeze the plan once more into another folder, with readers: 1."
            )


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _in(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="milliseconds")
