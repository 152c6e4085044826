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


def comparison(strength: float) -> Comparison:
    generator = torch.Generator().manual_seed(0)
    reference, noise = torch.rand(2, 24, 24, generator=generator)
    region = torch.ones(24, 24, dtype=torch.bool)
    clean = reference + 0.01 * noise
    return Comparison(
        clean, clean + strength * noise, clean + 0.1 * strength * noise, reference, None, region, region, "combined"
    )


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


def test_the_curve_of_poses_shows_the_worst_of_all_of_them(tmp_path: Path, drawn: list[Figure]) -> None:
    """The line joins what is turned alone; what is moved as well is marked, and the worst named."""

    def pose(angle: float, rows: float = 0.0, nmse: float = 0.04) -> dict[str, object]:
        scores = {"ssim": 0.9 - angle / 100, "nmse": nmse, "floor_ssim": 0.99, "floor_nmse": 1e-4}
        return {"angle": angle, "shift": [rows, 0.0], "scale": 1.0, **scores}

    poses = [pose(2.0), pose(-2.0), pose(0.0, nmse=1.0), pose(2.0, -1.0), pose(2.0, 1.0, nmse=0.09)]
    plots.pose_curve(tmp_path / "curve.svg", poses, "title", "moved")
    left, right = drawn[0].axes
    assert left.lines[0].get_xdata().tolist() == [-2.0, 0.0, 2.0]
    assert left.lines[1].get_ydata().tolist() == [0.99] * 3
    assert right.lines[0].get_ydata()[0] == pytest.approx(0.2)
    for panel in (left, right):
        _, _, moved, worst = panel.lines
        assert list(moved.get_xdata()) == [2.0, 2.0]
        assert list(worst.get_xdata()) == [2.0]
        assert worst.get_ydata()[0] in moved.get_ydata()
        assert worst.get_label() == "worst by RMSE: moved"
    assert right.lines[3].get_ydata() == pytest.approx([0.3])


def test_the_scan_as_it_is_is_never_the_worst_pose(tmp_path: Path, drawn: list[Figure]) -> None:
    still, turned = (
        {"angle": a, "shift": [0, 0], "scale": 1, "ssim": 0.9, "nmse": e, "floor_ssim": 1, "floor_nmse": 0}
        for a, e in ((0.0, 0.05), (-1.0, 0.04))
    )
    plots.pose_curve(tmp_path / "curve.png", [still, turned], "title", "−1°")
    assert drawn[0].axes[0].lines[-1].get_label() == "worst by RMSE: −1°"


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="curve.gif is no figure"):
        plots.check_file(tmp_path / "curve.gif")
    with pytest.raises(InputError, match="no folder nowhere for curve.png"):
        plots.check_file(tmp_path / "nowhere" / "curve.png")


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
