from helpers.answers import cases, only, scored
from helpers.reading import plan
from napari_recon_robust.reader_studies.analysis import analyse


def test_who_judged_three_patients_is_not_called_left_out() -> None:
    made = plan(cases=cases(10))
    rows = scored(made, lambda _, case, reader: float((int(case.id[1]) + reader) % 3))
    rows = [one for one in rows if one["reader"] != "R3" or one["case"] in ("c0", "c1", "c2")]
    found = only(analyse(made, rows).findings, "mean score", "clean")
    assert (found.note, found.over) == ("", "readers and patients")
