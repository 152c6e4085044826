"""Strict readers of what other programs read, after their published descriptions; they share nothing with ours.

iMRMC: its user manual 4.1.1 and 4.1.3 (didsr.github.io/iMRMC). RJafroc: the chapters on ROC and FROC data of its
Quick Start (dpc10ster.github.io/RJafrocQuickStart), and what its reader refuses.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import openpyxl

Scores = dict[tuple[str, str, str], float]


def check_imrmc(text: str) -> tuple[dict[str, int], Scores]:
    """The truth of each case, and the score of each (reader, case, modality)."""
    head, begin, data = text.partition("\nBEGIN DATA:\n")
    assert begin, "BEGIN DATA: has to stand alone in its line, in capitals, with its colon"
    counts = dict(line.split(": ") for line in head.splitlines() if ":" in line)
    truths: dict[str, int] = {}
    scores: Scores = {}
    for line in data.splitlines():
        assert not set(line) & set(" \t;"), f"{line!r} has more than commas between its fields"
        reader, case, modality, score = line.split(",")
        if reader == "-1":
            assert case not in truths, f"the truth of {case} is there twice"
            assert (modality, score in ("0", "1")) == ("truth", True)
            truths[case] = int(score)
        else:
            assert (reader, case, modality) not in scores
            scores[reader, case, modality] = float(score)
    readers, cases, modalities = (set(names) for names in zip(*scores, strict=True))
    assert cases <= set(truths)
    assert "-1" not in readers
    found = {"NR": len(readers), "NM": len(modalities), "N1": sum(truths.values())}
    found["N0"] = len(truths) - found["N1"]
    assert {name: int(counts[name]) for name in found} == found
    return truths, scores


@dataclass
class Rjafroc:
    """weights: of the lesions of each case. false: (reader, modality, case); true: (reader, modality, case, lesion)."""

    paradigm: str
    weights: dict[int, list[float]]
    false: dict[tuple[int, int, int], list[float]]
    true: dict[tuple[int, int, int, int], float]


def check_rjafroc(path: Path) -> Rjafroc:
    """What an Excel file holds."""
    workbook = openpyxl.load_workbook(path)
    names = sorted(name.upper() for name in workbook.sheetnames)
    assert len(names) == 3, "RJafroc wants three sheets and takes them by their order"
    assert [names[0] in ("FP", "NL"), names[1] in ("TP", "LL"), names[2] == "TRUTH"] == [True] * 3
    sheets = {name.upper(): [tuple(row) for row in workbook[name].values] for name in workbook.sheetnames}
    header, *rows = [row[:6] for row in sheets["TRUTH"]]
    assert header == ("CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm")
    assert all(cell is not None for row in rows for cell in row[:5]), "no cell of the first five columns is empty"
    paradigm, design, *others = (row[5] for row in rows)
    assert (paradigm in ("ROC", "FROC"), design, set(others) <= {None}) == (True, "FCTRL", True)
    assert len({row[3:5] for row in rows}) == 1, "in a crossed design all readers read all cases in all modalities"
    readers, modalities = ([int(one) for one in rows[0][at].replace(" ", "").split(",")] for at in (3, 4))
    weights: dict[int, list[float]] = {}
    for case, lesion, weight, *_ in rows:
        assert type(case) is type(lesion) is int
        of_case = weights.setdefault(case, [])
        assert (lesion == 0 and not of_case and weight == 0) or lesion == len(of_case) + 1, "lesions are 1, 2, ..."
        of_case += [weight] if lesion else []
    assert all(abs(sum(one) - 1) < 1e-6 for one in weights.values() if one)
    false = defaultdict(list)
    header, *rows = [row[:4] for row in sheets[workbook_name(sheets, "FP", "NL")]]
    assert header == ("ReaderID", "ModalityID", "CaseID", "FP_Rating")
    for reader, modality, case, rating in rows:
        assert (reader in readers, modality in modalities, case in weights) == (True, True, True)
        false[reader, modality, case].append(float(rating))
    true = {}
    header, *rows = [row[:5] for row in sheets[workbook_name(sheets, "TP", "LL")]]
    assert header == ("ReaderID", "ModalityID", "CaseID", "LesionID", "TP_Rating")
    for reader, modality, case, lesion, rating in rows:
        assert (reader in readers, modality in modalities, 1 <= lesion <= len(weights[case])) == (True, True, True)
        assert (reader, modality, case, lesion) not in true, "a lesion has several ratings"
        true[reader, modality, case, lesion] = float(rating)
    if paradigm == "ROC":
        wanted = {(reader, modality, case) for reader in readers for modality in modalities for case in weights}
        assert {place[:3] for place in true} == {place for place in wanted if weights[place[2]]}
        assert set(false) == {place for place in wanted if not weights[place[2]]}
        assert all(len(one) == 1 for one in false.values())
        assert all(len(one) <= 1 for one in weights.values())
    return Rjafroc(paradigm, weights, dict(false), true)


def workbook_name(sheets: dict[str, list[tuple[object, ...]]], *names: str) -> str:
    (found,) = set(names) & set(sheets)
    return found
