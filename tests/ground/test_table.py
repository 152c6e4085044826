"""Tables as CSV."""

from napari_recon_robust.ground.table import to_csv


def test_what_is_not_known_is_empty_and_text_is_quoted() -> None:
    rows = [{"a": 1 / 3, "b": None, "c": "x, y"}, {"a": float("nan"), "b": 2, "c": float("inf")}]
    assert to_csv(["c", "a", "b"], rows) == 'c,a,b\n"x, y",0.333333,\n,,2\n'


def test_a_text_that_looks_like_a_formula_is_quoted_and_a_number_is_not() -> None:
    assert to_csv(["a", "b"], [{"a": "=1+1", "b": -1.5}]) == "a,b\n'=1+1,-1.5\n"
