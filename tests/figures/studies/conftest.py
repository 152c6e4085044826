"""A simulated study for its figures."""

import polars as pl
import pytest

from helpers.study_table import table


@pytest.fixture(scope="session")
def trials() -> pl.DataFrame:
    """Five volumes, six methods, two accelerations, all kinds of perturbations."""
    return table(volumes=5, methods=6, slices=1)
