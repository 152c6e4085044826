import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

import napari_recon_robust as rr
from napari_recon_robust.cli import cli


@pytest.mark.thorough
def test_a_study_does_not_differ_from_itself(finished: Path, tmp_path: Path) -> None:
    output = tmp_path / "difference.csv"
    result = CliRunner().invoke(cli, ["study", "diff", str(finished), str(finished), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert "ssim_region_perturbed 0, quartiles [0, 0] (1 volume, 1 pair: a spread and no interval)" in result.output
    table = pl.read_csv(output)
    assert table["difference"].unique().to_list() == [0]
    assert {"nmse_region_clean", "contrast_recovery_region_clean"} <= set(table["metric"])


def test_one_metric_as_json(finished: Path) -> None:
    command = ["study", "diff", str(finished), str(finished.with_suffix(".results")), "--json"]
    result = CliRunner().invoke(cli, [*command, "--metric", "nmse_region_clean", "--volumes", "30"])
    rows = json.loads(result.output)
    assert {row["metric"] for row in rows} == {"nmse_region_clean"}
    assert "detectable_30" in rows[0]


def test_python_gives_the_same_table(finished: Path) -> None:
    table = rr.study_difference(finished, finished, metrics=["ssim_image_clean"])
    assert table["difference"].to_list() == [0] * 4


def test_what_one_study_has_alone_is_told_in_lines(finished: Path, tmp_path: Path) -> None:
    """It was one sentence, however different the studies were."""
    shutil.copytree(finished.parent, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.results"))
    plan = tmp_path / "plan.yaml"
    few = {"masks": [{"acceleration": 2, "centre_fraction": 0.2}], "perturbations": ["none"]}
    for parts, status, told in (
        (
            few,
            0,
            "and left out:\n  the first study alone has acceleration 3.0\n"
            "  the first study alone has perturbation random\n",
        ),
        ({"masks": [{"acceleration": 4}]}, 1, "are to be the same:\n  the first study alone has "),
    ):
        plan.write_text(yaml.safe_dump({**yaml.safe_load(finished.read_text()), **parts}))
        assert CliRunner().invoke(cli, ["study", "run", str(plan), "--workers", "1"]).exit_code == 0
        found = CliRunner().invoke(cli, ["study", "diff", str(finished), str(plan)])
        assert (found.exit_code, told in found.stderr) == (status, True), found.stderr


def test_methods_of_one_study(finished: Path, tmp_path: Path) -> None:
    labels = rr.study_table(finished)["method_label"].unique(maintain_order=True).to_list()
    result = CliRunner().invoke(cli, ["study", "diff", str(finished), "--baseline", labels[0]])
    assert result.exit_code == 0, result.output
    assert f"{labels[1]} less {labels[0]}, " in result.output
    for more, words in (
        ((), "name a second study, or by --baseline a method of this one"),
        ((str(finished), "--baseline", labels[0]), "--baseline compares the methods of one study"),
        (("--baseline", "beauty"), f"no method 'beauty'; choose from {labels[0]}"),
    ):
        found = CliRunner().invoke(cli, ["study", "diff", str(finished), *more])
        assert found.exit_code != 0
        assert words in f"{found.stderr}{found.exception}"
