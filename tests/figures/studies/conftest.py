"""A simulated study for its figures."""

from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from helpers.study_table import table
from napari_recon_robust.figures import plots


@pytest.fixture(scope="session")
def trials() -> pl.DataFrame:
    """Five volumes, six methods, two accelerations, all kinds of perturbations."""
    return table(volumes=5, methods=6, slices=1)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures, each laid out and not drawn: two formats and their fonts take most of a figure's time."""
    found: list[Figure] = []

    def draw(figure: Figure, path: Path) -> None:
        if path.suffix == ".svg":
            found.append(figure)
            layout = figure.get_layout_engine()
            assert layout is not None
            layout.execute(figure)

    monkeypatch.setattr(plots, "save", draw)
    return found
