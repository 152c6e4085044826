"""Options that several commands share: made from descriptions, and lists given in one way."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from napari_recon_robust.cli import cli, options
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import sampling
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.registry import registry

FIRST = ["--slice", "1", "--centre-fraction", "0.2"]


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code == 0, repr(result.exception)
    return result


def test_the_sampling_is_described_once() -> None:
    command = click.command()(options.slice_options(lambda: None))
    listed = {option.name: option for option in command.params}
    usual = Sampling()
    for knob in sampling.KNOBS:
        assert knob.default == getattr(usual, knob.name)
        assert listed[knob.name].help.startswith(knob.help)  # type: ignore[attr-defined]
    assert [listed[name].default for name in ("acceleration", "centre_fraction")] == [4.0, 0.08]
    assert listed["pattern"].type.choices == sampling.PATTERNS  # type: ignore[attr-defined]


def test_the_help_says_that_defaults_of_sampling_are_those_of_lines_that_are_drawn() -> None:
    """Without any option of sampling nothing is left out, beside which "[default: 4.0]" was wrong."""
    help = " ".join(invoke("reconstruct", "--help").output.split())
    assert "the effective R may be smaller. [default: (4 where lines are drawn)]" in help
    assert "[default: (0.08 where lines are drawn)]" in help


# With these a help goes on with the sentence that the option's name has begun.
FRAGMENT = re.compile(r"(Of|For|Between|Relative|See|Which of the|Where[;,]|Repeat it)\b")


def options_below(command: click.Command, words: str = "") -> Iterator[tuple[str, str]]:
    """Every option of a command and of those below it, with its help."""
    context = click.Context(command)
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            yield f"{words} {option.opts[0]}", option.help or ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from options_below(below, f"{words} {name}")


def test_the_help_of_every_option_and_knob_is_read_alone() -> None:
    """`--gradients N  Of the attack.` was understood only with the name as the subject of its sentence."""
    helps = [*options_below(cli)]
    helps += [(f"{id} {knob.name}", knob.help) for id in registry.ids() for knob in registry.get(id).knobs]
    assert [f"{name}: {help}" for name, help in helps if not help or FRAGMENT.match(help)] == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["reconstruct"], True),
        (["reconstruct", "--pattern", "equispaced", "--centre-fraction", 0.2], False),
        (["reconstruct", "--acceleration", 1], False),
        (["perturb", "random", "--budget", 0.01, "--roi", "30,30,20,20"], True),
        (["perturb", "random", "--budget", 0.01, "--roi", "30,30,20,20", "--seed", 3], True),
        (["perturb", "other-mask", "--roi", "30,30,20,20"], False),
        (["samples", "--acceleration", 2, "--seeds", 1], False),
    ],
)
def test_a_scan_that_is_left_fully_sampled_is_told_beside_the_result(
    scan_file: Path, command: list[object], told: bool
) -> None:
    """Whoever forgot to undersample took a method that had lost nothing for a robust one."""
    result = invoke(*command, scan_file, "--slice", 1, "--method", "zero-filled", "--json")
    assert ("the scan is fully sampled and nothing is left out of it (R = 1)" in result.stderr) == told
    assert json.loads(result.stdout)


def test_a_seed_of_noise_leaves_no_line_out(scan_file: Path) -> None:
    """One more option than the run before, and another mask: the two could not be compared."""
    random = ("perturb", "random", scan_file, "--slice", 1, "--method", "zero-filled", "--budget", 0.01)
    assert "effective R = 1\n" in invoke(*random, "--roi", "30,30,20,20", "--seed", 3).stdout


def test_a_scan_of_bart_is_named_without_its_suffixes(tmp_path: Path) -> None:
    kspace = np.random.default_rng(0).standard_normal((24, 16, 1, 2, 2)).astype(np.float32)
    kspace.view(np.complex64).ravel().tofile(tmp_path / "knee.cfl")
    (tmp_path / "knee.hdr").write_text("# Dimensions\n24 16 1 2\n")
    assert "Zero-filled" in invoke("reconstruct", tmp_path / "knee", "--method", "zero-filled").output
    missing = CliRunner().invoke(cli, ["reconstruct", str(tmp_path / "foot")])
    assert missing.exit_code == 2
    assert "foot' does not exist" in missing.output


@pytest.mark.parametrize(
    ("command", "now", "before"),
    [
        (
            ["samples", "--method", "cg-sense", "--seeds", 1],
            ["--acceleration", 2, "--acceleration", 4],
            ["--acceleration", "2,4"],
        ),
        (
            ["perturb", "random", "--method", "zero-filled", "--roi", "30,30,20,20"],
            ["--budget", 0.01, "--budget", 0.02],
            ["--budget", "0.01,0.02"],
        ),
        (
            ["transfer", "--pattern", "equispaced", "--kind", "random", "--roi", "30,30,20,20"],
            ["--method", "cg-sense", "--method", "zero-filled", "--found-on", "cg-sense"],
            ["--methods", "cg-sense,zero-filled", "--found-on", "cg-sense"],
        ),
        (
            ["retention", "--method", "zero-filled", "--pattern", "equispaced", "--places", 2],
            ["--size", 3, "--size", 4, "--contrast", 0.3],
            ["--sizes", "3,4", "--contrasts", "0.3"],
        ),
    ],
    ids=["samples", "perturb", "transfer", "retention"],
)
def test_lists_behind_commas_are_read_as_before_and_warned_of(
    scan_file: Path, command: list[object], now: list[object], before: list[object]
) -> None:
    known, former = (invoke(*command, scan_file, *FIRST, *given) for given in (now, before))
    assert known.stderr == ""
    assert "will go in the next release" in former.stderr
    assert former.stdout == known.stdout


@pytest.mark.parametrize(
    "command",
    ["reconstruct", "diverse", "fragility", "retention", "samples", "perturb worst-case --budget 0.01", "transfer"],
)
def test_methods_and_knobs_are_checked_before_the_scan_is_read(
    command: str, scan_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading and calibrating a slice may take a minute."""
    monkeypatch.setattr(options, "open_scan", lambda *_, **__: pytest.fail("the scan was opened"))
    wrong = {"--method tw": "'tw'"}
    if command != "transfer":  # whose methods have their knobs at the defaults
        wrong |= {"--method tv --knob weight=99": "weight is 99", "--method tv --knob width=1": "'width'"}
    for given, words in wrong.items():
        result = CliRunner().invoke(cli, [*command.split(), str(scan_file), *given.split()])
        assert isinstance(result.exception, InputError), repr(result.exception)
        assert words in str(result.exception)


def test_a_mask_that_leaves_nothing_out_is_told(scan_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "mask.npy", np.ones(96))
    result = invoke("reconstruct", scan_file, "--method", "zero-filled", "--mask", tmp_path / "mask.npy")
    assert "the mask leaves nothing out of the fully sampled scan (R = 1)." in result.stderr
