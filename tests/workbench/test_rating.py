"""Verdicts on what is shown: the first saves a case, the next change it, and the gallery hears of them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_recon_robust.cases.gallery import verdicts
from napari_recon_robust.cases.gallery.verdicts import read_judgement
from napari_recon_robust.cases.record import load_case
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.workbench import Workbench


def fails(error: Exception) -> Callable[..., None]:
    def raises(*_: object) -> None:
        raise error

    return raises


@pytest.fixture
def perturbed(bench: Workbench) -> Workbench:
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("random")
    bench.perturbing.run().run()
    return bench


def test_the_first_verdict_saves_a_case_and_the_next_changes_it(perturbed: Workbench, tmp_path: Path) -> None:
    rating, heard = perturbed.rating, []
    rating.saved.connect(heard.append)
    with pytest.raises(InputError, match="no folder"):
        rating.rate("failure")
    (tmp_path / "case-7").mkdir()
    rating.folder = tmp_path
    saving = rating.rate("failure")
    assert saving is not None
    assert saving.done == f"case-8 in {tmp_path.name}: failure."
    saving.run()
    case = tmp_path / "case-8"
    assert heard == [tmp_path]
    assert (rating.place, rating.verdict) == (case, "failure")
    assert rating.rate("unsure") is None
    assert read_judgement(case).verdict == rating.verdict == "unsure"
    rating.rate("")
    assert read_judgement(case).verdict == ""
    perturbed.perturbing.run().run()
    assert rating.place is None, "another result is no saved case"
    perturbed.open_case(case).run()
    assert rating.place == case, "what is opened is one"


def test_a_verdict_is_of_one_budget(perturbed: Workbench, tmp_path: Path) -> None:
    rating, perturbing = perturbed.rating, perturbed.perturbing
    perturbing.budget, perturbing.further = 0.02, (0.002,)
    perturbing.run().run()
    small, large = perturbing.result.outcomes
    perturbing.look_at(small)
    rating.folder = tmp_path
    rating.rate("acceptable").run()
    perturbing.look_at(large)
    assert (rating.place, rating.verdict) == (None, "")
    rating.rate("failure").run()
    budgets = [[one["budget"]["nominal"] for one in load_case(tmp_path / f"case-{n}").results] for n in (1, 2)]
    assert budgets == [[0.002], [0.02]]
    perturbing.look_at(small)
    assert (rating.place, rating.verdict) == (tmp_path / "case-1", "acceptable")
    rating.save(tmp_path / "both").run()
    assert rating.place == tmp_path / "case-1", "a case of several budgets has no verdict on one of them"


def test_images_of_another_method_are_not_rated(perturbed: Workbench, tmp_path: Path) -> None:
    rating = perturbed.rating
    rating.folder = tmp_path
    rating.rate("acceptable").run()
    method = perturbed.reconstruction.method
    perturbed.reconstruction.choose("cg-sense" if method.id != "cg-sense" else "zero-filled")
    assert (rating.shown, rating.place, rating.verdict) == (None, None, "")
    with pytest.raises(InputError, match="no result is shown"):
        rating.rate("failure")
    perturbed.reconstruction.choose(method)
    assert rating.verdict == "acceptable"


def test_a_saved_attack_of_the_history_is_that_case(perturbed: Workbench, tmp_path: Path) -> None:
    history = perturbed.history
    history.save(history.entries, tmp_path / "case").run()
    assert perturbed.rating.place == tmp_path / "case"
    assert (perturbed.rating.folder, perturbed.rating.proposed) == (None, str(tmp_path)), "it is asked for"


def test_a_rated_attack_that_is_saved_elsewhere_as_well_keeps_its_verdict(perturbed: Workbench, tmp_path: Path) -> None:
    rating = perturbed.rating
    rating.folder = tmp_path
    rating.rate("failure").run()
    rating.save(tmp_path / "copy").run()
    perturbed.history.save(perturbed.history.entries, tmp_path / "another").run()
    assert (rating.place, rating.verdict) == (tmp_path / "case-1", "failure")


def test_a_verdict_that_cannot_be_written_leaves_the_case_to_be_rated(
    perturbed: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rating = perturbed.rating
    rating.folder = tmp_path
    with monkeypatch.context() as full:
        full.setattr(verdicts, "_add", fails(InputError("no room")))
        with pytest.raises(InputError, match="no room"):
            rating.rate("failure").run()
    assert (rating.place, rating.verdict) == (tmp_path / "case-1", "")
    assert rating.rate("failure") is None
    assert rating.verdict == "failure"


def test_the_verdict_stands_while_its_case_is_saved(perturbed: Workbench, tmp_path: Path) -> None:
    rating = perturbed.rating
    rating.folder = tmp_path
    saving = rating.rate("failure")
    assert rating.verdict == "failure"
    saving.give_up()
    assert rating.verdict == ""


def test_the_gallery_and_the_verdict_hear_of_each_other(perturbed: Workbench, tmp_path: Path) -> None:
    rating, browsing = perturbed.rating, perturbed.browsing
    rating.folder = tmp_path
    rating.rate("unsure").run()
    browsing.open(tmp_path).run()
    rating.rate("acceptable")
    assert [one.judgement.verdict for one in browsing.entries] == ["acceptable"]
    changes: list[None] = []
    rating.changed.connect(lambda: changes.append(None))
    browsing.judge(browsing.entries[0], verdict="failure")
    assert changes
    assert rating.verdict == "failure"


def test_a_folder_that_is_gone_or_in_a_case_is_refused_and_asked_for_again(
    perturbed: Workbench, tmp_path: Path
) -> None:
    rating, folder = perturbed.rating, tmp_path / "cases"
    with pytest.raises(InputError, match="cases cannot be listed"):
        rating.folder = folder
    folder.mkdir()
    rating.folder = folder
    rating.rate("failure").run()
    with pytest.raises(WritingError, match="in the saved case case-1"):
        rating.folder = folder / "case-1"
    assert rating.folder == folder
    shutil.rmtree(folder)
    assert (rating.place, rating.folder, rating.verdict) == (None, None, "")
    with pytest.raises(InputError, match="choose one"):
        rating.rate("failure")


def test_without_a_result_there_is_nothing_to_rate(bench: Workbench) -> None:
    with pytest.raises(InputError, match="run a perturbation"):
        bench.rating.rate("failure")
