"""Numbers as people read them."""

import pytest

from napari_recon_robust.ground.numbers import counted, duration, factor, times, written


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (-0.0514, ".3f", "−0.051"),
        (1234.5, ".3g", "1.23e3"),
        (-1.5e-7, ".3g", "−1.5e−7"),
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


def test_a_factor_before_what_it_is_of() -> None:
    assert [times(value) for value in (0.95, 1, 1.001, 2, 120)] == ["0.95 times ", "", "", "2 times ", "120 times "]


def test_a_time_in_words() -> None:
    assert [duration(seconds) for seconds in (5, 600, 7500, 4e5)] == ["5 s", "10 min", "2 h 5 min", "4.6 days"]


def test_how_many_of_something() -> None:
    assert [counted(count, "scan") for count in (0, 1, 2000)] == ["0 scans", "1 scan", "2,000 scans"]


def test_a_factor_is_written_without_a_power_of_ten_as_far_as_that_can_be_read() -> None:
    found = [factor(value) for value in (5.49, 454.2, 1010.0, 2.4e6, 0.0123, 4.5e-5, 0.0, float("inf"))]
    assert found == ["5.49", "454", "1010", "2.4e6", "0.0123", "4.5e−5", "0", "—"]
