"""recon-robust compare; the study itself is tested in tests/quality."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.io import open_scan


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


def test_the_table_is_printed_and_kept(scan_file: Path, tmp_path: Path) -> None:
    common = [f"head={scan_file}", "--acceleration", "3", "--method", "zero-filled", "--method", "cg-sense"]
    printed = invoke(*common, "--baseline", "cg-sense", "--output", tmp_path)
    assert printed.exit_code == 0, repr(printed.exception)
    assert "## head, 3x" in printed.stdout
    assert (tmp_path / "comparison.md").read_text(encoding="utf-8") == printed.stdout
    answer = json.loads(invoke(*common, "--output", tmp_path, "--json").stdout)
    lines = {line["method"]: line for line in answer["sections"][0]["methods"]}
    assert lines["zero-filled"]["nmse"]["mean"] > lines["cg-sense"]["nmse"]["mean"] > 0


def test_names_are_for_all_files_or_none(scan_file: Path) -> None:
    result = invoke(f"head={scan_file}", scan_file)
    assert isinstance(result.exception, InputError)
    assert "some of the files have a name" in str(result.exception)


@pytest.mark.parametrize("arguments", [["missing.h5"], ["--acceleration", "4"]])
def test_files_that_are_missing_are_named(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code != 0
    assert "missing.h5" in str(result.exception) or "FILE" in result.output


def test_guessed_axes_are_told(scan_file: Path, tmp_path: Path) -> None:
    with open_scan(scan_file) as scan:
        np.save(tmp_path / "raw.npy", scan.kspace(1).numpy())
    common = [tmp_path / "raw.npy", "--acceleration", "3", "--method", "zero-filled"]
    assert "1 scan: The axes of" in invoke(*common).stderr
    assert invoke(*common, "--axes", "coil,readout,phase").stderr == ""


def test_named_axes_are_those_of_arrays_in_hdf5_too(scan_file: Path, tmp_path: Path) -> None:
    """Four axes of MATLAB's are CMRxRecon's where its number of coils is possible, which is told; names go before."""
    with open_scan(scan_file) as scan:
        kspace = scan.kspace(1).numpy()
    stored = np.stack([kspace, kspace], -1).transpose(1, 2, 3, 0)  # readout, phase, slice, coil
    with h5py.File(tmp_path / "mine.mat", "w") as file:
        file["kspace"] = stored.T
        file["kspace"].attrs["MATLAB_class"] = np.bytes_("single")
    common = [tmp_path / "mine.mat", "--acceleration", "3", "--method", "zero-filled", "--json"]
    told = invoke(*common)
    assert "1 scan: The axes of" in told.stderr
    named = invoke(*common, "--axes", "readout,phase,slice,coil")
    np.save(tmp_path / "mine.npy", kspace)
    raw = invoke(tmp_path / "mine.npy", *common[1:])
    (found,), (expected,) = (json.loads(one.stdout)["sections"][0]["methods"] for one in (named, raw))
    assert found["nmse"]["mean"] == pytest.approx(expected["nmse"]["mean"], rel=1e-4)


def test_a_scan_that_cannot_be_used_is_named_and_the_others_are_measured(scan_file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.npy"
    np.save(cut, np.ones((4, 64, 64), np.complex64))
    cut.write_bytes(cut.read_bytes()[:1000])
    half = tmp_path / "half.h5"
    half.write_bytes(scan_file.read_bytes()[: scan_file.stat().st_size // 2])
    result = invoke(cut, half, scan_file, "--acceleration", "3", "--method", "zero-filled")
    assert result.exit_code == 1
    assert "| zero-filled |" in result.stdout
    assert all(f"recon-robust: left out: {name}" in result.stderr for name in ("cut.npy", "half.h5"))
    assert len(result.stderr.splitlines()) == 2


def test_the_centre_has_at_least_so_many_lines(scan_file: Path) -> None:
    """0 is fastMRI's rule, under which a small scan has fewer than sensitivities want."""
    common = [scan_file, "--method", "zero-filled", "--acceleration", "4", "--json"]
    given = (
        invoke(*common, *least) for least in ([], ["--minimum-centre-lines", "12"], ["--minimum-centre-lines", "0"])
    )
    usual, twelve, none = (json.loads(one.stdout)["sections"][0]["methods"][0]["nmse"]["mean"] for one in given)
    assert usual == twelve < none
    assert "-1 is not in the range" in invoke(*common, "--minimum-centre-lines", "-1").stderr


def test_whole_volumes_take_all_slices(scan_file: Path) -> None:
    result = invoke(scan_file, "--method", "zero-filled", "--volumes", "--seed", "file")
    assert result.exit_code == 0, repr(result.exception)
    assert "whole volumes" in result.stdout
    refused = invoke(scan_file, "--method", "zero-filled", "--volumes", "--slices", "2")
    assert "--slices does nothing for whole volumes" in refused.output
