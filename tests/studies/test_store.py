import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars
import pytest

from napari_recon_robust.ground import machine, writing
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.studies.inventory import Inventory
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.table import columns

EMPTY = Inventory(scans=())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.prepare(
        tmp_path / "results",
        "small",
        b"study: small\n",
        EMPTY,
        columns(),
        [{"trial": f"{number:03}"} for number in range(9)],
    )


def row(trial: int, **values):
    return {"trial": f"{trial:03}", "scan": "a", "slice": 0, "ssim_region_clean": 0.1 * trial, **values}


def trials(store: Store) -> list[str]:
    return sorted(store.table()["trial"].to_list())


def test_rows_are_there_at_once_and_once(store) -> None:
    attempt = store.attempt({})
    for number in range(3):
        store.add("shard", attempt, row(number))
    assert trials(store) == ["000", "001", "002"]
    store.publish("shard", attempt)
    other = store.attempt({})
    store.add("shard", other, row(1))
    store.add("shard", other, row(3))
    assert trials(store) == ["000", "001", "002", "003"]
    store.compact()
    assert trials(store) == ["000", "001", "002", "003"]
    assert not list((store.folder / "rows").iterdir())
    assert store.finished() == {"000", "001", "002", "003"}
    assert store.table()["ssim_region_clean"].to_list() == [0.0, 0.1, 0.2, pytest.approx(0.3)]


def test_rows_are_not_kept_in_a_folder_that_has_gone(store) -> None:
    """The rest of a study lay in a new one, which no command takes for results."""
    attempt = store.attempt({})
    store.add("shard", attempt, row(1))
    moved = store.folder.rename(store.folder.with_name("moved"))
    with pytest.raises(WritingError, match="results have gone while the study ran; bring them back"):
        store.add("shard", attempt, row(2))
    assert not store.folder.exists()
    moved.rename(store.folder)
    store.add("shard", attempt, row(2))
    assert trials(store) == ["001", "002"]


def test_what_is_kept_of_a_shard_is_known(store) -> None:
    attempt = store.attempt({})
    store.add("shard-000001", attempt, row(1))
    store.publish("shard-000001", attempt)
    store.add("shard-000001", attempt, row(2))
    store.add("shard-0000012", attempt, row(3))
    assert store.kept("shard-000001") == {"001", "002"}
    assert store.kept("other") == set()


@pytest.mark.slow
def test_the_first_valid_row_of_a_trial_counts(store) -> None:
    attempt = store.attempt({})
    for error in ("failed", None, None):
        store.add("shard", attempt, row(1, error=error, seconds=float(error is None)))
        store.publish("shard", attempt)
        store.compact()
    (only,) = store.table().to_dicts()
    assert only["error"] is None
    assert len(list((store.folder / "trials").iterdir())) == 1
    assert store.finished(failed=False) == {"001"}


def merged(store: Store, number: int, **values) -> None:
    """Merge a row, as a run does whose end nobody disturbs."""
    attempt = store.attempt({})
    store.add("shard", attempt, row(number, **values))
    store.compact()


def test_of_several_rows_of_a_trial_the_first_valid_one_stays_or_the_last_failed_one(store) -> None:
    """Whatever the order: a trial that is run again has an error that is told today, and numbers that stay."""
    for second in (1.0, 2.0):
        merged(store, 1, error="it failed first" if second == 1 else "it failed last")
        merged(store, 2, error=None if second == 1 else "it failed later", seconds=second)
        merged(store, 3, error="it failed before" if second == 1 else None, seconds=second)
    every = polars.read_parquet(store.folder / "trials").sort("trial")
    assert every["trial"].to_list() == ["001", "002", "003"]
    assert every["error"].to_list() == ["it failed last", None, None]
    assert every["seconds"].to_list() == [None, 1.0, 2.0]
    assert store.finished(failed=False) == {"002", "003"}
    numbers = [path.name.split("-")[1] for path in (store.folder / "trials").iterdir()]
    assert sorted(numbers) == ["000002", "000004", "000005"], "which came first is told by its number"


def test_a_trial_that_failed_again_has_its_last_error_before_it_is_merged(store) -> None:
    for number in range(4):
        attempt = store.attempt({})
        store.add("shard", attempt, row(1, error=f"error {number}"))
        assert store.remarks()["error"].to_list() == [f"error {number}"], "in its lines"
        store.publish("shard", attempt)
        assert store.remarks()["error"].to_list() == [f"error {number}"], "in its file"
        store.compact()
        assert store.remarks()["error"].to_list() == [f"error {number}"], "in the table"


def test_rows_that_two_merged_at_once_are_one_afterwards(store, tmp_path) -> None:
    """As of a run that slept for ten minutes while it merged, and lost its lease: the first part that has one keeps it,
    a part that is left with nothing goes, and rows of one part only stay in their places.
    """
    other = Store.prepare(tmp_path / "other", "small", b"study: small\n", EMPTY, columns())
    for one, seconds, trials in ((store, 1.0, (1, 2)), (other, 2.0, (2, 3))):
        attempt = one.attempt({})
        for number in trials:
            one.add("shard", attempt, row(number, seconds=seconds))
        one.compact()
    (part,) = (other.folder / "trials").iterdir()
    for number in (2, 3):
        (store.folder / "trials" / f"part-{number:06}-other.parquet").write_bytes(part.read_bytes())
    store.compact()
    every = polars.read_parquet(store.folder / "trials").sort("trial")
    assert every["trial"].to_list() == ["001", "002", "003"]
    assert every["seconds"].to_list() == [1.0, 1.0, 2.0]
    assert len(list((store.folder / "trials").iterdir())) == 2


def test_a_line_that_was_cut_off_is_no_row(store) -> None:
    attempt = store.attempt({})
    store.add("shard", attempt, row(1))
    lines = next((store.folder / "rows").glob("*.jsonl"))
    lines.write_bytes(lines.read_bytes() + json.dumps(row(2)).encode()[:-9])
    assert store.finished() == {"001"}
    store.compact()
    assert trials(store) == ["001"]


def test_lines_of_an_attempt_under_way_elsewhere_stay(store, monkeypatch) -> None:
    attempt = store.attempt({})
    store.add("shard", attempt, row(1))
    monkeypatch.setattr(machine.platform, "node", lambda: "another")
    store.compact()
    assert len(list((store.folder / "rows").glob("*.jsonl"))) == 1
    assert trials(store) == ["001"]


def test_lines_that_are_a_day_old_are_merged_whoever_has_the_number_of_their_process(store) -> None:
    """After a restart of the machine another process may have it."""
    attempt = store.attempt({})
    store.add("shard", attempt, row(1))
    file = store.folder / "provenance" / f"{attempt}.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "process": os.getppid()}))
    store.compact()
    (lines,) = (store.folder / "rows").glob("*.jsonl")
    os.utime(lines, (lines.stat().st_mtime - 25 * 3600,) * 2)
    store.compact()
    assert not list((store.folder / "rows").glob("*.jsonl"))
    assert trials(store) == ["001"]


@pytest.mark.slow
@pytest.mark.parametrize("step", range(6))
def test_whatever_step_of_a_merge_fails_no_row_is_lost_or_doubled(store, monkeypatch, step) -> None:
    """Each write, and each removal, in turn is where the process ends."""
    attempt = store.attempt({})
    store.add("first", attempt, row(1, error="failed"))
    store.publish("first", attempt)
    store.compact()
    for shard in ("second", "third"):
        store.add(shard, attempt, row(1))
        store.add(shard, attempt, row(2))
        store.publish(shard, attempt)
    store.add("fourth", attempt, row(3))
    count = 0

    class Ended(BaseException):
        pass

    def counted(function):
        def called(*arguments, **options):
            nonlocal count
            count += 1
            if count == step + 1:
                raise Ended
            return function(*arguments, **options)

        return called

    monkeypatch.setattr(writing.os, "replace", counted(writing.os.replace))
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))
    with pytest.raises(Ended):
        store.compact()
    assert trials(store) == ["001", "002", "003"]
    monkeypatch.undo()
    assert trials(store) == ["001", "002", "003"]
    store.compact()
    every = polars.read_parquet(store.folder / "trials")
    assert sorted(every["trial"].to_list()) == ["001", "002", "003"]
    assert every["error"].null_count() == 3


def test_a_full_disk_is_told(store, monkeypatch) -> None:
    attempt = store.attempt({})

    def full(*_):
        raise OSError(28, "No space left on device")

    store.add("shard", attempt, row(1))
    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(WritingError, match="the disk is full"):
        store.publish("shard", attempt)
    monkeypatch.undo()
    assert trials(store) == ["001"]


def test_other_folders_studies_and_versions_are_refused(store, tmp_path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds no study"):
        Store.prepare(tmp_path / "else", "small", b"", EMPTY, columns())
    with pytest.raises(InputError, match="is no folder"):
        Store.prepare(tmp_path / "else" / "letter.txt", "small", b"", EMPTY, columns())
    with pytest.raises(InputError, match="holds the study 'small'"):
        Store.prepare(store.folder, "other", b"", EMPTY, columns())
    (store.folder / "store.json").write_text('{"version": 0, "study": "small"}')
    with pytest.raises(InputError, match="have the layout 0"):
        Store.open(store.folder)
    with pytest.raises(InputError, match="holds no results"):
        Store.open(tmp_path / "nothing")


@pytest.mark.slow
def test_workers_that_begin_at_the_same_time_make_one_store(tmp_path) -> None:
    def make(number: int) -> Store:
        return Store.prepare(tmp_path / f"{number // 8}.results", "small", b"study: small\n", EMPTY, columns())

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(make, range(160)))) == 160


def test_labels_are_columns(tmp_path) -> None:
    store = Store.prepare(tmp_path / "results", "small", b"", EMPTY, columns(["sex"]), [row(1, label_sex="m")])
    attempt = store.attempt({})
    store.add("shard", attempt, row(1, label_sex="f", label_age="40"))
    assert store.table()["label_sex"].to_list() == ["m"], "the plan's labels count, whatever stood there at first"


def test_other_programs_read_a_folder_with_parts_of_several_versions_and_labels(tmp_path) -> None:
    """By the recipe of docs/studies.md, and by DuckDB: both refuse parts whose columns differ."""
    import duckdb

    kinds = columns(["age"])
    earlier = {name: kind for name, kind in kinds.items() if name not in ("code", "label_age")}
    for number, some in enumerate((earlier, columns(["site"]), kinds)):
        store = Store.prepare(tmp_path / "results", "small", b"", EMPTY, some)
        attempt = store.attempt({})
        values = {name: f"{name} {number}" for name in ("code", "label_age", "label_site") if name in some}
        store.add("shard", attempt, row(number, **values))
        store.publish("shard", attempt)
        store.compact()
    folder = store.folder / "trials"
    assert len(list(folder.iterdir())) == 3
    table = polars.read_parquet(folder).sort("trial")
    assert table["code"].to_list() == [None, "code 1", "code 2"]
    assert table["label_age"].to_list() == [None, None, "label_age 2"]
    assert table["label_site"].to_list() == [None, "label_site 1", None]
    assert table["ssim_region_clean"].to_list() == [0.0, 0.1, 0.2]
    found = duckdb.sql(f"SELECT code FROM '{folder.as_posix()}/*.parquet' ORDER BY trial").fetchall()
    assert found == [(None,), ("code 1",), ("code 2",)]


def test_a_damaged_part_is_told(store) -> None:
    attempt = store.attempt({})
    store.add("shard", attempt, row(1))
    store.compact()
    part = next((store.folder / "trials").iterdir())
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(FileFormatError, match="cannot be read as a part of the table"):
        store.table()
