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
