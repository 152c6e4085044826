"""Tables as CSV and Markdown."""

import polars
import pytest

from napari_recon_robust.ground.table import csv_reader, frame_to_csv, latex, markdown, quoted, to_csv, unquoted


def test_what_is_not_known_is_empty_and_text_is_quoted() -> None:
    rows = [{"a": 1 / 3, "b": None, "c": "x, y"}, {"a": float("nan"), "b": 2, "c": float("inf")}]
    assert to_csv(["c", "a", "b"], rows) == 'c,a,b\n"x, y",0.333333,\n,,2\n'


def test_a_text_that_looks_like_a_formula_is_quoted_and_a_number_is_not() -> None:
    assert to_csv(["a", "b"], [{"a": "=1+1", "b": -1.5}]) == "a,b\n'=1+1,-1.5\n"


def test_the_texts_of_a_data_frame_are_quoted_and_its_numbers_are_not() -> None:
    table = polars.DataFrame(
        {"label_site": ["=1+1", "-1", "plain", None, "@x"], "change": [-1.5, 2.0, None, 0.0, -1e-9]}
    )
    lines = frame_to_csv(table).decode().splitlines()
    assert lines == ["label_site,change", "'=1+1,-1.5", "'-1,2.0", "plain,", ",0.0", "'@x,-1e-9"]


def test_half_a_letter_is_replaced() -> None:
    """Such as in the name of a file that is not in UTF-8."""
    assert to_csv(["a"], [{"a": "sch\udce4del"}]) == "a\nsch\N{REPLACEMENT CHARACTER}del\n"
    assert "| sch\N{REPLACEMENT CHARACTER}del |" in markdown(["a"], [["sch\udce4del"]])


@pytest.mark.parametrize("text", ["=1", "'quoted'", "plain", "", "-", "+1", "\tx", "\rx"])
def test_what_is_quoted_is_read_back(text: str) -> None:
    assert unquoted(quoted(text)) == text
    assert quoted(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")


def test_a_table_in_markdown_has_a_line_for_its_head_and_for_each_row() -> None:
    assert markdown(["size", "share"], [["2 px", "1/3"], ["4 px", ""]]).splitlines() == [
        "| size | share |",
        "|---|---|",
        "| 2 px | 1/3 |",
        "| 4 px |  |",
    ]


def test_a_table_in_latex_has_rules_and_no_letter_that_latex_takes_for_a_command() -> None:
    lines = latex(["R", "η (%)"], [["a_b & c", "−1 [2, 3]"]]).splitlines()
    assert lines[:3] == [r"\begin{tabular}{ll}", r"\toprule", r"R & $\eta$ (\%) \\"]
    assert lines[3:] == [r"\midrule", r"a\_b \& c & $-$1 [2, 3] \\", r"\bottomrule", r"\end{tabular}"]


def test_a_text_stays_in_its_cell_whatever_its_letters() -> None:
    """Names of sites and labels are whatever somebody wrote."""
    text = "*a|b & <i>x</i>\n< 3"
    assert markdown(["n"], [[text]]).splitlines()[2:] == [r"| *a\|b & \<i>x\</i> < 3 |"]
    assert latex(["n"], [[text]]).splitlines()[4] == r"{}*a\textbar{}b \& $<$i$>$x$<$/i$>$ $<$ 3 \\"
    assert latex(["[n]"], [["2 [1, 3]"]]).splitlines()[2:5] == [r"{}[n] \\", r"\midrule", r"2 [1, 3] \\"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_are_read_whatever_separates_them(end: str, delimiter: str) -> None:
    text = end.join(delimiter.join(row) for row in (("a", "b"), ("1", "2"), ("3", "4"))) + end
    assert list(csv_reader(text, newline=None)) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
