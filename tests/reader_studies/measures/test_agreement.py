import pytest

from helpers.answers import cases, only, scored
from helpers.reading import QUALITY, plan
from napari_recon_robust.reader_studies.analysis import analyse


@pytest.mark.parametrize(("judged", "words"), [(4, "3 readers, 4 cases"), (3, "2 readers, 8 cases")])
def test_who_judged_half_of_the_cases_counts_in_the_agreement(judged: int, words: str) -> None:
    """On the cases that all such readers judged; the third reader stopped early."""
    asked = {**QUALITY, "words": [str(level) for level in range(9)]}
    made = plan(cases=cases(8), questions=[asked], design={"readers": 3})
    rows = scored(made, lambda _, case, reader: int(case.id[1]) + 0.5 * (reader == 2))
    rows = [one for one in rows if one["reader"] != "R3" or int(one["case"][1]) < judged]
    assert only(analyse(made, rows).findings, "ICC(2,1) between readers", "clean").note == words


def test_readers_with_less_than_three_repeats_have_no_kappa_and_are_named() -> None:
    """R1 repeats one case and moves by a level, so that kappa could be nothing but 0; R2 and R3 repeat four exactly."""
    made = plan(cases=cases(8), design={"readers": 3})
    rows = scored(made, lambda _, case, reader: 1 + int(case.id[1]) % 3)
    again = [{**one, "purpose": "repeat"} for one in rows if one["arm"] == "clean" and int(one["case"][1]) < 4]
    few = [{**one, "score": one["score"] + 1} for one in again if (one["reader"], one["case"]) == ("R1", "c0")]
    most = [one for one in again if one["reader"] != "R1"]
    what = "kappa of repeated readings"
    words = f"sharpness: no {what} of {{}}, since a reader needs at least 3 of them."
    analysis = analyse(made, rows + few + most)
    found = only(analysis.findings, what, "all")
    assert (found.estimate.value, found.note.split(";")[0]) == (1, "8 repeated readings")
    assert words.format("R1") in analysis.remarks
    assert {one.what for one in analysis.findings if what in one.what} == {what, f"{what} of R2", f"{what} of R3"}
    pairs = few + [one for one in most if one["case"] == "c0"]
    analysis = analyse(made, rows + pairs)
    assert not [one for one in analysis.findings if what in one.what]
    assert words.format("R1, R2, R3") in analysis.remarks
