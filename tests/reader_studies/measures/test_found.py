from helpers.answers import cases, only, scored
from helpers.reading import plan
from napari_recon_robust.reader_studies.analysis import analyse
from napari_recon_robust.reader_studies.measures.found import Finding
from napari_recon_robust.statistics.estimate import Estimate


def test_who_judged_three_patients_is_not_called_left_out() -> None:
    made = plan(cases=cases(10))
    rows = scored(made, lambda _, case, reader: float((int(case.id[1]) + reader) % 3))
    rows = [one for one in rows if one["reader"] != "R3" or one["case"] in ("c0", "c1", "c2")]
    found = only(analyse(made, rows).findings, "mean score", "clean")
    assert (found.note, found.over) == ("", "readers and patients")


def test_what_is_nearly_0_is_printed_as_what_is_nearly_1() -> None:
    found = Finding("lesion", "area", "clean", Estimate(0.83333, (1.83e-6, 1 - 1.83e-6), 2))
    assert found.words == "0.833 [0, 1]"
    assert Finding("", "", "", Estimate(12345.6, (-1e-6, 0.01234), 2)).words == "1.23e+04 [0, 0.0123]"
