"""A folder of cases in a review: judged, attacked again, replayed, compared."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from helpers.galleries import changed, copied
from napari_recon_robust.cases.gallery.verdicts import Judgement, judge_case, read_judgement
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.workbench import Workbench


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("napari_recon_robust.ground.user_cache.cache_folder", lambda: tmp_path / "cache")
    return copied(tmp_path / "cases", "fnaf", "random", "worst-case")


@pytest.fixture
def bench(folder: Path) -> Workbench:
    bench = Workbench()
    bench.browsing.open(folder).run()
    return bench


def emitted(signal: Any) -> list[Any]:
    found: list[Any] = []
    signal.connect(lambda *values: found.append(values))
    return found


def entry(bench: Workbench, name: str) -> Any:
    return next(one for one in bench.browsing.entries if one.name == name)


def names(bench: Workbench) -> list[str]:
    return [one.name for one in bench.browsing.shown]


def test_a_folder_is_listed_filtered_and_sorted(bench: Workbench) -> None:
    assert names(bench) == ["worst-case", "fnaf", "random"]
    bench.browsing.look_for("method:cg-sense")
    bench.browsing.sort("case", reverse=True)
    assert names(bench) == ["random", "fnaf"]
    with pytest.raises(InputError):
        bench.browsing.look_for("x:y")
    assert names(bench) == ["random", "fnaf"]
    assert bench.browsing.filter.text == "method:cg-sense"


def test_what_is_said_is_on_the_disk_and_the_case_stays_where_it_is(bench: Workbench, folder: Path) -> None:
    browsing = bench.browsing
    browsing.look_for("verdict:none")
    arranged, said = emitted(browsing.arranged), emitted(browsing.said)
    judged = browsing.judge(entry(bench, "fnaf"), verdict="failure", tags=["b", "a"])
    assert read_judgement(folder / "fnaf") == judged.judgement == Judgement("failure", ("b", "a"))
    assert said == [(judged,)]
    assert not arranged
    assert judged in browsing.shown
    assert entry(bench, "fnaf") == judged
    assert browsing.tags == ["a", "b"]
    browsing.look_for("verdict:none ")
    assert names(bench) == ["worst-case", "random"]


def test_what_is_said_while_the_folder_is_listed_again_stays(bench: Workbench, folder: Path) -> None:
    browsing = bench.browsing
    browsing.judge(entry(bench, "random"), verdict="unsure")
    again = browsing.open(folder)
    judge_case(folder / "random", verdict="acceptable")  # by another process, before it is read again
    found = run(again.job)
    browsing.judge(entry(bench, "fnaf"), tags=["lesion gone"])
    browsing.judge(entry(bench, "fnaf"), verdict="failure")
    again.accept(found)
    assert entry(bench, "fnaf").judgement == Judgement("failure", ("lesion gone",)) == read_judgement(folder / "fnaf")
    assert entry(bench, "random").judgement.verdict == "acceptable"
    assert "lesion gone" in browsing.tags


def test_a_case_is_attacked_again_as_it_was(bench: Workbench, folder: Path) -> None:
    with pytest.raises(InputError, match="no scan is open"):
        bench.browsing.attack_again(entry(bench, "worst-case"))
    bench.open_case(folder / "worst-case").run()
    bench.perturbing.choose("random")
    bench.perturbing.budget = 0.07
    shown: list[float] = []
    bench.perturbing.kind_changed.connect(lambda: shown.append(bench.perturbing.budget))
    said = bench.browsing.attack_again(entry(bench, "worst-case"))
    assert said.startswith("The perturbation is set as in worst-case: worst-case 3% on tv.")
    assert "other samples" not in said
    assert said.endswith("Press Run in the Perturb dock, which attacks Total variation on slice 0.")
    perturbing = bench.perturbing
    assert (perturbing.chosen.id, perturbing.knobs["steps"], perturbing.knobs["seed"]) == ("worst-case", 2, 3)
    assert (perturbing.budget, perturbing.further) == (0.03, (0.01,))
    assert shown == [0.03], "the controls that are built for the kind show its budget"
    assert perturbing.current is not None, "it is set as it was when the case was opened"


def test_a_place_is_only_set_on_the_samples_of_the_case(bench: Workbench, folder: Path) -> None:
    place = {"row": 8.0, "column": 11.0}
    bench.open_case(folder / "worst-case").run()
    assert "other samples" not in bench.browsing.attack_again(entry(bench, "fnaf")), "all three are of one slice"
    assert {name: bench.perturbing.knobs[name] for name in place} == place
    changed(folder / "fnaf", lambda description: description["recipe"].update(input="0" * 64))
    assert "other samples" in bench.browsing.attack_again(entry(bench, "fnaf"))
    assert all(bench.perturbing.knobs[name] != value for name, value in place.items())
    assert bench.perturbing.knobs["size"] == 5.0


def test_a_replay_says_what_it_found_and_goes_on_after_a_damaged_case(bench: Workbench, folder: Path) -> None:
    with pytest.raises(InputError, match="no case is chosen"):
        bench.browsing.replay([])
    (folder / "fnaf" / "kspace.h5").write_bytes(b"")
    replayed = emitted(bench.browsing.replayed)
    chosen = [entry(bench, "fnaf"), entry(bench, "random")]
    bench.browsing.replay(chosen).run()
    assert "cannot be replayed: kspace.h5 of the saved case fnaf was altered" in bench.browsing.replays[folder / "fnaf"]
    assert bench.browsing.replays[folder / "random"].startswith("The metrics ")
    assert replayed[-2:] == [(one,) for one in chosen]


def test_two_cases_are_compared(bench: Workbench, folder: Path) -> None:
    shown: list[Any] = []
    bench.browsing.compare([entry(bench, "fnaf"), entry(bench, "worst-case")], shown.append).run()
    (pair,) = shown
    rows = {row.name: row for row in pair.rows}
    assert (rows["Method"].first, rows["Method"].second, rows["Method"].same) == ("cg-sense", "tv", False)
    assert (rows["Region"].first, rows["Region"].second) == (
        "slice 0 · 11×11 · around what was inserted",
        "slice 0 · 7×6",
    )
    assert rows["weight (method)"].second == "0.002"
    assert (rows["size (perturbation)"].first, rows["size (perturbation)"].second) == ("5.0", "—")
    assert "seed (perturbation)" not in rows, "it is the same"
    assert rows["Contrast recovery"].second == "—"
    assert pair.crops[0].images["clean"].shape == (18, 22)
    with pytest.raises(InputError, match="not 3"):
        bench.browsing.compare(bench.browsing.shown, shown.append)
    (folder / "fnaf" / "images.npz").write_bytes(b"")
    with pytest.raises(FileFormatError, match="altered"):
        bench.browsing.compare([entry(bench, "fnaf"), entry(bench, "worst-case")], shown.append).run()


def test_what_computes_cases_again_names_the_own_models_that_it_may_call(bench: Workbench, folder: Path) -> None:
    mine = bench.reconstruction.own_models["zero-filled"] = registry.get("zero-filled")
    bench.reconstruction.own_models["another"] = registry.get("tv")
    cases = [replace(entry(bench, "random"), method="zero-filled"), entry(bench, "fnaf")]
    assert [*bench.browsing.replay(cases).models] == [mine]
    assert mine in bench.open_case(folder / "random").models, "which are called only after it is read"
