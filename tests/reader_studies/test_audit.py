import sqlite3

import pytest

from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.reader_studies import audit


@pytest.fixture
def database() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    made.execute(audit.TABLE)
    for number in range(4):
        audit.log(made, "R1", "answered", f"case {number}", after=audit.digest(number))
    return made


def test_a_whole_log_is_counted(database: sqlite3.Connection) -> None:
    assert audit.verify(database) == 4


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("UPDATE audit SET who = 'R2' WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 0", 0),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("UPDATE audit SET hash = '0' WHERE number = 3", 3),
    ],
)
def test_a_line_that_was_changed_or_left_out_is_named(database: sqlite3.Connection, statement: str, line: int) -> None:
    database.execute(statement)
    with pytest.raises(FileFormatError, match=f"line {line} was changed"):
        audit.verify(database)


def test_a_hash_depends_on_the_salt() -> None:
    assert audit.digest({"a": 1}, "x") == audit.digest({"a": 1}, "x")
    assert len({audit.digest({"a": 1}, "x"), audit.digest({"a": 1}, "y"), audit.digest({"a": 2}, "x")}) == 3
