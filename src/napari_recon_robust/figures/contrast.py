"""The figure of a contrast over samples."""

from pathlib import Path

import numpy as np

from ..evaluation.contrast import Contrasts
from . import plots


def contrast_histogram(path: Path, found: Contrasts, exceeds: float, title: str) -> None:
    """Draw the histogram of the contrasts in percent, the value in question, and the probability of exceeding it.

    Raises InputError for a file that cannot be written.
    """
    figure, (panel,) = plots.panels(title, 1, width=6.5)
    values, probability = 100 * found.values.numpy(), found.exceeds(exceeds)
    panel.hist(values, np.histogram_bin_edges(values, "auto").tolist(), color="C0", label=f"{len(values)} samples")
    label = f"above: {probability.value:.2f} ({probability.low:.2f} to {probability.high:.2f})"
    panel.axvline(100 * exceeds, color="C3", linestyle="--", label=label)
    panel.set(xlabel="contrast to the reference region (%)", ylabel="samples")
    plots.finish(figure, path)
