"""The command line, on a small scan in fastMRI's layout."""

import json
import re
import shutil
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import h5py
import nibabel
import numpy as np
import pytest
from click.testing import CliRunner, Result

import napari_recon_robust as rr
from helpers import broken_package
from napari_recon_robust.cli import cli, commands, main
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.ground.errors import ReconRobustError
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics.sampling import Sampling

SAMPLING = ["--pattern", "equispaced", "--acceleration", "3", "--centre-fraction", "0.2"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=True)


def answer(*arguments: object) -> Any:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout)


@pytest.mark.parametrize("command", [["methods"], ["perturb", "--help"]])
def test_a_package_that_cannot_be_loaded_leaves_the_others_in_the_lists(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_package.install(monkeypatch)
    with pytest.warns(UserWarning, match=broken_package.SAID):
        result = invoke(*command)
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert ("zero-filled" if command == ["methods"] else "worst-case") in result.output
    assert "broken" not in result.stdout


def test_a_package_that_cannot_be_loaded_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was told as Python's warning, with its place in our source."""
    broken_package.install(monkeypatch)
    monkeypatch.setattr("sys.argv", ["recon-robust", "methods"])
    with warnings.catch_warnings(record=True) as others:
        warnings.simplefilter("always")
        main()
        warnings.warn("not ours", stacklevel=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(f"recon-robust: the reconstructor {broken_package.SAID}", line)
    assert "not ours" in [str(other.message) for other in others]
    assert not any("broken" in str(other.message) for other in others)


def test_a_command_is_a_module_whose_first_line_stands_in_the_help() -> None:
    help = " ".join(invoke("--help").output.split())
    for path in Path(commands.__path__[0]).glob("[a-z]*.py"):
        command = cli.get_command(click.Context(cli), path.stem)
        assert command is not None
        assert command.name == path.stem
        summary, *_ = (import_module(f"{commands.__name__}.{path.stem}").__doc__ or "").splitlines()
        assert f" {path.stem} {summary} " in help
    assert cli.get_command(click.Context(cli), "options") is None


def test_methods_lists_every_reconstructor_with_its_knobs() -> None:
    rows = {row["id"]: row for row in answer("methods")}
    assert {"zero-filled", "cg-sense", "tv"} <= set(rows)
    (weight,) = (knob for knob in rows["tv"]["knobs"] if knob["name"] == "weight")
    assert weight["scale"] == "log"
    assert rows["tv"]["differentiable"] is True
    assert rows["tv"]["weights"] is None


def test_reconstruct_reports_metrics_and_writes_the_image(scan_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "made" / "image.npy"
    tv = answer(
        "reconstruct", scan_file, "--slice", 1, "--method", "tv", "--knob", "weight=3e-3", *SAMPLING, "--output", output
    )
    zero_filled = answer("reconstruct", scan_file, "--slice", 1, "--method", "zero-filled", *SAMPLING)
    assert tv["knobs"] == {"weight": 3e-3}
    assert tv["seconds"] > 0
    assert set(tv["metrics"]) == {"foreground", "image"}
    assert tv["metrics"]["foreground"]["nmse"] < zero_filled["metrics"]["foreground"]["nmse"]
    image = np.load(output)
    assert image.shape == (96, 96)
    assert image.dtype == np.complex64


def test_all_slices_are_reconstructed_into_one_file(scan_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "head.nii.gz"
    reconstruct = ("reconstruct", scan_file, "--method", "cg-sense", *SAMPLING)
    told = invoke(*reconstruct, "--all-slices", "--output", output)
    assert told.exit_code == 0
    assert "3 slices, " in told.stdout
    assert told.stdout.endswith(f"saved: {output}\n")
    found = answer(*reconstruct, "--all-slices")
    images = np.asarray(nibabel.load(output).dataobj)
    assert images.shape == (96, 96, 3)
    for slice in range(3):
        alone = answer(*reconstruct, "--slice", slice, "--output", tmp_path / "one.npy")
        assert found["slice_metrics"][str(slice)] == alone["metrics"]
        np.testing.assert_allclose(images[..., slice].T, np.abs(np.load(tmp_path / "one.npy")), rtol=1e-6)
    nmse = [found["slice_metrics"][str(slice)]["image"]["nmse"] for slice in range(3)]
    assert found["metrics"]["image"]["nmse"] == pytest.approx(np.mean(nmse))
    assert (found["slices"], found["missing"]) == (3, {})
    assert answer(*reconstruct[:-2], "--all-slices", "--auto")["knobs"] != found["knobs"]


def test_of_a_damaged_scan_the_sound_slices_are_saved(scan_file: Path, tmp_path: Path) -> None:
    damaged, output = tmp_path / "damaged.h5", tmp_path / "images.npy"
    shutil.copy(scan_file, damaged)
    with h5py.File(damaged, "r+") as file:
        file["kspace"][1, 0, 5, 5] = np.nan
    told = invoke("reconstruct", damaged, "--all-slices", "--method", "zero-filled", *SAMPLING, "--output", output)
    assert told.exit_code == 1
    assert "recon-robust: slice 1 is missing: slice 1 of damaged.h5 has NaN" in told.stderr
    assert "2 slices, " in told.stdout
    assert np.isfinite(np.load(output)).all((1, 2)).tolist() == [True, False, True]


def test_what_makes_some_slices_doubtful_is_told_once(loud_file: Path) -> None:
    told = invoke("reconstruct", loud_file, "--all-slices", "--method", "zero-filled", *SAMPLING)
    assert told.stderr.count("Coil 2, counted from 0, is ") == 1
    assert "recon-robust: slice 0: Coil 2" in told.stderr


def test_an_image_is_kept_where_nothing_can_be_measured(tmp_path: Path) -> None:
    """An empty slice has no foreground, and a scan without calibration lines no sensitivities, which RSS needs not."""
    rng = np.random.default_rng(0)
    kspace = rng.normal(size=(3, 4, 32, 24)) + 1j * rng.normal(size=(3, 4, 32, 24))
    kspace[0] = 0
    output, raw = tmp_path / "image.npy", tmp_path / "raw.npy"
    reconstruct = ("reconstruct", raw, "--axes", "slice,coil,readout,phase", "--method", "zero-filled")
    np.save(raw, kspace.astype(np.complex64))
    empty = invoke(*reconstruct, "--slice", 0, "--output", output)
    assert empty.exit_code == 0
    assert "no metrics: the image is zero everywhere" in empty.output
    assert "no fully sampled image" not in empty.output
    assert empty.output.endswith(f"saved: {output}\n")
    assert not np.load(output).any()
    np.save(raw, (kspace[1:] * (np.arange(24) % 3 == 1)).astype(np.complex64))
    without_centre = invoke(*reconstruct, "--slice", 1, "--output", tmp_path / "other.npy")
    assert without_centre.exit_code == 0
    assert np.load(tmp_path / "other.npy").any()


def test_a_scan_outside_of_the_training_is_said_beside_the_result(scan_file: Path) -> None:
    """Of networks; on stderr, so that programs read the result."""
    network = invoke("reconstruct", scan_file, "--slice", 1, "--method", "unet", *SAMPLING, "--json")
    assert "Outside of its training: coils 4 (trained: " in network.stderr
    assert json.loads(network.stdout)["method"] == "unet"
    assert not invoke("reconstruct", scan_file, "--slice", 1, "--method", "tv", *SAMPLING).stderr


def test_what_makes_a_scan_doubtful_is_told_beside_the_result(loud_file: Path) -> None:
    result = invoke("reconstruct", loud_file, "--method", "zero-filled", *SAMPLING, "--json")
    assert result.stderr.startswith("recon-robust: Coil 2, counted from 0, is ")
    assert json.loads(result.stdout)["method"] == "zero-filled"


def test_an_own_model_that_draws_random_numbers_is_told_beside_its_figures(scan_file: Path, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    text = "import torch\ndef reconstruct(image):\n    return image * (1 + {} * torch.randn_like(image.abs()))\n"
    for amount, told in ((0.1, True), (0.0, False)):
        script.write_text(text.format(amount))
        result = invoke("reconstruct", scan_file, "--slice", 1, "--method", script, *SAMPLING)
        assert ("recon-robust: mine.py gives different images for the same samples" in result.stderr) == told


def test_an_own_model_of_another_scale_is_told_beside_its_figures(scan_file: Path, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text("def reconstruct(kspace, mask, sensitivities):\n    return 1e9 * sensitivities[0].abs()\n")
    result = invoke("reconstruct", scan_file, "--slice", 1, "--method", script, *SAMPLING)
    assert "NMSE" in result.stdout
    assert result.stderr.startswith("recon-robust: mine.py: its image ")


def test_an_acceleration_without_a_pattern_is_that_of_equispaced_lines(scan_file: Path, tmp_path: Path) -> None:
    reconstruct = ("reconstruct", scan_file, "--slice", 1, "--method", "zero-filled")
    asked, plain = answer(*reconstruct, *SAMPLING[2:]), answer(*reconstruct)
    assert asked["acceleration"] == answer(*reconstruct, *SAMPLING)["acceleration"] > 2
    assert plain["acceleration"] == 1
    assert answer(*reconstruct, "--centre-fraction", 0.2)["acceleration"] > 2
    np.save(tmp_path / "mask.npy", np.arange(96) % 2 == 0)
    refused = invoke(*reconstruct, "--acceleration", 8, "--mask", tmp_path / "mask.npy")
    assert refused.exit_code == 2
    assert "both --acceleration and --mask are given; leave one of them out." in refused.output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.thorough
def test_what_cannot_be_printed_is_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "napari_recon_robust.cli", "methods"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 1
    assert ended.stderr == "recon-robust: what was asked for cannot be printed (the disk is full).\n"


def test_an_image_of_extreme_numbers_is_written_in_the_units_of_the_file(scan_file: Path, tmp_path: Path) -> None:
    with open_scan(scan_file) as scan:
        kspace = scan.kspace(1).numpy()
    images = []
    for power in (0, -90):
        path, output = tmp_path / "raw.npy", tmp_path / "image.npy"
        np.save(path, kspace * np.float32(2.0**power))
        answer(
            "reconstruct", path, "--axes", "coil,readout,phase", "--method", "cg-sense", *SAMPLING, "--output", output
        )
        images.append(np.load(output) / 2.0**power)
    np.testing.assert_allclose(images[1], images[0], rtol=0, atol=1e-6 * np.abs(images[0]).max())


def test_what_was_guessed_of_a_file_is_told_beside_the_json(scan_file: Path, tmp_path: Path) -> None:
    with open_scan(scan_file) as scan:
        np.save(tmp_path / "raw.npy", scan.kspace(1).numpy())
    told = invoke("reconstruct", tmp_path / "raw.npy", "--method", "zero-filled", *SAMPLING, "--json")
    assert json.loads(told.stdout)
    assert "taken as coil, readout, phase, which is a guess" in told.stderr
    assert not invoke("reconstruct", scan_file, "--method", "zero-filled", *SAMPLING).stderr


def test_a_case_is_saved_and_replays(scan_file: Path, tmp_path: Path) -> None:
    case = tmp_path / "case"
    common = [
        "--method",
        "cg-sense",
        *SAMPLING,
        "--roi",
        "45,48,16,14",
        "--budget",
        "0.02",
        "--budget",
        "0.01",
        "--steps",
        "2",
    ]
    large, small = answer("perturb", "worst-case", scan_file, *common, "--output", case)
    assert large["budget"]["nominal"] == 0.02
    assert small["budget"]["nominal"] == 0.01
    assert large["perturbed"]["roi"]["nmse"] > small["perturbed"]["roi"]["nmse"] > small["random"]["roi"]["nmse"]
    assert set(large) >= {"clean", "perturbed", "random", "perturbed_reference"}
    assert len(large["budget"]["per_coil"]) == 4
    assert rr.load_case(case).recipe.source["upright"] == FIRST_ROW_BELOW.model_dump()
    replayed = answer("replay", case)
    assert replayed["reproduced"] is True


def test_a_feature_is_placed_where_it_is_asked_for(scan_file: Path) -> None:
    (placed,) = answer("perturb", "fnaf", scan_file, "--method", "cg-sense", *SAMPLING, "--at", "60,45", "--size", 4)
    assert placed["position"] == pytest.approx([60, 45])
    assert isinstance(placed["lost"], bool)
    assert placed["information_preserved"] is True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "sense"], "no reconstructor 'sense'"),
        (["--all-slices", "--output", "a.png"], "end the output's name in one of .npy, .h5, .nii.gz"),
        (["--method", "tv", "--knob", "weight"], "has no value"),
        (["--method", "tv", "--knob", "weight=7"], "weight is 7"),
        (["--method", "tv", "--slice", "9"], "slice"),
        (["--method", "tv", "--device", "cuda:77"], "not available"),
        (["--method", "tv", "--output", "image.tiff"], "suffix"),
        (["--device", "meta"], "not available"),
        ([*SAMPLING, "--seed", ""], "the seed is ''; give a whole number from 0, or the name of a file"),
        ([*SAMPLING, "--seed", "-3"], "the seed is '-3'"),
        ([*SAMPLING, "--seed", "1.5"], "the seed is '1.5'"),
    ],
)
def test_wrong_input_is_answered_in_one_sentence(scan_file: Path, arguments: list[str], words: str) -> None:
    result = invoke("reconstruct", scan_file, *arguments)
    assert isinstance(result.exception, ReconRobustError), result.output
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--budget", "0.01"], "no region"),
        (["--roi", "1,2,3", "--budget", "0.01"], "four whole numbers"),
        (["--roi", "200,200,5,5", "--budget", "0.01"], "outside|inside"),
        (["--roi", "45,48,16,14", "--budget", "0"], "budget"),
        (["--roi", "45,48,16,14", "--budget", "-0.1"], "budget"),
        (["--roi", "45,48,16,14", "--budget", "1.5"], "budget"),
        (["--roi", "45,48,16,14", "--budget", "one"], "give a number"),
    ],
)
def test_wrong_regions_and_budgets_are_answered_in_one_sentence(
    scan_file: Path, arguments: list[str], words: str
) -> None:
    result = invoke("perturb", "worst-case", scan_file, "--method", "cg-sense", *SAMPLING, *arguments)
    assert isinstance(result.exception, ReconRobustError), result.output
    assert any(word in str(result.exception) for word in words.split("|"))


def test_numbers_that_are_none_are_answered_in_one_sentence(scan_file: Path, tmp_path: Path) -> None:
    """A ² is a digit, of which Python makes no number; a seed of noise alone was taken for 0 where it was none."""
    np.save(tmp_path / "mask.npy", np.arange(96) % 2 == 0)
    (tmp_path / "table.csv").write_text(
        "file,slice,study_level,x,y,width,height,label\n" + f"{scan_file.stem},1,No,40,40,9,9,Mass\n"
    )
    random = ["perturb", "random", scan_file, "--method", "zero-filled", "--slice", 1, "--budget", 0.01]
    transfer = ["transfer", scan_file, "--method", "tv", "--method", "cg-sense", "--kind", "random"]
    for arguments, words in (
        ([*random, "--roi", "40,40,9,9", "--mask", tmp_path / "mask.npy", "--seed", -1], "the seed is '-1'"),
        ([*random, "--annotations", tmp_path / "table.csv", "--annotation", "²"], "no annotation '²'"),
        ([*transfer, "--set", "kind=fnaf"], "no knob 'kind'"),
        ([*transfer[:-1], "fnaff"], "no perturbation 'fnaff'; choose fnaf, or one of"),
        (["contrast", scan_file, "--roi", "40,40,9,9", "--exceeds", "nan"], "--exceeds is nan"),
        (["compare", scan_file, "--seed", "²"], "--seed is '²'; give a whole number from 0, or file"),
        (["compare", "head="], "'head=' lacks a name or a file"),
        (["review", "status", tmp_path], "is no frozen reader study"),
    ):
        result = invoke(*arguments)
        assert isinstance(result.exception, ReconRobustError), (arguments, result.output, result.exception)
        assert words in str(result.exception)
    assert invoke("simulate", tmp_path / "head.h5", "--seed", -1).exit_code == 2
    np.save(tmp_path / "mask.npy", np.full(96, np.nan))
    refused = invoke("reconstruct", scan_file, "--mask", tmp_path / "mask.npy")
    assert "has NaN or infinity; 0 is expected where nothing is sampled" in str(refused.exception)
    (tmp_path / "empty.h5").touch()
    assert "empty.h5 is empty; expected is" in str(invoke("reconstruct", tmp_path / "empty.h5").exception)


@pytest.mark.parametrize(
    ("arguments", "status"), [(["reconstruct", "missing.h5"], 2), (["reconstruct", __file__], 1), (["unknown"], 2)]
)
def test_errors_are_one_line_on_stderr(
    arguments: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["recon-robust", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    captured = capsys.readouterr()
    assert stopped.value.code == status
    assert captured.out == ""
    assert captured.err.startswith("recon-robust: ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("group", [[], ["perturb"], ["review"]])
def test_a_group_without_a_command_shows_its_help_as_it_is(
    group: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["recon-robust", *group])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Usage: ")
    assert "\nCommands:\n" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["reconstuct", "scan.h5"],
            "there is no command 'reconstuct'; choose reconstruct, or see recon-robust --help.",
        ),
        (["xyz"], "there is no command 'xyz'; see recon-robust --help."),
        (["perturb", "worstcase"], "'worstcase'; choose worst-case, or see recon-robust perturb --help."),
        (["study", "chek"], "'chek'; choose check, or see recon-robust study --help."),
        (["--slice", "3"], "No such option"),
    ],
)
def test_the_command_that_is_meant_is_named(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(cli, arguments, prog_name="recon-robust")
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.slow
def test_contrast_over_samples(scan_file: Path, tmp_path: Path) -> None:
    plot = tmp_path / "contrast.png"
    options = ["--slice", 1, *SAMPLING, "--roi", "30,50,8,8", "--samples", 3, "--steps", 2]
    found = answer("contrast", scan_file, *options, "--reference", "60,40,8,8", "--exceeds", 0.05, "--plot", plot)
    assert len(found["contrasts"]) == found["samples"] == 3
    assert found["probability"] == sum(value > 0.05 for value in found["contrasts"]) / 3
    assert plot.exists()
    text = invoke("contrast", scan_file, *options).output
    assert "exceeds 0% in" in text
    assert "lesions" in text, "it says how it is calibrated"
    assert "keeps something of TV's image" in text
    with open_scan(scan_file) as scan:
        measurement = scan.measurement(1, Sampling(acceleration=3, centre_fraction=0.2))
    again = rr.posterior_contrast(measurement, rr.ROI.box(30, 50, 8, 8), rr.ROI.box(60, 40, 8, 8), samples=3, steps=2)
    assert again.values.tolist() == pytest.approx(found["contrasts"], rel=1e-4)
