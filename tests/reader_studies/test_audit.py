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
    assert audit.verify(database) == audit.head(database)
    assert audit.head(database).lines == 4


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


def test_each_line_changes_the_head(database: sqlite3.Connection) -> None:
    before = audit.head(database)
    audit.log(database, "R1", "answered", "case 4")
    assert audit.head(database).hash != before.hash
    assert audit.verify(database).words.startswith("5 lines, SHA-256 of the last: ")


def test_what_a_reader_deleted_stands_no_more(database: sqlite3.Connection) -> None:
    audit.log(database, "R2", "answered", "case 9", after="of R2")
    audit.log(database, "R1", "deleted")
    audit.log(database, "R1", "answered", "case 0", after="first")
    audit.log(database, "R1", "answered", "case 0", after="second")
    assert audit.standing(database) == {("R2", "answered", "case 9"): "of R2", ("R1", "answered", "case 0"): "second"}


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = x'ff' WHERE number = 2", "DELETE FROM audit"])
def test_a_damaged_log_gets_no_traceback(database: sqlite3.Connection, statement: str) -> None:
    database.execute(statement)
    if "UPDATE" in statement:
        with pytest.raises(FileFormatError, match="line 2 was changed"):
            audit.verify(database)
    else:
        assert audit.verify(database) == audit.head(database) == audit.Head(0, "0" * 64)


def test_a_hash_depends_on_the_salt() -> None:
    assert audit.digest({"a": 1}, "x") == audit.digest({"a": 1}, "x")
    assert len({audit.digest({"a": 1}, "x"), audit.digest({"a": 1}, "y"), audit.digest({"a": 2}, "x")}) == 3
