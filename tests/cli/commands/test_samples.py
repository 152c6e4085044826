"""recon-robust samples; the figures are tested in tests/quality."""

import json
import re
from inspect import signature
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from matplotlib.figure import Figure

from napari_recon_robust.analyses.samples import quality_by_samples
from napari_recon_robust.cli import cli
from napari_recon_robust.cli.commands.samples import samples
from napari_recon_robust.evaluation.measures import MEASURES, MetricDisplay
from napari_recon_robust.ground.errors import InputError

TWO = ["--acceleration", "2", "--acceleration", "4"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["samples", *map(str, arguments)])


def test_the_command_draws_as_many_masks_as_the_function() -> None:
    (option,) = (one for one in samples.params if one.name == "seeds")
    assert tuple(range(option.default)) == signature(quality_by_samples).parameters["seeds"].default


def test_the_table_and_the_json_say_the_same(scan_file: Path) -> None:
    common = [scan_file, "--method", "cg-sense", *TWO, "--seeds", 2, "--centre-fraction", 0.2]
    printed = invoke(*common)
    assert printed.exit_code == 0, repr(printed.exception)
    answer = json.loads(invoke(*common, "--json").stdout)
    method, head, *rows, legend, sentence = printed.stdout.splitlines()
    assert method.startswith("CG-SENSE, equispaced")
    assert [name for name in ("SSIM", "PSNR, dB", "NMSE") if name not in head] == []
    assert [row.split()[0] for row in rows] == ["4", "2"]
    assert [float(row.split()[4]) for row in rows] == [round(level["ssim"], 3) for level in answer["levels"]]
    assert all("±" in row for row in rows)
    assert "standard deviation" in legend
    assert sentence == answer["sentence"] == "The quality does not fall anywhere as samples are added."
    assert answer["method"] == "cg-sense"
    assert {mask["seed"] for mask in answer["masks"]} == {0, 1}


def test_every_image_metric_has_its_column(scan_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEASURES, "psnr", MetricDisplay("Peak", ".0f", "", unit="bel"))
    printed = invoke(scan_file, "--method", "zero-filled", "--acceleration", 2, "--seeds", 2, "--centre-fraction", 0.2)
    head, row = printed.stdout.splitlines()[1:3]
    at = head.index("Peak, bel")
    assert re.match(r"\d+ ± \d+ ", row[at:])


def test_one_mask_has_no_spread(scan_file: Path) -> None:
    common = [scan_file, "--method", "cg-sense", *TWO, "--seeds", 1, "--centre-fraction", 0.2]
    assert "±" not in invoke(*common).stdout
    assert [level["ssim_spread"] for level in json.loads(invoke(*common, "--json").stdout)["levels"]] == [None, None]


@pytest.mark.slow
@pytest.mark.parametrize(("pattern", "label"), [("equispaced", "38\nR 2.53"), ("poisson-disc", "R ")])
def test_the_curve_is_drawn_over_lines_and_effective_r(
    scan_file: Path, tmp_path: Path, drawn: list[Figure], pattern: str, label: str
) -> None:
    file = tmp_path / "curve.png"
    common = [scan_file, "--method", "cg-sense", *TWO, "--seeds", 2, "--centre-fraction", 0.2]
    result = invoke(*common, "--pattern", pattern, "--plot", file)
    assert result.exit_code == 0, repr(result.exception)
    assert file.stat().st_size > 10000
    levels = json.loads(invoke(*common, "--pattern", pattern, "--json").stdout)["levels"]
    panels = drawn[0].axes
    assert "CG-SENSE" in drawn[0].get_suptitle()
    for panel, name, shown in zip(panels, ("ssim", "psnr", "nmse"), ("SSIM", "PSNR (dB)", "NMSE"), strict=True):
        mean, each = panel.lines
        assert mean.get_xdata() == pytest.approx([1 / level["effective"] for level in levels])
        assert mean.get_ydata() == pytest.approx([level[name] for level in levels])
        assert len(each.get_ydata()) == sum(level["masks"] for level in levels)
        assert panel.get_ylabel() == f"{shown} of the foreground"
        assert "effective R" in panel.get_xlabel()
        assert panel.get_xticklabels()[0].get_text().startswith(label)


def test_a_figure_that_cannot_be_is_refused_first(scan_file: Path, tmp_path: Path) -> None:
    result = invoke(scan_file, "--plot", tmp_path / "curve.gif")
    assert isinstance(result.exception, InputError)
    assert "curve.gif is no figure" in str(result.exception)


def test_accelerations_that_are_no_numbers_are_named(scan_file: Path) -> None:
    result = invoke(scan_file, "--acceleration", "two")
    assert isinstance(result.exception, InputError)
    assert "--acceleration is 'two'; give a number" in str(result.exception)
