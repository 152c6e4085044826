from pathlib import Path

import click
import numpy as np
from click.testing import CliRunner, Result
from PIL import Image

from helpers.reported import FROZEN, frozen
from napari_recon_robust.cli import cli
from napari_recon_robust.cli.commands.export import export
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reports.case_images import NAMES


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["export", str(FROZEN / "worst-case"), *map(str, arguments)])


def test_an_image_of_a_budget_is_exported(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    result = invoke("--image", "perturbed", "--budget", 0.01, "--no-label", "--to", path)
    assert result.exit_code == 0, repr(result.exception)
    assert result.stdout == f"saved: {path}\n"
    case = frozen()
    white = np.percentile(case.images["reference"], 99.7)
    grey = np.rint(255 * np.clip(case.images["perturbed"][0] / white, 0, 1))
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), grey)


def test_the_command_offers_all_images() -> None:
    (option,) = (one for one in export.params if one.name == "image")
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == NAMES


def test_an_unknown_suffix_and_budget_are_refused(tmp_path: Path) -> None:
    for options, words in (
        (["--to", tmp_path / "image.bmp"], "has no known suffix"),
        (["--to", tmp_path / "image.png", "--budget", 0.5], "it has 0.01 or 0.03"),
    ):
        result = invoke(*options)
        assert isinstance(result.exception, InputError)
        assert words in str(result.exception)
