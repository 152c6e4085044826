import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from click.testing import CliRunner, Result
from matplotlib.figure import Figure
from skimage.io import imread

from napari_recon_robust.cli import cli
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError

OPTIONS = {"--slice": 1, "--method": "cg-sense", "--pattern": "equispaced", "--size": 16}


def invoke(scan_file: Path, *arguments: object) -> Result:
    usual = OPTIONS if "gain" in arguments else {**OPTIONS, "--gradients": 1}
    options = [word for option in usual.items() if option[0] not in arguments for word in option]
    return CliRunner().invoke(cli, ["fragility", str(scan_file), *map(str, [*options, *arguments])])


def test_the_worst_regions_are_those_of_the_map_that_is_written(scan_file: Path, tmp_path: Path) -> None:
    result = invoke(scan_file, "--count", 3, "--json", "--output", tmp_path / "map.npy")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["how"], answer["budget"], answer["relative_to"]) == ("attack", 0.01, "reference")
    change = np.load(tmp_path / "map.npy")
    assert change.shape == (96, 96)
    means = []
    for region in answer["regions"]:
        inside = ROI.parse(region["roi"]).mask((96, 96)).numpy() & (change > 0)
        means.append(change[inside].mean())
        assert region["noise_amplification"] > 0
    assert len(means) == 3
    assert means == pytest.approx([region["expected_change"] for region in answer["regions"]], rel=1e-3)
    assert means == sorted(means, reverse=True)


@pytest.mark.thorough
def test_regions_are_printed_for_roi_and_the_map_is_drawn(scan_file: Path, tmp_path: Path, drawn: list[Figure]) -> None:
    result = invoke(scan_file, "--how", "gain", "--output", tmp_path / "map.png")
    assert result.exit_code == 0, result.output
    assert result.output.count("--roi ") == 5
    words = result.stdout.splitlines()  # on a slow machine progress is told on the other stream
    assert words[0].startswith("CG-SENSE, effective R = ")
    assert all("noise amplification " in line for line in words if line.startswith(tuple("12345")))
    assert "g-factor × √R" in result.output
    assert drawn[0].get_suptitle().splitlines() == [
        f"Fragility: {words[0]}",
        "budget 1% of the k-space norm, the first gradient of each tile",
    ]
    picture = imread(tmp_path / "map.png")[..., :3].astype(int)
    assert np.ptp(picture, axis=-1).max() > 100  # in colour
    assert invoke(scan_file, "--output", tmp_path / "map.nii.gz").exit_code == 0
    assert nibabel.load(tmp_path / "map.nii.gz").shape == (96, 96, 1)


def test_what_does_not_fit_is_said_in_one_sentence(scan_file: Path, tmp_path: Path) -> None:
    for arguments, words in (
        (["--method", "dip"], "gives no gradients"),
        (["--size", "200"], "don't fit"),
        (["--output", tmp_path / "map.tiff"], "suffix"),
        (["--budget", "0"], "fraction above 0"),
        (["--count", "0"], "ask for one or more"),
    ):
        error = invoke(scan_file, *arguments).exception
        assert isinstance(error, InputError)
        assert words in str(error)
