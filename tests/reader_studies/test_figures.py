import pytest

from napari_recon_robust.reader_studies.figures import chart, forests
from napari_recon_robust.reader_studies.measures.found import Curve, Finding
from napari_recon_robust.statistics.estimate import Estimate


def finding(arm: str, interval: tuple[float, float] | None, drawn: str = "Choices", null: float = 0.5) -> Finding:
    return Finding("preference", "share of choices", arm, Estimate(0.6, interval, 6), drawn=drawn, null=null)


def test_each_title_has_its_drawing_with_the_line_without_effect() -> None:
    made = [finding("a", (0.55, 0.65)), finding("b", None), finding("c", (0.1, 0.2), "Others", 0.0)]
    first, second = forests([*made, finding("d", (0.1, 0.2), drawn="")])
    assert [row["words"] for row in first["rows"]] == ["a"]
    assert first["title"] == "Share of choices"
    assert first["zero"] < first["rows"][0]["low"] < first["rows"][0]["value"] < first["rows"][0]["high"]
    assert second["zero"] < second["rows"][0]["low"]
    assert all(330 <= tick["at"] <= 630 for tick in first["ticks"])
    assert [tick["text"] for tick in first["ticks"]] == ["0.5", "0.55", "0.6", "0.65"]


def test_a_curve_lies_in_its_square() -> None:
    drawn = chart(Curve("q", "ROC", "x", "y", {"a": [(0, 0), (0.5, 1)], "b": [(1, 1)]}))
    assert [line["points"] for line in drawn["lines"]] == ["40.0,310.0 190.0,10.0", "340.0,10.0"]
    assert drawn["lines"][0]["colour"] != drawn["lines"][1]["colour"]


@pytest.mark.parametrize("interval", [(0.5, 0.5), (-1e-9, 1e9)])
def test_extreme_intervals_are_drawn(interval: tuple[float, float]) -> None:
    (drawn,) = forests([finding("a", interval)])
    assert 1 <= len(drawn["ticks"]) <= 8
