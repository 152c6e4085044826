"""recon-robust samples; the figures are tested in tests/quality."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from napari_recon_robust.cli import cli
from napari_recon_robust.errors import InputError


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["samples", *map(str, arguments)])


def test_the_table_and_the_json_say_the_same(scan_file: Path) -> None:
    common = [scan_file, "--method", "cg-sense", "--acceleration", "2,4", "--seeds", 2, "--centre-fraction", 0.2]
    printed = invoke(*common)
    assert printed.exit_code == 0, repr(printed.exception)
    answer = json.loads(invoke(*common, "--json").stdout)
    head, *rows, sentence = printed.stdout.splitlines()
    assert "SSIM" in head
    assert [row.split()[0] for row in rows] == ["4", "2"]
    assert [float(row.split()[3]) for row in rows] == [round(level["ssim"], 3) for level in answer["levels"]]
    assert sentence == answer["sentence"] == "The quality does not fall anywhere as samples are added."
    assert answer["method"] == "cg-sense"
    assert {mask["seed"] for mask in answer["masks"]} == {0, 1}


def test_accelerations_that_are_no_numbers_are_named(scan_file: Path) -> None:
    result = invoke(scan_file, "--acceleration", "two")
    assert isinstance(result.exception, InputError)
    assert "numbers separated by commas" in str(result.exception)
