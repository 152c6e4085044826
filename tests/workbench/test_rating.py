"""Verdicts on what is shown: the first saves a case, the next change it, and the gallery hears of them."""

import shutil
from pathlib import Path

import pytest

from napari_recon_robust.cases.gallery.verdicts import read_judgement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench


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
    assert rating.verdict == ""
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


def test_the_gallery_and_the_verdict_hear_of_each_other(perturbed: Workbench, tmp_path: Path) -> None:
    rating, browsing = perturbed.rating, perturbed.browsing
    rating.save(tmp_path / "kept").run()
    browsing.open(tmp_path).run()
    rating.rate("acceptable")
    assert [one.judgement.verdict for one in browsing.entries] == ["acceptable"]
    changes: list[None] = []
    rating.changed.connect(lambda: changes.append(None))
    browsing.judge(browsing.entries[0], verdict="failure")
    assert changes
    assert rating.verdict == "failure"


def test_a_folder_that_is_gone_is_asked_for_again(perturbed: Workbench, tmp_path: Path) -> None:
    rating, folder = perturbed.rating, tmp_path / "cases"
    folder.mkdir()
    rating.folder = folder
    saving = rating.rate("failure")
    assert saving is not None
    saving.run()
    shutil.rmtree(folder)
    assert (rating.place, rating.folder, rating.verdict) == (None, None, "")
    with pytest.raises(InputError, match="choose one"):
        rating.rate("failure")


def test_without_a_result_there_is_nothing_to_rate(bench: Workbench) -> None:
    with pytest.raises(InputError, match="run a perturbation first"):
        bench.rating.rate("failure")
