"""recon-robust gallery: a table, CSV and JSON of the saved cases in a folder."""

import csv
import errno
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from helpers.galleries import changed, copied
from napari_recon_robust.cases.gallery.verdicts import judge_case
from napari_recon_robust.cli import cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("napari_recon_robust.ground.user_cache.cache_folder", lambda: tmp_path / "cache")
    found = copied(tmp_path / "cases", "fnaf", "random", "worst-case")
    judge_case(found / "fnaf", verdict="probably-failure", tags=["lesion", "small"], note='it is "gone",\nor not')
    return found


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, ["gallery", *map(str, arguments)])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


def test_a_table_and_what_is_damaged(folder: Path) -> None:
    (folder / "random" / "kspace.h5").unlink()
    head, worst, fnaf, damaged, count = invoke(folder).output.splitlines()
    assert head.split() == [
        *("case", "method", "perturbation", "label", "budget", "change", "clean-ssim", "ssim", "psnr", "verdict"),
        "tags",
    ]
    assert worst.split() == ["worst-case", "tv", "worst-case", "3%", "19%", "0.968", "0.749", "20.5", "dB"]
    assert fnaf.endswith("probably-failure  lesion, small")
    assert damaged == "random: kspace.h5 is missing from the saved case random; restore it or save again."
    assert count == "3 cases"


def test_nothing_of_a_case_steers_the_terminal(folder: Path) -> None:
    changed(folder / "fnaf", lambda one: one["roi"].update(label="\x1b]0;title\x07\nb"))
    printed = invoke(folder).output
    assert not {"\x1b", "\x07"} & set(printed)
    assert len(printed.splitlines()) == 5


def test_a_filter_and_an_order(folder: Path) -> None:
    lines = invoke(folder, "--filter", "change<12%", "--sort", "case", "--reverse").output.splitlines()
    assert [line.split()[0] for line in lines] == ["case", "random", "fnaf", "2"]
    none = invoke(folder, "--filter", "tag:none verdict:failure").output
    assert none == "The filter leaves out all that is here: 3 cases.\n"


def test_a_folder_without_cases_is_told_so(tmp_path: Path) -> None:
    assert invoke(tmp_path).output == "There is no saved case here.\n"
    assert invoke(tmp_path, "--filter", "tag:none").output == "There is no saved case here.\n"


def test_csv_has_all_metrics_and_what_was_said(folder: Path, tmp_path: Path) -> None:
    printed = invoke(folder, "--csv", "-").output
    rows = {row["name"]: row for row in csv.DictReader(StringIO(printed, newline=""))}
    assert float(rows["fnaf"]["recovery"]) == pytest.approx(0.990, abs=1e-3)
    assert rows["fnaf"]["note"] == 'it is "gone",\nor not'
    assert rows["fnaf"]["tags"] == "lesion, small"
    assert rows["random"]["verdict"] == ""
    file = tmp_path / "cases.csv"
    assert invoke(folder, "--csv", file).output.endswith(f"3 cases\nsaved: {file}\n")
    assert file.read_text(encoding="utf-8") == printed
    assert CliRunner().invoke(cli, ["gallery", str(folder), "--csv", str(file / "below")]).exit_code != 0


def test_a_csv_that_cannot_be_written_leaves_the_old_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cases.csv"
    file.write_text("before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        failed = CliRunner().invoke(cli, ["gallery", str(folder), "--csv", str(file)])
    assert failed.exit_code != 0
    assert file.read_text() == "before"


def test_a_note_that_looks_like_a_formula_is_quoted(folder: Path) -> None:
    judge_case(folder / "random", note='=HYPERLINK("https://example.org")')
    rows = {row["name"]: row for row in csv.DictReader(StringIO(invoke(folder, "--csv", "-").output, newline=""))}
    assert rows["random"]["note"] == '\'=HYPERLINK("https://example.org")'


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_and_a_note_that_are_no_utf_8_are_in_the_csv(folder: Path, tmp_path: Path) -> None:
    (folder / "fnaf").rename(folder / os.fsdecode(b"sch\xe4del"))
    (folder / "random" / "verdict.jsonl").write_text('{"note": "half \\ud800 a letter"}\n')
    invoke(folder, "--csv", tmp_path / "cases.csv")
    written = (tmp_path / "cases.csv").read_text(encoding="utf-8")
    assert written == invoke(folder, "--csv", "-").output
    assert "sch\N{REPLACEMENT CHARACTER}del," in written
    assert "half \N{REPLACEMENT CHARACTER} a letter" in written


def test_json_and_csv_are_not_both_printed(folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["gallery", str(folder), "--json", "--csv", "-"])
    assert done.exit_code != 0
    assert "both --json and --csv -" in str(done.exception) + done.output
    assert len(json.loads(invoke(folder, "--json", "--csv", tmp_path / "cases.csv").output)) == 3
    assert (tmp_path / "cases.csv").exists()


def test_json_has_the_same(folder: Path) -> None:
    rows = json.loads(invoke(folder, "--json", "--sort", "case").output)
    assert [row["name"] for row in rows] == ["fnaf", "random", "worst-case"]
    assert rows[0]["tags"] == ["lesion", "small"]
    assert rows[1]["recovery"] is None


def test_a_table_comes_without_torch(folder: Path) -> None:
    code = (
        "import sys; from napari_recon_robust.cli import main; sys.argv[1:] = ['gallery', sys.argv[1]]; main();"
        "assert not {'torch', 'h5py', 'scipy'} & sys.modules.keys()"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
