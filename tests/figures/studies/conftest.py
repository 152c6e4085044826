"""A simulated study for its figures."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from polars import DataFrame


@pytest.fixture(scope="session")
def trials() -> "DataFrame":
    """Five volumes, six methods, two accelerations, all kinds of perturbations."""
    pytest.importorskip("polars")
    from helpers.study_table import table

    return table(volumes=5, methods=6, slices=1)
