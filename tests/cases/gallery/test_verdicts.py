"""What is said of a case: on the disk at once, beside the sealed files, and from several processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.galleries import copied
from napari_recon_robust.cases.gallery.verdicts import FILE, SCALE, Judgement, judge_case, read_judgement
from napari_recon_robust.cases.record import load_case
from napari_recon_robust.ground.errors import InputError


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return copied(tmp_path, "fnaf") / "fnaf"


def test_each_field_is_kept_until_it_is_changed(case: Path) -> None:
    assert read_judgement(case) == Judgement()
    assert judge_case(case, verdict="failure") == Judgement("failure")
    judge_case(case, tags=["lesion", " white  matter ", "lesion", ""])
    assert judge_case(case, note="gone;\n„Läsion“\u2028?") == read_judgement(case)
    assert read_judgement(case) == Judgement("failure", ("lesion", "white matter"), "gone;\n„Läsion“\u2028?")
    assert judge_case(case, verdict="", tags=[]) == read_judgement(case) == Judgement(note="gone;\n„Läsion“\u2028?")


def test_the_seal_holds_and_nothing_is_written_for_nothing(case: Path) -> None:
    before = {path.name: path.read_bytes() for path in case.iterdir()}
    judge_case(case, verdict="unsure", note="?")
    written = (case / FILE).read_bytes()
    judge_case(case, verdict="unsure", note="?")
    assert (case / FILE).read_bytes() == written
    assert {path.name: path.read_bytes() for path in case.iterdir()} == before | {FILE: written}
    load_case(case)


def test_a_line_that_was_cut_short_is_left_out_and_the_next_one_counts(case: Path) -> None:
    judge_case(case, verdict="failure")
    whole = (case / FILE).read_bytes()
    judge_case(case, note="a note that the crash cuts short")
    (case / FILE).write_bytes((case / FILE).read_bytes()[:-9])
    assert read_judgement(case) == Judgement("failure")
    judge_case(case, tags=["after"])
    assert read_judgement(case) == Judgement("failure", ("after",))
    (case / FILE).write_bytes(b"\xff\xfe [1]\n3\n" + whole + b'\n{"verdict": "good", "tags": "no", "note": 3}\n')
    assert read_judgement(case) == Judgement("failure")
    (case / FILE).write_bytes(whole + b'{"note": ' + b"[" * 200_000 + b"\n")
    assert read_judgement(case) == Judgement("failure")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_regular_file_is_refused_without_waiting(case: Path) -> None:
    os.mkfifo(case / FILE)
    with pytest.raises(InputError, match=r"verdict\.jsonl is a pipe, and a file is expected"):
        read_judgement(case)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"verdict": "bad"}, "failure, probably-failure, unsure, probably-acceptable or acceptable"),
        ({"tags": ["a,b"]}, "comma"),
        ({"tags": ["a" * 61]}, "too long"),
        ({"tags": "abc"}, "the tags are 'abc'; give a list"),
        ({"note": "a" * 10_001}, "10,001 characters"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(case: Path, given: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        judge_case(case, **given)
    assert not (case / FILE).exists()


def test_only_a_case_is_judged(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no case.json"):
        judge_case(tmp_path, verdict="failure")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs the permissions of Unix")
def test_a_folder_that_cannot_be_written_is_one_sentence(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case.chmod(0o555)
    if os.geteuid() == 0:  # who may write everywhere, so the system's answer is given here

        def refuse(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
    try:
        with pytest.raises(InputError, match=r"of fnaf cannot be written \(Permission denied\); copy the case"):
            judge_case(case, verdict="failure")
    finally:
        case.chmod(0o755)


def test_a_full_disk_is_one_sentence(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda number, content: write(number, content[:5]))
    with pytest.raises(InputError, match="cannot be written"):
        judge_case(case, verdict="failure")
    monkeypatch.setattr(os, "write", write)
    assert judge_case(case, verdict="unsure") == read_judgement(case) == Judgement("unsure")


@pytest.mark.thorough
def test_what_two_processes_say_is_all_there(case: Path) -> None:
    code = (
        "import sys; from napari_recon_robust.cases.gallery.verdicts import judge_case\n"
        "for number in range(200): judge_case(sys.argv[1], **{sys.argv[2]: f'{number} ' + 'x' * 3000})\n"
        "judge_case(sys.argv[1], **{sys.argv[2]: 'done'})"
    )
    verdicts = code.replace("f'{number} ' + 'x' * 3000", f"{SCALE!r}[number % 5]").replace("'done'", "'failure'")
    started = [
        subprocess.Popen([sys.executable, "-c", one, str(case), field])
        for one, field in ((code, "note"), (verdicts, "verdict"))
    ]
    assert [one.wait() for one in started] == [0, 0]
    assert read_judgement(case) == Judgement("failure", (), "done")
    assert (case / FILE).read_bytes().count(b"\n{") == 402
