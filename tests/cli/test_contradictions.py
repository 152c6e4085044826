"""Options that exclude each other, or that would do nothing, end a command as wrong usage before anything is read."""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import InputError

ROI = ["--roi", "45,48,16,14"]
BUDGET = ["--budget", "0.01"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


def refused(*arguments: object) -> str:
    """What a command says that refuses its options."""
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output + repr(result.exception)
    usage, _, sentence = result.output.partition("Error: ")
    assert "Usage: " in usage
    return sentence.strip()


def commands(
    command: click.Command = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that runs, by its names."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from commands(below, (*path, name))


@pytest.mark.parametrize(("path", "command"), [pytest.param(*one, id=" ".join(one[0])) for one in commands()])
def test_an_option_for_one_value_is_given_once(path: tuple[str, ...], command: click.Command) -> None:
    for option in command.params:
        if not isinstance(option, click.Option) or option.multiple:
            continue
        given = (option.opts[0],) if option.is_flag else (option.opts[0], "1")
        second = (option.secondary_opts[0],) if option.secondary_opts else given
        if second == given and option.is_flag:
            continue  # it says the same again
        flags = " or ".join((*option.opts, *option.secondary_opts))
        assert refused(*path, *given, *second) == f"{flags} is given twice; leave one of them out."


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("reconstruct", ["--method", "tv", "--auto", "--knob", "weight=1e-3"], "--auto chooses weight, and --knob"),
        ("reconstruct", ["--knob", "noise=1", "--knob", "noise = 2"], "--knob gives noise twice"),
        ("reconstruct", ["--pattern", "random", "--mask", "MASK"], "both --pattern and --mask are given"),
        ("reconstruct", ["--seed", "3", "--mask", "MASK"], "both --seed and --mask are given"),
        ("reconstruct", ["--seed", "3"], "--seed draws lines, and none are to be drawn"),
        ("perturb fnaf", ["--at", "60,45", "--row", "50"], "both --at and --row are given"),
        ("perturb fnaf", ["--at", "60,45", "--column", "50"], "both --at and --column are given"),
        ("perturb fnaf", ["--at", "60,45", "--search", "9"], "--search belongs to a search for one"),
        ("perturb fnaf", ["--shape", "walk", "--size", "9"], "--size does nothing here, since it matters only where"),
        (
            "perturb worst-case",
            [*ROI, *BUDGET, "--algorithm", "apgd", "--evaluations", "9"],
            "--evaluations does nothing here, since it matters only where algorithm is auto or black-box, or check is",
        ),
        (
            "perturb targeted",
            [*ROI, *BUDGET, "--target-image", "MASK", "--effect", "vanish"],
            "--effect does nothing beside --target-image",
        ),
        ("perturb random", [*ROI, *BUDGET, "--annotations", "MASK"], "both --roi and --annotations are given"),
        ("perturb random", [*ROI, *BUDGET, "--annotation", "1"], "give the table too, by --annotations CSV"),
        ("perturb random", [*ROI, *BUDGET, "--mask", "MASK", "--acceleration", "3"], "both --acceleration and --mask"),
        ("fragility", ["--how", "gain", "--gradients", "4"], "--gradients does nothing with --how gain"),
        ("retention", ["--places", "9"], "--places does nothing for the map; --table asks for the table"),
        ("retention", ["--table", "--spacing", "3"], "--spacing does nothing for the table"),
        ("retention", ["--table", "--output", "map.png"], "--output takes the map"),
        ("retention", ["--size", "4", "--sizes", "3,5"], "both --size and --sizes are given"),
        ("transfer", ["--method", "tv", "--methods", "unet"], "both --method and --methods are given"),
        ("transfer", ["--method", "tv", "--kind", "fnaf", *BUDGET], "--budget does nothing with --kind fnaf"),
        ("transfer", ["--method", "tv", "--set", "steps=1", "--set", "steps=2"], "--set gives steps twice"),
        ("compare", ["--matrix", "64"], "--matrix does nothing without NIfTI volumes"),
        ("compare", ["--axes", "coil,readout,phase"], "--axes does nothing without arrays whose axes can be named"),
    ],
)
def test_what_contradicts_or_does_nothing_is_refused(
    scan_file: Path, tmp_path: Path, command: str, options: list[str], words: str
) -> None:
    mask = tmp_path / "mask.npy"
    np.save(mask, np.arange(96) % 2 == 0)
    sentence = refused(*command.split(), scan_file, *[str(mask) if one == "MASK" else one for one in options])
    assert words in sentence
    assert "leave" in sentence or "give" in sentence
    assert sentence.count("\n") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["film", ".", "--kind", "budgets", *BUDGET, "--to", "x.gif"], "--budget does nothing with --kind budgets"),
        (["export", ".", "--image", "clean", *BUDGET, "--to", "x.png"], "--budget does nothing with --image clean"),
        (["export", ".", "--label", "--to", "x.tiff"], "--label does nothing for x.tiff; only .png or .dcm"),
        (["gallery", ".", "--json", "--csv", "-"], "both --json and --csv - would be printed"),
        (["train", "unet", "--data", ".", "--from", "unet", "--from-shipped"], "both --from and --from-shipped"),
        (["train", "unet", "--data", ".", "--resume", "--from", "unet"], "both --resume and --from are given"),
        (["demo", "--tour", "--output", "x"], "both --tour and --output are given"),
        (["review", "demo", "--no-serve", "--port", "8000"], "--port does nothing with --no-serve"),
        (["review", "export", ".", "--question", "lesion"], "--question does nothing for .csv"),
        (["review", "compare", "FILE", "--question", "lesion"], "--question does nothing for .imrmc"),
        (["study", "resume", "FILE", "--workers", "2", "--scheduler", "x"], "both --workers and --scheduler"),
        (["study", "run", "FILE", "--scheduler", "x", "--cluster", "FILE"], "both --scheduler and --cluster"),
        (["study", "run", "FILE", "--scans", "."], "leave out --scans, --annotations and --method"),
    ],
)
def test_what_contradicts_without_a_scan_is_refused(tmp_path: Path, arguments: list[str], words: str) -> None:
    file = tmp_path / "file.imrmc"
    file.write_text("")
    assert words in refused(*[str(file) if one == "FILE" else one for one in arguments])


def test_a_seed_of_noise_stands_beside_a_mask(scan_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "mask.npy", (np.arange(96) % 2 == 0) | (abs(np.arange(96) - 48) < 8))
    common = ["perturb", "random", scan_file, "--method", "zero-filled", *ROI, *BUDGET, "--mask", tmp_path / "mask.npy"]
    found = [invoke(*common, "--seed", seed) for seed in (3, 4)]
    assert [result.exit_code for result in found] == [0, 0], found[0].output
    heads = {result.stdout.splitlines()[0] for result in found}
    assert len(heads) == 1, "the mask is the same"


def test_a_seed_of_noise_is_taken_on_a_scan_that_is_undersampled(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kspace = rng.normal(size=(4, 32, 32)) + 1j * rng.normal(size=(4, 32, 32))
    kspace *= np.exp(-((np.arange(32) - 16) ** 2) / 20) * ((np.arange(32) % 2 == 0) | (abs(np.arange(32) - 16) < 5))
    np.save(tmp_path / "raw.npy", kspace.astype(np.complex64))
    scan = [tmp_path / "raw.npy", "--axes", "coil,readout,phase", "--method", "zero-filled", "--roi", "8,8,9,9"]
    found = invoke("perturb", "random", *scan, *BUDGET, "--seed", 4)
    assert found.exit_code == 0, repr(found.exception)
    told = "of the mask those points are kept that it measured"
    assert told not in found.stderr
    assert told in invoke("perturb", "random", *scan, *BUDGET, "--pattern", "random", "--acceleration", 2).stderr


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("tv, weight=1e-3, weight=2e-3", "gives weight twice"),
        ("tv, auto, oracle", "chooses its knobs twice, by auto and oracle"),
        ("tv, weight=1e-3, oracle", "gives weight, which oracle chooses"),
        ("tv, rule, weight=1e-3", "gives weight, which rule chooses"),
    ],
)
def test_a_method_of_a_comparison_sets_a_knob_once(scan_file: Path, method: str, words: str) -> None:
    result = invoke("compare", scan_file, "--method", method)
    assert isinstance(result.exception, InputError)
    assert words in str(result.exception)


def test_ratings_of_one_question_are_compared_without_its_name(tmp_path: Path) -> None:
    rows = "\n".join(f"1,{treatment},{case},{case % 2},{case % 5 + 1}" for treatment in (1, 2) for case in range(1, 9))
    (tmp_path / "ratings.csv").write_text(f"reader,treatment,case,truth,rating\n{rows}\n")
    said = refused("review", "compare", tmp_path / "ratings.csv", "--question", "lesion")
    assert "--question does nothing for ratings.csv, which `export` did not write" in said


def test_annotations_of_a_packaged_plan_are_not_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("")
    found = invoke("study", "new", "demo", "--annotations", "table.csv")
    assert "leave the annotations out" in str(found.exception)
    Path("paper-fnaf.yaml").write_text("")
    found = invoke("study", "check", "paper-fnaf", "--annotations", "table.csv")
    assert "leave them out, or give the scans too" in str(found.exception)
