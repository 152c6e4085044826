"""Poses and acquisition shifts on the command line, which need neither a budget nor a region."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from napari_recon_robust.cli import cli

SAMPLING = ["--pattern", "equispaced", "--acceleration", "3", "--centre-fraction", "0.2"]
KINDS = [
    ("rotation", ["--angle", "2", "--step", "2", "--coils", "patient"], "interpolation alone"),
    ("motion", ["--segments", "3"], "3 segments"),
    ("noise-level", ["--factor", "3"], "3 times"),
    ("other-mask", ["--other-acceleration", "4"], "(random) instead of"),
    ("coil-dropout", ["--coil", "1"], "Coil 1 is lost"),
    ("spike", ["--count", "2"], "2 samples are corrupted"),
    ("contrast", ["--gamma", "0.5"], "another contrast"),
]


@pytest.mark.parametrize(("kind", "options", "words"), KINDS)
def test_every_kind_runs_and_replays(
    scan_file: Path, tmp_path: Path, kind: str, options: list[str], words: str
) -> None:
    case = tmp_path / "case"
    common = [str(scan_file), "--slice", "1", "--method", "cg-sense", *SAMPLING, "--json", "--output", str(case)]
    result = CliRunner().invoke(cli, ["perturb", kind, *common, *options])
    assert result.exit_code == 0, result.output + repr(result.exception)
    (outcome,) = json.loads(result.stdout)
    assert words in outcome["sentence"]
    assert "whole image" in outcome["sentence"]
    assert outcome["loss"] == []
    assert (outcome["budget"]["achieved"] == 0) == (kind in ("rotation", "other-mask"))
    assert outcome["stability"]["perturbed"]["change"] > 0
    replayed = CliRunner().invoke(cli, ["replay", str(case), "--json"])
    assert json.loads(replayed.stdout)["reproduced"] is True, replayed.output
