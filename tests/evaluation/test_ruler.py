import csv
from io import StringIO

import numpy as np
import pytest

from napari_recon_robust.evaluation.ruler import area, distance, profile, to_csv

SQUARE = np.array([[1.0, 1], [1, 4], [5, 4], [5, 1]])


@pytest.mark.parametrize(
    ("pixel", "length", "inside"), [(None, 10.0, 12.0), ((0.5, 2.0), 14.0, 12.0), ((1.0, 2.0), 16.0, 24.0)]
)
def test_lengths_and_areas_are_in_the_units_of_the_pixel(
    pixel: tuple[float, float] | None, length: float, inside: float
) -> None:
    assert distance(SQUARE, pixel) == pytest.approx(length)
    assert area(SQUARE, pixel) == pytest.approx(inside)
    assert area(SQUARE[::-1], pixel) == pytest.approx(inside), "whichever way round it is drawn"


def test_a_profile_is_linear_between_pixels_and_ends_with_the_image() -> None:
    ramp = np.add.outer(np.arange(6.0), 10 * np.arange(8.0))
    found = profile({"a": ramp, "b": ramp / 2}, np.array([[0.0, 0], [3, 4]]), maximum=10.0)
    assert found.unit == "px"
    np.testing.assert_allclose(found.at, [0, 1, 2, 3, 4, 5])
    np.testing.assert_allclose(found.values["a"], np.linspace(0, 4.3, 6))
    np.testing.assert_allclose(found.values["b"], np.linspace(0, 2.15, 6))
    in_mm = profile({"a": ramp}, np.array([[2.0, 5], [2, 9]]), maximum=1.0, pixel=(0.5, 0.25))
    assert (in_mm.unit, in_mm.at[-1]) == ("mm", 1.0)
    assert np.isnan(in_mm.values["a"][-1])
    np.testing.assert_allclose(in_mm.values["a"][:3], [52, 62, 72])


def test_a_profile_as_csv_has_distances_places_and_values() -> None:
    found = profile({"Reference": np.eye(4)}, np.array([[0.0, 0], [0, 5]]), maximum=1.0, pixel=(1.0, 2.0))
    rows = list(csv.DictReader(StringIO(to_csv(found))))
    assert rows[0] == {"distance_mm": "0", "row": "0", "column": "0", "Reference": "1"}
    assert rows[5] == {"distance_mm": "10", "row": "0", "column": "5", "Reference": ""}
