from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from napari_recon_robust.cli import cli
from napari_recon_robust.studies.store import Store


def test_a_finished_study_becomes_figures_and_one_page(finished: Path, tmp_path: Path) -> None:
    output, figures = tmp_path / "meeting.html", tmp_path / "figures"
    result = CliRunner().invoke(
        cli, ["study", "report", str(finished), "--output", str(output), "--figures", str(figures)]
    )
    assert result.exit_code == 0, result.output
    assert f"saved: {output}" in result.output
    assert "not drawn: Quality against rotation. " in result.output
    assert {"budget.svg", "budget.csv", "lesions.svg", "stability.svg"} <= {path.name for path in figures.iterdir()}
    assert "figures: methods, budget, lesions" in result.output
    page = output.read_text()
    assert "Study “small”" in page
    assert "1 slice of 1 volume" in page
    assert "a spread and no interval" in page


@pytest.mark.thorough
def test_a_folder_of_results_is_reported_beside_itself(finished: Path) -> None:
    result = CliRunner().invoke(cli, ["study", "report", str(finished.with_suffix(".results"))])
    assert result.exit_code == 0, result.output
    assert finished.with_suffix(".report.html").is_file()
    assert (finished.with_suffix(".results") / "figures" / "budget.svg").is_file()


@pytest.mark.thorough
def test_the_table_is_read_once_and_a_part_of_the_trials_is_told(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, whole = list[Any](), Store.table

    def shortened(store: Store) -> Any:
        tables.append(whole(store)[1:])
        return tables[-1]

    monkeypatch.setattr(Store, "table", shortened)
    result = CliRunner().invoke(cli, ["study", "report", str(finished)])
    assert result.exit_code == 0, result.output
    (table,) = tables
    assert f"{len(table)} of {len(table) + 1} trials in plan.results are finished" in result.output


def test_a_plan_that_was_not_run_is_refused(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("study: none\n")
    result = CliRunner().invoke(cli, ["study", "report", str(plan)])
    assert result.exit_code == 1
    assert "run the study first" in str(result.exception)
