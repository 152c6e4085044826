"""The commands of a study, one after the other as a user gives them."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars
import pytest
from click.testing import CliRunner, Result

from napari_recon_robust.cli import cli
from napari_recon_robust.studies.measure import Measurements, Measurer


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
    assert "5 trials in 1 shard:" in checked
    assert re.search(r"left out: line \d+, scans: broken.h5 ", checked)
    assert json.loads(said("check", plan, "--json", "--time").partition("recon-robust:")[0])["estimate"]["trials"] == 5
    assert "5 of 5 trials are finished" in said("run", plan, "--workers", 1)
    assert "5 of 5 trials are finished" in said("status", plan)
    assert json.loads(said("status", plan, "--json"))["ended"]
    assert "5 of 5 trials are finished" in said("resume", plan, "--workers", 1)
    assert "5 of 5 trials are finished" in said("work", plan, "--shard", "1/1")
    for suffix, read in ((".csv", polars.read_csv), (".parquet", polars.read_parquet)):
        said("export", plan, "--output", tmp_path / f"table{suffix}")
        assert read(tmp_path / f"table{suffix}").height == 5


def test_a_new_plan_needs_neither_torch_nor_tables(tmp_path: Path) -> None:
    """It took five seconds, nearly all for importing them."""
    code = (
        "import sys\nfrom napari_recon_robust.cli import cli\n"
        "cli.main(['study', 'new', sys.argv[1]], standalone_mode=False)\n"
        "assert not {'torch', 'scipy', 'polars', 'h5py'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "plan.yaml"], check=True)
    assert (tmp_path / "study.schema.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM")
@pytest.mark.parametrize("how", [("run", "--workers", 1), ("work", "--shard", "1/1")])
def test_a_run_that_is_asked_to_end_is_not_taken_for_a_finished_one(
    plan: Path, monkeypatch: pytest.MonkeyPatch, how: tuple[object, ...]
) -> None:
    """A batch system, and `&&` in a shell, go by the exit status."""
    measure, command, *options = Measurer.measure, *how

    def measured(*args: Any, **options: Any) -> Measurements:
        signal.raise_signal(signal.SIGTERM)
        return measure(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Measurer, "measure", measured)
        result = study(command, plan, *options)
    assert result.exit_code == 143
    assert result.output.startswith("1 of 5 trials are finished.")
    assert "the run was asked to end before the study was finished; the same command goes on from there." in (
        result.output
    )
    assert "5 of 5 trials are finished" in said(command, plan, *options)


def test_what_is_to_be_known_of_scans_is_told_by_every_command(plan: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,sex\nhead.h5,f\nfoot.h5,f\n")
    plan.write_text(plan.read_text().replace("'*.h5'", "{files: '*.h5', table: labels.csv}"))
    for command in (("check", plan), ("run", plan, "--workers", 1), ("status", plan)):
        assert "recon-robust: No scan is named by 1 row of labels.csv." in said(*command)


def test_every_mistake_of_a_plan_is_a_line(plan: Path) -> None:
    plan.write_text(plan.read_text().replace("zero-filled", "nothing") + "seeds: [-1]\n")
    for command in (("check", plan), ("run", plan, "--workers", 1)):
        result = study(*command)
        assert result.exit_code == 1
        lines = str(result.exception or result.output) + result.output
        assert lines.count("line ") == 2
        assert "there is no reconstructor 'nothing'" in lines


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("'*.h5'", "['*.h5', none.h5]", "scans, 2: 'none.h5' matches no file"),
        ("'*.h5'", "{files: '*.h5', table: none.csv}", "scans, table: there is no file 'none.csv'"),
        ("kind: annotations", "{kind: annotations, file: none.csv}", "regions, 1, file: there is no file"),
        ("slices: annotated", "slices: [1, 9]", "slices, 2: no scan has slice 9; give numbers from 0 to 2"),
    ],
)
def test_files_that_do_not_fit_are_told_with_their_line(plan: Path, old: str, new: str, sentence: str) -> None:
    text = plan.read_text()
    assert old in text
    plan.write_text(text.replace(old, new))
    line = 1 + next(number for number, one in enumerate(plan.read_text().splitlines()) if new in one)
    assert f"line {line}, {sentence}" in study("check", plan).output


def test_results_that_do_not_fit_are_told_with_the_line_of_the_study(plan: Path) -> None:
    said("run", plan, "--workers", 1)
    head = plan.with_suffix(".results") / "store.json"
    for old, new, sentence in (
        (
            '"version": 1',
            '"version": 0',
            "have the layout 0, and 1 is read here; go on with the version that wrote them",
        ),
        (
            '"study": "small"',
            '"study": "large"',
            "holds the study 'large', and this plan is 'small'; name another folder",
        ),
    ):
        before = head.read_text()
        assert old in before
        head.write_text(before.replace(old, new))
        for command in (("check", plan), ("run", plan, "--workers", 1)):
            result = study(*command)
            assert result.exit_code == 1
            assert re.search(r"line \d+, study: ", str(result.exception or result.output) + result.output)
            assert sentence in str(result.exception or result.output) + result.output
        head.write_text(before)


def test_bad_options_are_told(plan: Path, tmp_path: Path) -> None:
    for words, sentence in (
        (("work", plan, "--shard", "3/2"), "give I/N"),
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
    monkeypatch.setattr("napari_recon_robust.studies.packaged._template", lambda name: plan.read_text())
    words = said("run", "demo", "--workers", 1)
    assert "5 of 5 trials are finished" in words
    assert (tmp_path / "demo.report.html").stat().st_size > 10_000
    assert "5 of 5 trials are finished" in said("status", "demo.yaml")
    assert "5 of 5 trials are finished" in said("status", "demo")
    said("report", "demo", "--output", tmp_path / "again.html")
    assert (tmp_path / "again.html").stat().st_size > 10_000
    said("export", "demo", "--output", tmp_path / "table.csv")
    assert polars.read_csv(tmp_path / "table.csv").height == 5
    assert said("diff", "demo", "demo.results") == said("diff", "demo.yaml", "demo.yaml")


@pytest.mark.parametrize("command", ["run", "check"])
def test_without_its_libraries_nothing_is_written_or_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for library in ("polars", "distributed"):
        monkeypatch.setitem(sys.modules, library, None)
    result = study(command, "demo")
    assert str(result.exception) == "studies need polars; pip install 'napari-recon-robust[studies]'."
    assert not result.output
    assert not list(tmp_path.iterdir())
    assert study("new", "demo").exit_code == 0


def test_a_packaged_plan_is_pointed_at_a_folder(plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert "give their folder, --scans FOLDER" in str(study("new", "paper-fnaf").exception)
    for command, name in (("new", "paper-fnaf"), ("check", "paper-advrec")):
        words = said(command, name, "--scans", tmp_path)
        assert words.count(f"saved: {name}.yaml") == 1  # whatever writes the plan says so, once
    assert (here / "study.schema.json").exists()
    assert "1 scan of 1 volume," in said("check", "paper-fnaf")
    assert "names its scans and methods itself" in study("check", plan, "--scans", tmp_path).output


def test_a_packaged_study_that_was_not_run_here_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (
        ("status", "demo"),
        ("report", "demo"),
        ("export", "demo", "--output", "a.csv"),
        ("diff", "demo", "."),
    ):
        assert "run it first: recon-robust study run demo" in str(study(*words).exception)
    assert not list(tmp_path.iterdir()), "nothing is written"


def test_a_new_plan_takes_no_other_files_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "saved: demo.yaml" in said("new", "demo")
    before = (tmp_path / "demo.yaml").read_bytes()
    assert "'study new demo' writes it, or name another" in str(study("new", "demo.yaml").exception)
    assert "saved: demo.yaml" in said("new", "demo"), "it is the same"
    mistyped = str(study("new", "paper-advrek").exception)
    assert mistyped.startswith("paper-advrek is no packaged plan; choose demo, paper-advrec")
    assert not Path("paper-advrek").exists()
    said("new", "mine.yaml")
    assert "mine.yaml is there already; name another" in str(study("new", "mine.yaml").exception)
    assert (tmp_path / "demo.yaml").read_bytes() == before


def test_ctrl_c_says_that_the_same_command_goes_on(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("napari_recon_robust.studies.work.Worker.run", stopped)
        result = study("run", plan, "--workers", 1)
    assert "finished trials are kept; the same command goes on from there." in result.output
    assert "Aborted" in result.output
    assert "5 of 5 trials are finished" in said("run", plan, "--workers", 1)


def test_an_array_has_no_more_elements_than_the_study_has_shards(plan: Path) -> None:
    plan.write_text(plan.read_text() + "shard: 2\n")  # a control stays beside its perturbation
    assert "5 trials in 2 shards" in said("check", plan)
    said("array", plan)
    assert "#SBATCH --array=1-2\n" in plan.with_suffix(".sbatch").read_text()
