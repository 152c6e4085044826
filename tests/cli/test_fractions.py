"""Budgets and other fractions on the command line, which users write as percentages."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from napari_recon_robust.cli import cli
from napari_recon_robust.cli.fractions import FRACTION, of_percentage


def test_a_percentage_is_told_as_a_fraction() -> None:
    assert [of_percentage(text) for text in ("1%", "2.5 %", "0.01", "x%", "%")] == ["0.01", "0.025", "", "", ""]
    assert FRACTION.convert("0.01", None, None) == 0.01
    with pytest.raises(click.BadParameter, match="'1%' is a percentage; give it as a fraction, 0.01."):
        FRACTION.convert("1%", None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        ["perturb", "random", "SCAN", "--budget", "1%"],
        ["fragility", "SCAN", "--budget", "1%"],
        ["transfer", "SCAN", "--budget", "1%"],
        ["reconstruct", "SCAN", "--centre-fraction", "1%"],
        ["samples", "SCAN", "--centre-fraction", "1%"],
        ["compare", "SCAN", "--centre-fraction", "1%"],
        ["export", ".", "--to", "x.png", "--budget", "1%"],
        ["film", ".", "--to", "x.gif", "--budget", "1%"],
    ],
)
def test_every_fraction_says_how_it_is_written(scan_file: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, [str(scan_file) if one == "SCAN" else one for one in arguments])
    assert result.exit_code in (1, 2)
    assert "give it as a fraction, 0.01." in result.output + str(result.exception)
