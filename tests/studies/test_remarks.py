import json

import polars as pl

from napari_recon_robust.reconstructors.doubts import OF_METHOD
from napari_recon_robust.studies.remarks import cautions, failures, noted


def test_words_that_begin_with_the_method_are_told_once_and_without_another_name_before_them():
    for name in OF_METHOD:
        text = json.dumps({name: "CG-SENSE: it is doubted."})
        trials = pl.DataFrame(
            {"scan": ["a", "b", "b"], "method_label": ["CG-SENSE", "CG-SENSE", "TV"], "cautions": [text, text, None]}
        )
        assert cautions(trials) == ["CG-SENSE: it is doubted. (2 trials)"]


def test_scans_of_which_the_same_is_said_share_a_line():
    """A folder of single-coil scans would have as many lines as scans."""
    same, other = (json.dumps({"few_coils": f"{word} cannot unfold it."}) for word in ("1 coil", "2 coils"))
    trials = pl.DataFrame({"scan": [*"abcda", "e"], "method_label": ["TV"] * 6, "cautions": [*[same] * 5, other]})
    assert cautions(trials) == [
        "4 scans: 1 coil cannot unfold it. (5 trials)",
        "e: 2 coils cannot unfold it. (1 trial)",
    ]


def test_notes_name_the_number_of_their_scans_if_they_are_of_scans():
    assert noted({"Rows are left.": 0, "The axes are guessed.": 1, "No row.": 2}) == [
        "Rows are left.",
        "1 scan: The axes are guessed.",
        "2 scans: No row.",
    ]


def test_trials_of_several_states_of_the_code_are_told():
    """They are not run again, since a comment would do that; null is of a version that did not tell."""
    parts = {"scan": ["a"] * 4, "method_label": ["TV"] * 4, "cautions": [None] * 4}
    kinds = {"scan": pl.String, "method_label": pl.String, "cautions": pl.String, "code": pl.String}
    assert cautions(pl.DataFrame({**parts, "code": ["1f"] * 4}, schema=kinds)) == []
    (line,) = cautions(pl.DataFrame({**parts, "code": ["1f", "2e", "2e", None]}, schema=kinds))
    assert line.startswith("3 states of this package's code")
    assert "(1 trial by 1f, 2 trials by 2e, 1 trial by an earlier one)" in line


def test_the_most_frequent_of_the_reasons_come_first_and_those_beyond_twelve_are_counted():
    others = [f"reason {number}" for number in range(13)]
    trials = pl.DataFrame({"scan": ["a", *"bb", *"cdefghijklmn"], "error": [others[0], "often", "often", *others[1:]]})
    first, second, *_, last = failures(trials)
    assert first == "2 trials of b failed: often"
    assert second == "1 trial of a failed: reason 0"
    assert last == "and 2 other reasons."
    (*_, last) = failures(trials.filter(pl.col("scan") != "n"))
    assert last == "and 1 other reason."
