"""A kind of perturbation brings its own face: the command knows no kind."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from helpers.beacon import GLOWS, Beacon, installed
from napari_recon_robust.cli import cli

SCAN = ["--slice", "1", "--pattern", "equispaced", "--method", "cg-sense"]


@pytest.fixture(autouse=True)
def beacon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with installed(monkeypatch):
        yield


def test_a_new_kind_has_a_page_of_help_with_its_knobs_and_conditions() -> None:
    result = CliRunner().invoke(cli, ["perturb", Beacon.id, "--help"], terminal_width=200)
    assert result.exit_code == 0, result.output
    words = " ".join(result.output.split())
    assert Beacon.summary in words
    assert "How fast it flashes. From 0 to 1. Matters only where colour is flashing." in words
    assert "How long a place is looked for. From 0 to 1. Matters only where north is -1." in words
    for option in ("--north", "--east", "--colour plain|flashing", "--at", "--plot"):
        assert option in words
    for option in ("--budget", "--target-image"):
        assert option not in words


def test_a_new_kind_is_placed_and_its_curve_is_drawn(scan_file: Path, tmp_path: Path, drawn: list[Figure]) -> None:
    file = tmp_path / "glow.png"
    options = ["--at", "50,40", "--colour", "flashing", "--plot", str(file)]
    result = CliRunner().invoke(cli, ["perturb", Beacon.id, str(scan_file), *SCAN, *options])
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert "A flashing beacon is lit at row 50, column 40." in result.output
    assert f"saved: {file}" in result.output
    assert file.stat().st_size > 1000
    (panel,) = drawn[0].axes
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("strength (candela)", "glow (lux)")
    assert list(panel.lines[0].get_xdata()) == list(GLOWS)
    assert list(panel.lines[0].get_ydata()) == [strength**2 for strength in GLOWS]
    assert drawn[0].get_suptitle().endswith("seen from the sea")


def test_the_search_of_a_new_kind_is_refused_with_a_place(scan_file: Path) -> None:
    command = ["perturb", Beacon.id, str(scan_file), *SCAN, "--at", "50,40"]
    refused = CliRunner().invoke(cli, [*command, "--patience", "1"])
    assert "--patience belongs to a search for one" in refused.output
    idle = CliRunner().invoke(cli, [*command, "--colour", "plain", "--rate", "1"])
    assert "--rate does nothing here, since it matters only where colour is flashing; leave it out." in idle.output
    assert CliRunner().invoke(cli, [*command, "--colour", "flashing", "--rate", "1"]).exit_code == 0


def test_a_new_kind_is_transferred_with_its_feature(scan_file: Path) -> None:
    scan = [str(scan_file), "--slice", "1", "--pattern", "equispaced", "--methods", "cg-sense,zero-filled", "--json"]
    settings = ["--kind", Beacon.id, "--set", "north=50", "--set", "east=40"]
    result = CliRunner().invoke(cli, ["transfer", *scan, *settings])
    assert result.exit_code == 0, result.output + repr(result.exception)
    features = json.loads(result.stdout)["features"]
    assert [(one["shape"], one["position"]) for one in features] == [("beacon", [50, 40])] * 2
