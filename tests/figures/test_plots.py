"""What is drawn, read from matplotlib's own figure."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from matplotlib.figure import Figure

from napari_recon_robust.cli import cli
from napari_recon_robust.evaluation.comparison import Comparison
from napari_recon_robust.figures import plots
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.perturbations.face import Curve, Panel, Series


def comparison(strength: float) -> Comparison:
    generator = torch.Generator().manual_seed(0)
    reference, noise = torch.rand(2, 24, 24, generator=generator)
    region = torch.ones(24, 24, dtype=torch.bool)
    clean = reference + 0.01 * noise
    return Comparison(
        clean, clean + strength * noise, clean + 0.1 * strength * noise, reference, None, region, region, "combined"
    )


@pytest.mark.slow
def test_the_curve_starts_at_the_clean_image_and_follows_the_budgets(tmp_path: Path, drawn: list[Figure]) -> None:
    """Budgets in any order; SSIM on the left, the root of NMSE on the right."""
    strong, weak = comparison(0.2), comparison(0.1)
    plots.worst_case_curve(tmp_path / "curve.png", [0.02, 0.01], [strong, weak], "title", "the object")
    assert (tmp_path / "curve.png").stat().st_size > 1000
    left, right = drawn[0].axes
    worst, random = left.lines
    assert left.get_xlabel() == right.get_xlabel() == "budget η (% of the norm of the object)"
    assert worst.get_xdata().tolist() == random.get_xdata().tolist() == [0.0, 1.0, 2.0]
    scores = [one.metrics["perturbed"]["roi"].ssim for one in (weak, strong)]
    assert worst.get_ydata().tolist() == [weak.metrics["clean"]["roi"].ssim, *scores]
    assert right.lines[1].get_ydata()[2] == pytest.approx(strong.metrics["random"]["roi"].nmse ** 0.5)
    for panel, score in ((left, "SSIM"), (right, "RMSE")):
        assert score in panel.get_ylabel()
        assert panel.get_title() == "against the reference"
        words = [text.get_text() for text in panel.get_legend().get_texts()]
        assert words == ["perturbed", "random noise of equal norm"]


@pytest.mark.slow
def test_what_the_images_are_held_against_is_said(tmp_path: Path, drawn: list[Figure]) -> None:
    plain = comparison(0.1)
    for one, words in (
        (replace(plain, reference=None), "against the clean image"),
        (replace(plain, perturbed_reference=plain.reference, judged_by="perturbed"), "against the truth of each"),
    ):
        whole = "the object" if one.judged_by == "perturbed" else "each coil's k-space"
        plots.worst_case_curve(tmp_path / "curve.png", [0.01], [one], "title", whole)
        left, right = drawn[-1].axes
        assert left.get_title().startswith(words)
        assert ("the object" in right.get_xlabel()) == (one.judged_by == "perturbed")


def test_the_role_of_a_line_says_how_it_is_drawn(tmp_path: Path, drawn: list[Figure]) -> None:
    roles = ("found", "control", "aside", "ringed")
    lines = tuple(Series(f"line {role}", (0.0, 1.0), (2.0, 3.0), role) for role in roles)
    curve = Curve("dose (mg)", (Panel("relief", lines), Panel("harm", lines[:1])), "title", "note")
    plots.perturbation_curve(tmp_path / "curve.svg", curve, "whole")
    relief, harm = drawn[0].axes
    assert [panel.get_ylabel() for panel in (relief, harm)] == ["relief", "harm"]
    assert relief.get_xlabel() == harm.get_xlabel() == "dose (mg)"
    assert [line.get_label() for line in relief.lines] == [f"line {role}" for role in roles]
    assert [line.get_linestyle() for line in relief.lines] == ["-", "--", "None", "None"]
    assert relief.lines[3].get_markerfacecolor() == "none"
    assert len({line.get_marker() for line in relief.lines[:3]}) == 3


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="curve.gif is no figure"):
        plots.check_file(tmp_path / "curve.gif")
    with pytest.raises(InputError, match="no folder nowhere for curve.png"):
        plots.check_file(tmp_path / "nowhere" / "curve.png")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [["worst-case", "--budget=0.01", "--budget=0.02"], ["rotation", "--angle", "2", "--step", "2"]]
)
def test_command(scan_file: Path, tmp_path: Path, drawn: list[Figure], kind: list[str]) -> None:
    file = tmp_path / "curve.png"
    options = ["--slice", "1", "--pattern", "equispaced", "--method", "cg-sense", "--roi", "30,30,20,20"]
    result = CliRunner().invoke(cli, ["perturb", kind[0], str(scan_file), *options, *kind[1:], "--plot", str(file)])
    assert result.exit_code == 0, result.output
    assert file.exists()
    assert len(drawn[0].axes[0].lines[0].get_xdata()) == 3
    title = drawn[0].get_suptitle()
    assert "CG-SENSE, effective R = 3." in title
    assert ("found by sphere-ascent, loss squared-error" in title) == (kind[0] == "worst-case")
    none = CliRunner().invoke(cli, ["perturb", "spike", str(scan_file), *options, "--plot", str(tmp_path / "none.png")])
    assert none.exit_code == 2
    assert "No such option" in none.output
