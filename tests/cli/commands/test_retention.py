"""`recon-robust retention`, on a small scan in fastMRI's layout."""

import json
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from matplotlib.figure import Figure

from napari_recon_robust.analyses.retention import recovery_table
from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import InputError

COMMON = ["--method", "zero-filled", "--pattern", "equispaced", "--centre-fraction", "0.2"]
MAP = [*COMMON, "--spacing", "12"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["retention", *map(str, arguments)], catch_exceptions=True)


def test_the_map_is_written_and_summed_up(scan_file: Path, tmp_path: Path, drawn: list[Figure]) -> None:
    array, picture = tmp_path / "map.npy", tmp_path / "map.png"
    result = invoke(scan_file, *MAP, "--output", array, "--json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    found = json.loads(result.stdout)
    values = np.load(array)
    assert values.shape == (96, 96)
    assert values.dtype == np.float32
    assert np.isnan(values[0, 0])
    assert found["reconstructions"] < found["positions"]
    assert len(found["worst"]) == 8
    result = invoke(scan_file, *MAP, "--output", picture)
    assert f"{found['positions']} positions in {found['reconstructions']} reconstructions" in result.output
    assert "Zero-filled, effective R = 2" in result.output
    assert result.output.count("detectability ") == 8
    assert drawn[0].get_suptitle().splitlines() == [
        f"Retention: {result.output.splitlines()[0]}",
        "a blob of 4 pixels, contrast +0.4 to the tissue, every 12 pixels",
    ]
    shown = drawn[0].axes[1].images[1].get_array()
    assert np.array_equal(np.asarray(shown.filled(np.nan)), values, equal_nan=True)
    assert picture.stat().st_size > 10000


def test_the_table_is_printed(scan_file: Path) -> None:
    result = invoke(scan_file, *COMMON, "--size", "2", "--size", "4", "--places", "5")
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert "effective R = " in result.output
    assert "| size | contrast +0.2 | contrast +0.4 |" in result.output
    assert "blobs recovered (at least 0.5 of the contrast)" in result.output
    assert "| 4 px |" in result.output
    result = invoke(scan_file, *COMMON, "--size", "2", "--size", "4", "--places", "5", "--json")
    assert json.loads(result.stdout)["acceleration"] > 1
    cells = json.loads(result.stdout)["cells"]
    assert [(cell["size"], cell["contrast"]) for cell in cells] == [(2, 0.2), (2, 0.4), (4, 0.2), (4, 0.4)]
    assert all(0 <= cell["low"] <= cell["recovered"] / 5 <= cell["high"] <= 1 for cell in cells)


def test_a_table_has_the_sizes_and_contrasts_of_the_function(scan_file: Path) -> None:
    result = invoke(scan_file, *COMMON, "--table", "--places", "5", "--json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    defaults = {name: one.default for name, one in signature(recovery_table).parameters.items()}
    expected = [(size, contrast) for size in defaults["sizes"] for contrast in defaults["contrasts"]]
    assert [(cell["size"], cell["contrast"]) for cell in json.loads(result.stdout)["cells"]] == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "map.h5"], "suffix"),
        (["--size", "2;3"], "give a number"),
        (["--size", "200"], "larger than the image"),
        (["--roi", "0,0,3,3"], "no tissue"),
    ],
)
def test_wrong_input_is_answered_in_one_sentence(scan_file: Path, arguments: list[str], words: str) -> None:
    result = invoke(scan_file, *COMMON, *arguments)
    assert isinstance(result.exception, InputError), result.output
    assert words in str(result.exception)
