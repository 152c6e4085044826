"""Results that are older than their plan, their methods or their scans."""

import json
import shutil
import zipfile
from pathlib import Path

import h5py
import pytest

from helpers.faults import fails_at, steps
from napari_recon_robust.api import study_report
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import PackageWarning
from napari_recon_robust.ground.progress import run
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.studies.changed import changed_since_run
from napari_recon_robust.studies.running import prepare_study, run_study
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.work import results_of, store_beside


def changes(path: Path) -> list[str]:
    return changed_since_run(path, Store.open(store_beside(path)))


def test_results_say_what_has_changed_since_their_plan_was_run(write_plan, tmp_path) -> None:
    stored = Path(__file__).parents[1] / "fuzz" / "seeds" / "model.pt2"
    shutil.copy(stored, tmp_path / "mine.pt2")
    shutil.copy(tmp_path / "head.h5", tmp_path / "copied.h5")  # another time of change is no change
    path = write_plan(methods=["zero-filled", "mine.pt2"])
    run(prepare_study(path, store=store_beside(path)))
    shutil.move(tmp_path / "copied.h5", tmp_path / "head.h5")
    path.write_text(f"# as before\n{path.read_text()}")
    assert changes(path) == []
    assert results_of(path).folder == store_beside(path)

    (tmp_path / "mine.pt2").unlink()
    assert changes(path) == [], "what is gone has not changed"
    shutil.copy(stored, tmp_path / "mine.pt2")
    with zipfile.ZipFile(tmp_path / "mine.pt2", "a") as archive:
        archive.writestr("model/extra/2", "")
    [sentence] = changes(path)
    assert sentence.startswith("the weights or the code of mine.pt2 have changed since the study was run last;")

    with h5py.File(tmp_path / "head.h5", "a") as file:
        file["kspace"][...] *= 2
    write_plan(methods=["zero-filled", "mine.pt2"], seeds=[1])
    assert [one.partition(" since")[0] for one in changes(path)] == [
        "plan.yaml has changed",
        "the weights or the code of mine.pt2 have changed",
        "head.h5 changed",
    ]
    with pytest.warns(PackageWarning, match="changed since") as told:
        results_of(path)
    assert sum(one.category is PackageWarning for one in told) == 3
    assert changed_since_run(store_beside(path), Store.open(store_beside(path))) == [], "nothing is known of its plan"


def test_results_say_which_tables_and_drawn_regions_have_changed(write_plan, tmp_path) -> None:
    """An edited label would stand in the table as it was, and a region that was moved would be measured nowhere."""
    labels, drawn, beside = tmp_path / "labels.csv", tmp_path / "drawn.json", tmp_path / "head.csv"
    labels.write_text("file,site\nhead.h5,A\n")
    drawn.write_text(json.dumps([{"roi": ROI.box(row=20, column=20, height=8, width=8).model_dump(mode="json")}]))
    path = write_plan(
        scans={"files": "head.h5", "table": "labels.csv"},
        regions=[{"kind": "annotations"}, {"kind": "drawn", "file": "drawn.json"}],
    )
    run(prepare_study(path, store=store_beside(path)))
    assert changes(path) == []

    labels.write_text("file,site\nhead.h5,B\n")
    assert [one.partition(";")[0] for one in changes(path)] == ["labels.csv has changed since the study was run last"]
    drawn.write_text(drawn.read_text().replace("20", "21"))
    beside.write_text(f"{beside.read_text()}\n")
    assert [one.partition(" has")[0] for one in changes(path)] == ["drawn.json", "head.csv", "labels.csv"]
    labels.unlink()
    assert len(changes(path)) == 2, "what is gone has not changed"

    labels.write_text("file,site\nhead.h5,B\n")
    run(prepare_study(path, store=store_beside(path)))
    assert changes(path) == []


def test_results_say_which_scans_were_added_and_removed(write_plan, tmp_path) -> None:
    for name, factor in (("b.h5", 2), ("c.h5", 3)):
        with h5py.File(shutil.copy(tmp_path / "head.h5", tmp_path / name), "a") as file:
            file["kspace"][...] *= factor
            file.attrs["acquisition"] = "AXT2" if name == "b.h5" else "AXT1"
    (tmp_path / "c.h5").rename(tmp_path / "left-out.h5")
    path = write_plan(scans={"files": "*.h5", "where": {"contrast": ["AXT2"]}}, regions=["image"])
    run(prepare_study(path, store=store_beside(path)))
    known = Store.inventory(store_beside(path))
    assert known is not None
    assert len(known.files["*.h5"]) == 3 > len(known.scans)
    assert changes(path) == []

    (tmp_path / "b.h5").rename(tmp_path / "d.h5")
    assert [one.partition(" since")[0] for one in changes(path)] == ["d.h5 added", "b.h5 removed"]
    (tmp_path / "left-out.h5").unlink()
    assert len(changes(path)) == 2, "the study had no trial of it"
    for file in tmp_path.glob("*.h5"):
        file.rename(file.with_suffix(".gone"))
    assert changes(path) == [], "a folder without any is one that is not there"


@pytest.mark.slow
def test_an_edited_plan_that_was_kept_in_part_is_one_that_has_changed(write_plan) -> None:
    """Whatever step of it fails: else the trials of the former plan would be taken for those of the edited one."""
    path, failed = write_plan(), 0
    run(prepare_study(path, store=(store := store_beside(path))))
    for number in range(50):
        write_plan(seeds=[1 + number])
        with steps(fails_at(number)) as taken:
            try:
                study = run(prepare_study(path, store=store))
                assert Store.open(store).planned() == [*study.ids()]
            except WritingError:
                failed += 1
                assert changes(path)[0].startswith("plan.yaml has changed")
        if len(taken) <= number:
            break
    assert failed > 5
    assert changes(path) == []


def test_a_report_says_that_its_plan_has_changed(write_plan, tmp_path) -> None:
    path = write_plan(perturbations=["none"])
    run(run_study(path))
    write_plan(perturbations=["none"], methods=["zero-filled", "cg-sense"])
    with pytest.warns(PackageWarning, match="plan.yaml has changed since it was run last; these results are of what"):
        study_report(path, tmp_path / "report.html")
    assert "has changed since it was run last" in (tmp_path / "report.html").read_text(encoding="utf-8")
