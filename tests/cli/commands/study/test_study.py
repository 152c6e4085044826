"""The commands of a study, one after the other as a user gives them."""

import json
from pathlib import Path

import polars
import pytest
from click.testing import CliRunner, Result

from napari_recon_robust.cli import cli


def study(*words: object) -> Result:
    return CliRunner().invoke(cli, ["study", *map(str, words)])


def said(*words: object) -> str:
    result = study(*words)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def test_from_a_new_plan_to_a_table(plan: Path, tmp_path: Path) -> None:
    assert "saved: " in said("new", tmp_path / "other.yaml")
    (tmp_path / "broken.h5").write_bytes(b"nothing")
    checked = said("check", plan)
    assert "5 trials in 1 shards" in checked
    assert "broken.h5 is left out" in checked
    assert json.loads(said("check", plan, "--json", "--time").partition("recon-robust:")[0])["estimate"]["trials"] == 5
    assert "5 of 5 trials are finished" in said("run", plan, "--workers", 1)
    assert "5 of 5 trials are finished" in said("status", plan)
    assert json.loads(said("status", plan, "--json"))["ended"]
    assert "5 of 5 trials are finished" in said("resume", plan, "--workers", 1)
    assert "5 of 5 trials are finished" in said("work", plan, "--shard", "1/1")
    for suffix, read in ((".csv", polars.read_csv), (".parquet", polars.read_parquet)):
        said("export", plan, "--output", tmp_path / f"table{suffix}")
        assert read(tmp_path / f"table{suffix}").height == 5


def test_every_mistake_of_a_plan_is_a_line(plan: Path) -> None:
    plan.write_text(plan.read_text().replace("zero-filled", "nothing") + "seeds: [-1]\n")
    for command in (("check", plan), ("run", plan, "--workers", 1)):
        result = study(*command)
        assert result.exit_code == 1
        lines = str(result.exception or result.output) + result.output
        assert lines.count("line ") == 2
        assert "there is no reconstructor 'nothing'" in lines


def test_bad_options_are_told(plan: Path, tmp_path: Path) -> None:
    for words, sentence in (
        (("work", plan, "--shard", "3/2"), "give I/N"),
        (("run", plan, "--workers", 2, "--scheduler", "tcp://a:1"), "give one of them"),
        (("status", plan), "holds no results"),
        (("export", plan, "--output", tmp_path / "table.xlsx"), "a name that ends in .csv or .parquet"),
    ):
        result = study(*words)
        assert sentence in str(result.exception), words


def test_the_demo_writes_its_plan_here_and_ends_in_the_report(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a plan that is quick."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("napari_recon_robust.trials.demo._PLAN", plan.read_text())
    words = said("run", "demo", "--workers", 1)
    assert "5 of 5 trials are finished" in words
    assert (tmp_path / "demo.report.html").stat().st_size > 10_000
    assert "5 of 5 trials are finished" in said("status", "demo.yaml")
