import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.reading import plan
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.analysis import Analysis
from napari_recon_robust.reader_studies.measures.found import OVER_BOTH, READERS_FIXED, Curve, Finding
from napari_recon_robust.reader_studies.report import methods, page, table, write_analysis
from napari_recon_robust.statistics.estimate import Estimate

ANALYSIS = Analysis(
    (
        Finding("sharpness", "mean score", "clean", Estimate(2.5, (2.0, 3.0), 6), over=READERS_FIXED),
        Finding(
            "sharpness",
            "difference of scores",
            "clean − attacked",
            Estimate(0.5, (0.1, 0.9), 6),
            over=OVER_BOTH,
            p=0.03,
            drawn="Differences",
        ),
    ),
    "The interval excludes 0: clean is better.",
    24,
    1,
    2,
    (Curve("sharpness", "Visual grading", "attacked", "clean", {"clean": [(0.0, 0.0), (0.25, 0.5), (1.0, 1.0)]}),),
    ("sharpness: nothing varies.",),
)


def test_the_page_has_figures_intervals_and_methods() -> None:
    text = page(plan(), ANALYSIS)
    for words in (
        "2.5 [2, 3]",
        "0.5 [0.1, 0.9]",
        "0.03",
        "clean is better",
        "Williams squares",
        "6 cases of 6 patients",
        "<td>patients; readers fixed</td>",
        "Difference of scores <small>95% intervals over readers and patients</small>",
    ):
        assert words in text
    assert text.count('class="interval"') == 1
    assert 'points="40.0,310.0 115.0,160.0 340.0,10.0"' in text
    assert "<h2>Remarks</h2>" in text
    assert "sharpness: nothing varies." in text
    assert "Not for diagnostic use" in text


def test_strings_are_escaped() -> None:
    assert "<script>" not in page(plan(title="<script>alert(1)</script>"), ANALYSIS)


def test_the_table_has_a_line_for_each_figure() -> None:
    rows = list(csv.DictReader(io.StringIO(table(ANALYSIS))))
    assert [(row["arm"], row["value"], row["low"], row["over"], row["p"]) for row in rows] == [
        ("clean", "2.5", "2.0", "patients; readers fixed", ""),
        ("clean − attacked", "0.5", "0.1", "readers and patients", "0.03"),
    ]


def test_one_patient_is_no_patients() -> None:
    found = Finding("sharpness", "mean score", "clean", Estimate(2.5, None, 1))
    (line,) = csv.DictReader(io.StringIO(table(replace(ANALYSIS, findings=(found,)))))
    assert (line["units"], line["unit"]) == ("1", "patient")


def test_methods_name_what_was_done() -> None:
    words = " ".join(methods(plan(questions="lesion"), ANALYSIS))
    assert "Obuchowski and Rockette" in words
    assert "6 cases of 6 patients in the arms clean, attacked were to be read by 2 readers" in words
    assert "p-values are not corrected for the number of questions, of measures or of pairs of arms." in words


def test_methods_name_the_reference_standard_where_lesions_are_asked_about() -> None:
    """STARD asks for it; the plan's `source` was written nowhere."""
    told = {"c0": (True, "panel"), "c1": (False, "panel"), "c2": (True, "simulation"), "c3": (None, "unknown")}
    cases = [
        {"id": id, "saved": id, "patient": id, "lesion": lesion, "source": source}
        for id, (lesion, source) in told.items()
    ]
    words = "Reference standard: 1 case with a lesion by simulation, 1 case with a lesion by a panel, 1 case without "
    words += "one by a panel, 1 case whose truth is not known."
    assert words in methods(plan(questions="lesion", cases=cases), ANALYSIS)
    assert "Reference standard" not in " ".join(methods(plan(questions="quality", cases=cases), ANALYSIS))


@pytest.mark.parametrize(
    ("questions", "reference"),
    [("ranking", "Friedman"), ("preference", "Hotelling"), ("free-response", "Chakraborty"), ("quality", "Månsson")],
)
def test_methods_are_those_of_the_questions(questions: str, reference: str) -> None:
    words = " ".join(methods(plan(questions=questions), ANALYSIS))
    assert reference in words
    assert ("Williams squares" in words) == (questions not in ("ranking", "preference"))


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name it \.html or \.csv"):
        write_analysis(plan(), ANALYSIS, tmp_path / "analysis.txt")
    assert write_analysis(plan(), ANALYSIS, tmp_path / "analysis.html").exists()


def test_a_cell_of_the_table_is_no_formula() -> None:
    found = Finding("=1+1", "mean score", "-arm", Estimate(-2.5, (-3.0, -2.0), 6), over=READERS_FIXED)
    (line,) = list(csv.DictReader(io.StringIO(table(replace(ANALYSIS, findings=(found,))))))
    assert (line["question"], line["arm"]) == ("'=1+1", "'-arm")
    assert "-2.5" in line.values()
