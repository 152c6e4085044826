"""Figures of a perturbation's results, written to a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .comparison import Comparison

SUFFIXES = (".png", ".pdf", ".svg")
NOTICE = "Not for diagnostic use."


def check_file(path: Path) -> None:
    """InputError for a file that no figure can be written to."""
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent.name} for {path.name}; make it, or name another one.")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path.name} is no figure; name it {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")


def worst_case_curve(
    path: Path, budgets: Sequence[float], comparisons: "Sequence[Comparison]", title: str, budget_of: str
) -> None:
    """SSIM and RMSE of the ROI over the budget, perturbed and random, from the clean image on.

    budget_of: what the budgets are fractions of. RMSE relative to the ROI's norm in the reference: flat regions lose
    SSIM for little.
    """
    figure, (left, right) = _panels(title)
    order = sorted(range(len(budgets)), key=lambda number: budgets[number])
    percents = [0.0, *(100 * budgets[number] for number in order)]
    for name, style in (("perturbed", "C3o-"), ("random", "C7s--")):
        scores = [comparisons[0].metrics["clean"], *(comparisons[number].metrics[name] for number in order)]
        left.plot(percents, [score["roi"].ssim for score in scores], style, label=_LABELS[name])
        right.plot(percents, [score["roi"].nmse ** 0.5 for score in scores], style, label=_LABELS[name])
    of_what = f"budget η (% of the norm of {budget_of})"
    left.set(xlabel=of_what, ylabel="SSIM of the region")
    right.set(xlabel=of_what, ylabel="relative RMSE of the region")
    _write(figure, path)


def turned_only(poses: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The points of a rotation's curve (its details) that are neither moved nor scaled, by their angle."""
    return sorted((p for p in poses if not any(p["shift"]) and p["scale"] == 1), key=lambda p: float(p["angle"]))


def pose_curve(path: Path, poses: Sequence[Mapping[str, Any]], title: str, worst: str) -> None:
    """SSIM and RMSE of the ROI over the angle, and what interpolation alone costs.

    poses: the curve of a rotation's details; of what is moved or scaled as well only the worst is shown. worst: the
    worst pose in words.
    """
    figure, (left, right) = _panels(title)
    turned = turned_only(poses)
    angles = [pose["angle"] for pose in turned]
    for prefix, style, label in (
        ("", "C3o-", "reconstructed, turned back"),
        ("floor_", "C7s--", "interpolation alone"),
    ):
        left.plot(angles, [pose[f"{prefix}ssim"] for pose in turned], style, label=label)
        right.plot(angles, [pose[f"{prefix}nmse"] ** 0.5 for pose in turned], style, label=label)
    others = [pose for pose in poses if pose["angle"] or any(pose["shift"]) or pose["scale"] != 1]
    highest = max(others, key=lambda pose: float(pose["nmse"]))
    left.plot(highest["angle"], highest["ssim"], "k*", label=f"worst: {worst}")
    right.plot(highest["angle"], highest["nmse"] ** 0.5, "k*")
    left.set(xlabel="rotation (degrees)", ylabel="SSIM of the region")
    right.set(xlabel="rotation (degrees)", ylabel="relative RMSE of the region")
    _write(figure, path)


_LABELS = {"perturbed": "perturbed", "random": "random noise of equal norm"}


def _panels(title: str) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    return figure, figure.subplots(1, 2)


def _write(figure: "Figure", path: Path) -> None:
    check_file(path)
    for axes in figure.axes:
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.text(0.995, 0.99, NOTICE, ha="right", va="top", size=7, color="0.4")
    figure.savefig(path, dpi=150)
