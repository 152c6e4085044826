"""The figure of quality against the number of samples."""

from pathlib import Path

from ..analyses.samples import Level, SamplesCurve
from ..evaluation.measures import MEASURES
from . import plots


def samples_curve(path: Path, curve: SamplesCurve, title: str) -> None:
    """Draw SSIM, PSNR and NMSE of the foreground over the number of samples, with the fewest on the left.

    A line joins the means over the masks of each acceleration; dots are the masks. The axis gives the number of lines,
    if whole ones are sampled, and the effective R. Raises InputError for a file that cannot be written.
    """
    figure, panels = plots.panels(title, len(MEASURES))
    levels = curve.levels
    shares = [1 / level.effective for level in levels]
    several = any(level.masks > 1 for level in levels)
    for panel, (name, measure) in zip(panels, MEASURES.items(), strict=True):
        means = [getattr(level.mean, name) for level in levels]
        panel.plot(shares, means, plots.WORST, label="mean of the masks" if several else "one mask each")
        if several:
            each = [getattr(point.metrics, name) for point in curve.points]
            panel.plot([1 / point.effective for point in curve.points], each, "k.", markersize=4, label="each mask")
        panel.set_xscale("log")
        panel.set_xticks([], minor=True)
        panel.set_xticks(shares, [_samples(level) for level in levels], fontsize="small")
        lines = "sampled lines and " if levels[0].lines is not None else ""
        unit = f" ({measure.unit})" if measure.unit else ""
        panel.set(xlabel=f"{lines}effective R; more samples →", ylabel=f"{measure.name}{unit} of the foreground")
    plots.finish(figure, path)


def _samples(level: Level) -> str:
    return f"R {level.effective:.3g}" if level.lines is None else f"{level.lines:.3g}\nR {level.effective:.3g}"
