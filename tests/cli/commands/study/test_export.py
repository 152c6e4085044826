from pathlib import Path

import polars
import pytest
from click.testing import CliRunner, Result

from napari_recon_robust.cli import cli


def study(*words: object) -> Result:
    return CliRunner().invoke(cli, ["study", *map(str, words)])


@pytest.mark.thorough
def test_of_a_study_that_is_not_finished_the_number_of_trials_is_told(plan: Path, tmp_path: Path) -> None:
    """Five trials were run when the plan got two more, and was asked to keep the worst."""
    table = tmp_path / "table.csv"
    assert study("run", plan, "--workers", 1).exit_code == 0
    assert "are finished" not in study("export", plan, "--output", table).output
    plan.write_text(plan.read_text().replace("- 0.05\n", "- 0.05\n  - 0.1\n") + "keep: {worst: 1}\n")
    assert study("array", plan).exit_code == 0
    told = "5 of 7 trials in plan.results are finished; run the study to its end for the others."
    exported = study("export", plan, "--output", table)
    assert (exported.exit_code, told in exported.output) == (0, True), exported.output
    assert polars.read_csv(table).height == 5
    assert study("diff", plan, plan).output.count(told) == 2
    page = tmp_path / "page.html"
    reported = study("report", plan, "--output", page)
    assert told in reported.output
    assert "The study has 5 finished of 7 trials" in page.read_text()
    assert "No case is saved yet" in page.read_text()


def test_a_study_without_a_finished_trial_is_no_table(plan: Path, tmp_path: Path) -> None:
    assert study("array", plan).exit_code == 0
    result = study("export", plan, "--output", tmp_path / "table.csv")
    assert str(result.exception) == "the study has no finished trial yet; run it first."
    assert not (tmp_path / "table.csv").exists()
