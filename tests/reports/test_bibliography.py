"""What is cited: that nothing is missing, that all of it is written as the file and the docs have it."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from polars import DataFrame, String

from helpers.reported import FROZEN
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.reconstructors import registry as reconstructors
from napari_recon_robust.reports import bibliography as bibliography_module
from napari_recon_robust.reports.bibliography import (
    ATTACK_RATES,
    SENSITIVITIES,
    SSIM,
    as_found,
    bibliography,
    bibtex,
    cited,
    listed,
    sources,
    sources_in,
    sources_of,
)
from napari_recon_robust.studies.columns import BLACK_BOX

ROOT = Path(__file__).parents[2]
# Of nobody in particular: changes of the scan, and what every textbook has.
OWN = {"zero-filled", "motion", "noise-level", "other-mask", "coil-dropout", "spike", "contrast", "random"}
KINDS = {id: registry.get(id) for registry in (reconstructors, perturbations) for id in registry.registry.available()}


def test_every_method_and_perturbation_names_its_sources_and_every_paper_is_used() -> None:
    assert {id for id, kind in KINDS.items() if not kind.sources} == OWN
    used = {key for kind in KINDS.values() for key in sources(kind)} | {SSIM, ATTACK_RATES}
    chosen = {key for choice in choices("worst-case", "algorithm") for key in sources(KINDS["worst-case"], choice)}
    assert used | chosen == set(bibliography())


def choices(id: str, name: str) -> list[dict[str, object]]:
    (knob,) = (knob for knob in KINDS[id].knobs if knob.name == name)
    return [{name: choice} for choice in knob.choices]


@pytest.mark.parametrize(("algorithm", "key"), [("apgd", "croce2020"), ("adam", "genzel2023"), ("advrec", None)])
def test_the_algorithm_that_was_chosen_is_cited(algorithm: str, key: str | None) -> None:
    assert set(sources(KINDS["worst-case"], {"algorithm": algorithm})) == {"morshuis2022", key} - {None}
    assert sources_of("worst-case") == ("morshuis2022",)


def test_the_network_that_is_adapted_is_cited() -> None:
    for choice in choices("test-time-training", "network"):
        network = KINDS[str(choice["network"])]
        assert {"darestani2022", *network.sources} <= set(sources_of("test-time-training", choice))
    assert sources_of("test-time-training", {"network": "of-another-version"}) == ("darestani2022", SENSITIVITIES)
    assert "wang2020" in sources_of("test-time-training")


def test_the_docs_name_the_same_papers() -> None:
    text = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)`(?:, `[\w-]+`)? \| (.*) \|$", text, re.MULTILINE))
    checked = {
        id: row for id, row in rows.items() if id in KINDS and KINDS[id].sources and re.search("doi:|arXiv:", row)
    }
    assert len(checked) > 25
    for id, row in checked.items():
        papers = [bibliography()[key].fields for key in KINDS[id].sources]
        assert any(fields[name] in row for fields in papers for name in ("doi", "eprint") if name in fields), id


def test_entries_are_whole() -> None:
    text = bibtex()
    assert text.count("@") == len(bibliography()) + 1
    assert text.count("{") == text.count("}")
    for key, one in bibliography().items():
        assert key.endswith(one.fields["year"])
        assert one.fields["title"]
        assert not re.search(r"[{}\\]", one.words)
        assert {"doi", "eprint", "pages"} & set(one.fields), key


def test_a_paper_in_words() -> None:
    (paper,) = listed(["pruessmann2001"])
    assert paper.citation == "Pruessmann et al. 2001"
    assert "Börnert" in paper.fields["author"]
    assert paper.words == (
        "Pruessmann et al. 2001. Advances in sensitivity encoding with arbitrary k-space trajectories. Magnetic "
        "Resonance in Medicine 46, 638–651, doi:10.1002/mrm.1241."
    )
    assert cited(["heckel2019", "zbontar2018"]) == " (Heckel and Hand 2019; Zbontar et al. 2018)"
    assert cited([]) == ""


def test_what_was_used_in_a_case_is_cited() -> None:
    entries = set(re.findall(r"^@\w+\{([\w-]+),", bibtex(FROZEN / "rotation"), re.MULTILINE))
    method = {"pruessmann2001", "uecker2014"}
    assert entries == {"napari-recon-robust", "wang2004", "morshuis2022", "larkin1997", *method}
    assert bibtex("rotation", "cg-sense") == bibtex(FROZEN / "rotation")
    with pytest.raises(InputError, match=r"nothing is no method, no perturbation, and no folder of a case or a study"):
        bibtex("nothing")
    with pytest.raises(InputError, match=r"test_bibliography\.py is no method, no perturbation"):
        bibtex(__file__)


def test_of_a_study_the_intervals_of_its_rates_are_cited_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    knobs = {"knobs": ["{}", "{}"], "perturbation_knobs": ["{}", "{}"]}
    trials = DataFrame({"method": ["grappa", "own"], "perturbation": ["clean", "fnaf"], **knobs})
    monkeypatch.setattr(bibliography_module, "results_of", lambda _: SimpleNamespace(table=lambda: trials))
    entries = set(re.findall(r"^@\w+\{([\w-]+),", bibtex(tmp_path), re.MULTILINE))
    fnaf, grappa = {"cheng2020", "caliva2021"}, {"griswold2002", "brau2008"}
    assert entries >= {*fnaf, *grappa, "clopper1934"}


def test_of_a_study_what_its_knobs_go_back_to_is_cited() -> None:
    """It was what the defaults go back to."""
    algorithms = ["advrec", "apgd", "auto", "auto"]
    trials = DataFrame(
        {
            "method": ["test-time-training", "test-time-training", "tv", "own"],
            "knobs": ['{"network": "unrolled-hqs"}', '{"network": "varnet"}', "{}", "{}"],
            "perturbation": "worst-case",
            "perturbation_knobs": [f'{{"algorithm": "{one}", "check": "none"}}' for one in algorithms],
            "cautions": [None, None, None, f'{{"{BLACK_BOX}": "it gives no gradients."}}'],
        }
    )
    networks = {key for name in ("unrolled-hqs", "varnet") for key in KINDS[name].sources}
    assert {"darestani2022", *networks} <= set(sources_in(trials, "method"))
    assert set(sources_in(trials, "perturbation")) == {"morshuis2022", "croce2020", "broyden1965"}
    assert set(sources_in(trials[:3].drop("cautions"), "perturbation")) == {"morshuis2022", "croce2020"}


def test_the_search_that_auto_chose_and_its_check_are_cited() -> None:
    knobs = {"algorithm": "auto", "check": "none", "target": "auto", "steps": 5}
    found = as_found(knobs, [{"details": {"algorithm": "black-box", "target": "clean", "steps": 9}}])
    assert found == {"algorithm": "black-box", "check": "none", "target": "clean", "steps": 5}
    assert sources_of("worst-case", found) == ("morshuis2022", "broyden1965")
    assert as_found(knobs, []) == as_found(knobs, [{}]) == knobs
    assert sources_of("worst-case", {"algorithm": "apgd", "check": "black-box"})[1:] == ("croce2020", "broyden1965")


def test_of_a_study_without_a_trial_not_every_paper_is_cited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = ("method", "knobs", "perturbation", "perturbation_knobs")
    trials = DataFrame(schema=dict.fromkeys(names, String))
    monkeypatch.setattr(bibliography_module, "results_of", lambda _: SimpleNamespace(table=lambda: trials))
    assert re.findall(r"^@\w+\{([\w-]+),", bibtex(tmp_path), re.MULTILINE) == ["napari-recon-robust", "wang2004"]
