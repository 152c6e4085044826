"""Figures of curves, and writing any figure to a file."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ground.errors import InputError, either
from ..ground.writing import write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..evaluation.comparison import Comparison
    from ..perturbations.face import Curve

SUFFIXES = (".png", ".pdf", ".svg")
_UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}  # so that the same figure gives the same file
NOTICE = "Not for diagnostic use."

# Line and mark, as well as colour, tell worst and control apart.
WORST, CONTROL, OTHER = "C3o-", "C7s--", "C0x"
RING: dict[str, Any] = {"markersize": 13, "markerfacecolor": "none", "markeredgecolor": "black"}
_STYLES = {"found": WORST, "control": CONTROL, "aside": OTHER, "ringed": "o"}
_RMSE = "relative RMSE of the region (fraction)"


def check_file(path: Path) -> None:
    """Raise InputError for a file that no figure can be written to."""
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent.name} for {path.name}; make it, or name another one.")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path.name} is no figure; name it {either(SUFFIXES)}.")


def worst_case_curve(
    path: Path, budgets: Sequence[float], comparisons: "Sequence[Comparison]", title: str, budget_of: str
) -> None:
    """Draw SSIM and RMSE of the ROI over the budget, perturbed and random; the clean image is at budget 0.

    budget_of: what the budgets are fractions of. RMSE is relative to the ROI's norm in the reference, since flat
    regions lose SSIM through small changes. If the object was changed, images are compared with the changed truth.
    """
    figure, (left, right) = panels(title)
    order = sorted(range(len(budgets)), key=lambda number: budgets[number])
    percents = [0.0, *(100 * budgets[number] for number in order)]
    for name, style, label in (
        ("perturbed", WORST, "perturbed"),
        ("random", CONTROL, "random noise of equal norm"),
    ):
        scores = [comparisons[0].metrics["clean"], *(comparisons[number].metrics[name] for number in order)]
        left.plot(percents, [score["roi"].ssim for score in scores], style, label=label)
        right.plot(percents, [score["roi"].nmse ** 0.5 for score in scores], style, label=label)
    against = "the clean image, no reference is known" if comparisons[0].reference is None else "the reference"
    if comparisons[0].judged_by == "perturbed":
        against = "the truth of each" if comparisons[0].judges else "a truth that is not known"
    left.set_ylabel("SSIM of the region")
    right.set_ylabel(_RMSE)
    for panel in (left, right):
        panel.set_xlabel(f"budget η (% of the norm of {budget_of})")
        panel.set_title(f"against {against}", fontsize="medium")
    finish(figure, path)


def perturbation_curve(path: Path, curve: "Curve", title: str) -> None:
    """What a perturbation measured over a quantity of its own: a panel for each measure."""
    figure, drawn = panels(title, len(curve.panels))
    for axes, panel in zip(drawn, curve.panels, strict=True):
        for line in panel.series:
            more = RING if line.role == "ringed" else {}
            axes.plot(line.at, line.values, _STYLES[line.role], label=line.name, **more)
        axes.set(xlabel=curve.over, ylabel=panel.label)
    finish(figure, path)


def panels(title: str, count: int = 2, width: float = 4.5) -> tuple["Figure", "Sequence[Axes]"]:
    """A figure with a title and some panels side by side, each `width` inches wide."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, 3.8), layout="constrained")
    figure.suptitle(title)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def finish(figure: "Figure", path: Path) -> None:
    """Add a grid and a legend to each panel, and write the file."""
    for axes in figure.axes:
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize="small")
    save(figure, path)


def save(figure: "Figure", path: Path) -> None:
    """Write a figure with the notice; InputError for a file that is no figure, WritingError if it cannot be written."""
    check_file(path)
    kind = path.suffix[1:].lower()
    figure.text(0.995, 1 - 0.04 / figure.get_figheight(), NOTICE, ha="right", va="top", size=7, color="0.4")
    content = BytesIO()
    figure.savefig(content, format=kind, dpi=150, metadata=_UNDATED.get(kind))
    write(path, content.getbuffer())
