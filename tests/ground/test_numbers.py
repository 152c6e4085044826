"""Numbers as people read them."""

import pytest

from napari_recon_robust.ground.numbers import written


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (-0.0514, ".3f", "−0.051"),
        (1234.5, ".3g", "1.23e+03"),
        (-1.5e-7, ".3g", "−1.5e−07"),
        (-0.0004, ".3f", "0.000"),
        (2.0, "+.1f", "+2.0"),
        (-0.04, "+.1f", "0.0"),
        (0.04, "+.1f", "0.0"),
        (float("nan"), ".3g", "—"),
        (float("-inf"), ".3g", "—"),
    ],
)
def test_a_number_has_a_true_minus_and_zero_has_none(value: float, form: str, text: str) -> None:
    assert written(value, form) == text
