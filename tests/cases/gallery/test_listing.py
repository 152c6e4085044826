"""The cases of a folder: found, read once, and kept."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from helpers.galleries import changed, copied
from napari_recon_robust.cases.gallery import listing as module
from napari_recon_robust.cases.gallery.listing import holds_cases, list_cases
from napari_recon_robust.cases.gallery.verdicts import Judgement, judge_case
from napari_recon_robust.ground.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path / "cases", "fnaf", "random", "worst-case")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each case and each judgement was read."""
    counts: Counter[str] = Counter()
    read_entry, read_judgement = module.read_entry, module.read_judgement
    monkeypatch.setattr(module, "read_entry", lambda name, path: (counts.update([name]), read_entry(name, path))[1])
    monkeypatch.setattr(
        module, "read_judgement", lambda path: (counts.update([f"{path.name}'s"]), read_judgement(path))[1]
    )
    return counts


def names(folder: Path, **options: object) -> list[str]:
    return [entry.name for entry in list_cases(folder, **options)]


def test_cases_are_found_in_folders_of_folders(folder: Path) -> None:
    (folder / "notes.txt").write_text("no case", encoding="utf-8")
    (folder / "one" / "two").mkdir(parents=True)
    shutil.move(folder / "random", folder / "one" / "two" / "random")
    shutil.copytree(folder / "fnaf", folder / ".fnaf-x8s7")
    shutil.copytree(folder / "fnaf", folder / "one" / "two" / "three" / "fnaf")
    assert names(folder, sort="case") == ["fnaf", "one/two/random", "worst-case"]
    assert names(folder / "fnaf") == ["fnaf"]
    assert names(folder / "one" / "two", sort="case") == ["random", "three/fnaf"]


def test_they_are_filtered_and_sorted(folder: Path) -> None:
    assert names(folder) == ["worst-case", "fnaf", "random"]
    assert names(folder, filter="-method:tv", sort="case", reverse=True) == ["random", "fnaf"]
    with pytest.raises(InputError, match="cannot be sorted"):
        list_cases(folder, sort="date")
    with pytest.raises(InputError, match="no folder"):
        list_cases(folder / "absent")


def test_a_case_is_read_once_until_it_changes(folder: Path, read: Counter[str]) -> None:
    first = list_cases(folder)
    assert read == Counter(
        {"fnaf": 1, "random": 1, "worst-case": 1, "fnaf's": 1, "random's": 1, "worst-case's": 1},
    )
    read.clear()
    assert list_cases(folder) == first
    assert not read
    judge_case(folder / "fnaf", verdict="failure", tags=["a", "b"])
    changed(folder / "random", lambda description: description["roi"].update(label="New"))
    second = {entry.name: entry for entry in list_cases(folder)}
    assert read == Counter({"fnaf's": 1, "random": 1})
    assert second["fnaf"].judgement == Judgement("failure", ("a", "b"))
    assert second["random"].label == "New"
    (folder / "fnaf" / "verdict.jsonl").unlink()
    shutil.rmtree(folder / "random")
    third = {entry.name: entry for entry in list_cases(folder)}
    assert third.keys() == {"fnaf", "worst-case"}
    assert third["fnaf"].judgement == Judgement()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 0, "cases": 1}', None])
def test_a_kept_file_that_is_not_as_it_was_written_is_made_again(
    folder: Path, cache: Path, content: bytes | None
) -> None:
    first = list_cases(folder)
    (path,) = cache.rglob("gallery/*.json")
    if content is None:
        stored = json.loads(path.read_bytes())
        for record in stored["cases"].values():
            record["facts"] = {"seal": 3}
            record["judgement"] = []
        content = json.dumps(stored).encode()
    path.write_bytes(content)
    assert list_cases(folder) == first
    assert path.stat().st_size > 1000


def test_damaged_cases_are_listed_with_their_sentence(folder: Path) -> None:
    (folder / "fnaf" / "case.json").write_text("{}", encoding="utf-8")
    (folder / "random" / "images.npz").unlink()
    (folder / "worst-case" / "case.json").unlink()
    for _ in range(2):
        found = {entry.name: entry.damage for entry in list_cases(folder)}
        assert "does not describe" in found["fnaf"]
        assert found["random"] == "images.npz is missing from the saved case random; restore it or save again."
        assert "holds no case.json" in found["worst-case"]
    copied(folder / "back", "random")
    shutil.copy(folder / "back" / "random" / "images.npz", folder / "random")
    assert not {entry.name: entry.damage for entry in list_cases(folder)}["random"]


def test_nothing_is_written_into_the_folder_and_a_cache_is_not_needed(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(os.walk(folder))
    cache.write_text("a file in its place", encoding="utf-8")
    assert len(list_cases(folder)) == 3
    assert sorted(os.walk(folder)) == before


@pytest.mark.slow
def test_listing_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys; from napari_recon_robust import list_cases; assert len(list_cases(sys.argv[1])) == 3;"
        "assert not {'torch', 'h5py', 'scipy', 'skimage', 'qtpy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def test_a_folder_of_cases_is_known_by_a_quick_look(folder: Path) -> None:
    assert holds_cases(folder)
    assert holds_cases(folder.parent), "two levels deep"
    assert not holds_cases(folder / "fnaf"), "a case"
    assert not holds_cases(folder / "fnaf" / "case.json")
    assert not holds_cases(folder / "absent")
    assert not holds_cases(folder.parent / "cache")
