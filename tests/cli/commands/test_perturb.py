"""Poses and acquisition shifts on the command line, which need neither a budget nor a region."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from torch import Tensor

from napari_recon_robust.cli import cli
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import ModelError
from napari_recon_robust.reconstructors.classical.cg_sense import CGSense

SAMPLING = ["--pattern", "equispaced", "--acceleration", "3", "--centre-fraction", "0.2"]
KINDS = [
    ("rotation", ["--angle", "2", "--step", "2", "--coils", "patient"], "fully sampled image, brought back"),
    ("motion", ["--segments", "3"], "3 segments"),
    ("noise-level", ["--factor", "3"], "3 times"),
    ("other-mask", ["--other-acceleration", "4"], "The sampling is random, R = "),
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
    sampling = json.loads((case / "case.json").read_text())["recipe"]["source"]["sampling"]
    assert (sampling["pattern"], sampling["acceleration"], sampling["seed"]) == ("equispaced", 3.0, 0)


def test_a_budget_that_is_repeated_is_searched_once(scan_file: Path) -> None:
    common = ["perturb", "random", str(scan_file), "--slice", "1", "--method", "zero-filled", *SAMPLING, "--json"]
    result = CliRunner().invoke(cli, [*common, "--budget", "0.02", "--budget", "0.01", "--budget", "0.02"])
    assert [outcome["budget"]["nominal"] for outcome in json.loads(result.stdout)] == [0.02, 0.01]


def test_a_table_of_another_scan_is_named_as_the_reason(scan_file: Path, tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text("file,slice,study_level,x,y,width,height,label\nother,1,No,1,1,4,4,Cyst\n")
    common = ["perturb", "random", str(scan_file), "--slice", "1", "--method", "cg-sense", *SAMPLING]
    refused = CliRunner().invoke(cli, [*common, "--budget", "0.01", "--annotations", str(table)])
    assert f"boxes.csv has no row for {scan_file.name}; give its own table, or --roi." in str(refused.exception)


def test_a_seed_that_does_not_fit_is_refused_before_the_scan_is_opened(tmp_path: Path) -> None:
    no_scan = tmp_path / "scan.npy"
    no_scan.write_text("not a scan")
    refused = CliRunner().invoke(cli, ["perturb", "motion", str(no_scan), "--seed", "3000000000"])
    assert str(refused.exception) == "seed is 3000000000; give a value from 0 to 2147483647."


def test_a_place_in_another_case_is_refused_before_anything_is_computed(scan_file: Path, tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text("{}")
    output = tmp_path / "several" / "found"
    command = ["perturb", "random", str(scan_file), "--slice", "1", "--budget", "0.02", "--output", str(output)]
    refused = CliRunner().invoke(cli, command)
    assert "found cannot be written: it would lie in the saved case" in str(refused.exception)
    assert not output.parent.exists()


@pytest.mark.parametrize("search", [["--algorithm", "multiplexed"], ["--search", "30"]])
def test_a_place_and_a_search_for_one_are_refused(scan_file: Path, search: list[str]) -> None:
    common = ["perturb", "fnaf", str(scan_file), "--slice", "1", "--method", "cg-sense", *SAMPLING]
    for place in (["--at", "50,40"], ["--row", "50", "--column", "40"]):
        refused = CliRunner().invoke(cli, [*common, *place, *search])
        assert refused.exit_code == 2
        assert f"a place for the feature is given, and {search[0]} belongs to a search" in refused.output


def test_random_noise_is_on_the_whole_kspace_and_needs_no_region(scan_file: Path) -> None:
    common = [str(scan_file), "--slice", "1", "--method", "zero-filled", *SAMPLING, "--budget", "0.02"]
    found = CliRunner().invoke(cli, ["perturb", "random", *common, "--knob", "combine=combined"])
    assert "whole image" in found.output
    assert found.output.startswith("Zero-filled (combine combined), effective R = 2.")
    refused = CliRunner().invoke(cli, ["perturb", "worst-case", *common])
    assert "no region is given" in str(refused.exception)


def test_the_budget_says_what_it_is_of_and_the_scan_its_acceleration(scan_file: Path) -> None:
    common = [str(scan_file), "--slice", "1", "--method", "zero-filled", *SAMPLING, "--budget", "0.02"]
    roi = ["--roi", "40,40,12,12"]
    found = CliRunner().invoke(cli, ["perturb", "image-domain", *common, *roi, "--insert", "symbol"])
    assert "budget 2% of the object (spent " in found.output
    assert found.output.startswith("Zero-filled, effective R = 2.")
    every = CliRunner().invoke(cli, ["perturb", "worst-case", *common, *roi, "--norm", "global", "--steps", "1"])
    assert "budget 2% of the k-space of all coils together (spent " in every.output
    air = CliRunner().invoke(cli, ["perturb", "random", *common, "--roi", "0,0,6,6"])
    assert "caution: There is no tissue in the drawn region" in air.output
    words = [CliRunner().invoke(cli, ["perturb", kind, "--help"]).output for kind in ("image-domain", "targeted")]
    of_what = ("Fractions of the norm of the object", "Fractions of the norm of each coil's")
    assert all(said in " ".join(help.split()) for said, help in zip(of_what, words, strict=True))


@pytest.mark.parametrize("suffix", ["npy", "png"])
def test_targeted_noise_takes_an_image_from_a_file(scan_file: Path, tmp_path: Path, suffix: str) -> None:
    scan = [str(scan_file), "--slice", "1", "--method", "cg-sense", *SAMPLING]
    image = tmp_path / f"target.{suffix}"
    written = CliRunner().invoke(cli, ["reconstruct", *scan, "--knob", "weight=0.5", "--output", str(image)])
    assert written.exit_code == 0, written.output
    options = ["--roi", "40,40,12,12", "--budget", "0.02", "--target-image", str(image), "--json"]
    result = CliRunner().invoke(cli, ["perturb", "targeted", *scan, *options])
    assert result.exit_code == 0, result.output + repr(result.exception)
    (outcome,) = json.loads(result.stdout)
    assert outcome["effect"] == "image"
    assert outcome["reached"] > 0
    assert "the given image" in outcome["sentence"]


def test_an_image_of_another_size_is_refused(scan_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "small.npy", np.ones((5, 4)))
    scan = [str(scan_file), "--slice", "1", "--method", "cg-sense", *SAMPLING]
    options = ["--roi", "40,40,12,12", "--budget", "0.02", "--target-image", str(tmp_path / "small.npy")]
    result = CliRunner().invoke(cli, ["perturb", "targeted", *scan, *options])
    assert result.exit_code == 1
    assert "the target has 5×4 pixels" in str(result.exception) + result.output


@pytest.mark.slow
@pytest.mark.parametrize("reason", [ModelError("the model gave up."), KeyboardInterrupt()])
def test_what_was_found_before_it_stopped_is_judged_and_saved(
    scan_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: BaseException
) -> None:
    """In the second of three budgets; exit and sentence stay those of the failure."""
    calls, whole = [], CGSense.reconstruct

    def failing(self: CGSense, measurement: Measurement, **knobs: object) -> Tensor:
        calls.append(1)
        if len(calls) == 8:
            raise reason
        return whole(self, measurement, **knobs)

    monkeypatch.setattr(CGSense, "reconstruct", failing)
    scan = [str(scan_file), "--slice", "1", "--method", "cg-sense", *SAMPLING, "--roi", "40,40,12,12"]
    options = [
        "--budget",
        "0.01",
        "--budget",
        "0.02",
        "--budget",
        "0.03",
        "--steps",
        "3",
        "--output",
        str(tmp_path / "case"),
    ]
    result = CliRunner().invoke(cli, ["perturb", "worst-case", *scan, *options])
    assert result.exit_code == 1
    assert "budget 1% of" in result.stdout
    assert "budget 2% of" in result.stdout
    assert "budget 3% of" not in result.stdout
    assert result.stdout.count("caution: The search was ended before its steps were done") == 1
    assert "the best so far is judged" in result.stderr
    if isinstance(reason, ModelError):
        assert result.exception is reason
    replayed = CliRunner().invoke(cli, ["replay", str(tmp_path / "case"), "--json"])
    assert json.loads(replayed.stdout)["reproduced"] is True, replayed.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--annotation", "0"], "give the table too, by --annotations CSV"),
        (["--roi", "2,2,4,4", "--annotations"], "both --roi and --annotations are given"),
    ],
)
def test_an_option_of_the_region_that_would_do_nothing_is_refused(
    scan_file: Path, options: list[str], words: str
) -> None:
    table = [str(scan_file.with_suffix(".csv"))] if options[-1] == "--annotations" else []
    result = CliRunner().invoke(cli, ["perturb", "noise-level", str(scan_file), *SAMPLING, *options, *table])
    assert result.exit_code != 0
    assert words in str(result.exception) + result.output


def test_a_knob_of_the_perturbation_is_no_knob_of_the_method(scan_file: Path) -> None:
    asked = ["perturb", "noise-level", str(scan_file), "--method", "cg-sense", *SAMPLING, "--knob"]
    refused = CliRunner().invoke(cli, [*asked, "factor=3"])
    assert refused.exit_code == 2
    assert "factor is no knob of cg-sense, but one of the perturbation; write --factor 3." in refused.stderr
    unknown = CliRunner().invoke(cli, [*asked, "turn=3"])
    assert str(unknown.exception) == "there is no knob 'turn' here; the knobs are: weight, iterations."
