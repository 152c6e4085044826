"""The rows of a table follow the plan, however the results came."""

import random
import shutil
from pathlib import Path

import polars
import pytest

from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies import table as table_module
from napari_recon_robust.studies.columns import PLACE
from napari_recon_robust.studies.expand import Study
from napari_recon_robust.studies.running import prepare_study, run_study
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.table import described, planned
from napari_recon_robust.studies.work import store_beside

# Nothing here is in the alphabet's order or rises.
PARTS = {
    "scans": ["visit.h5", "head.h5"],
    "regions": [
        {"kind": "grid", "side": 16},
        {"kind": "drawn", "boxes": [f"{n},{n},8,8" for n in range(20, 31)]},
        {"kind": "lesions", "diameters": [10, 8], "contrasts": [0.5, -0.5]},
        {"kind": "annotations"},
        "image",
    ],
    "masks": [{"acceleration": [4, 2], "seeds": [1]}, {"pattern": "acquired"}],
    "methods": ["zero-filled", {"method": "tv", "knobs": {"weight": [0.01, 0.001]}}, "cg-sense"],
    "perturbations": [
        {"kind": "worst-case", "budgets": [0.05, 0.01], "found_on": ["zero-filled", "cg-sense"]},
        "none",
        {"kind": "random", "budgets": [0.01]},
    ],
    "seeds": [3, 1],
}


def changed(file: Path, name: str) -> None:
    """Give the scan, or a copy of it, another content."""
    copy = file.with_name(name)
    if copy != file:
        shutil.copy(file, copy)
    with open(copy, "ab") as opened:
        opened.write(b"\0")


def table(path: Path) -> polars.DataFrame:
    return Store.open(store_beside(path)).table()


def keep(study: Study, store: Store) -> None:
    """Rows of all trials, as several workers would bring them."""
    rows = [described(study, trial) for group in study.groups() for trial in group.trials()]
    random.Random(0).shuffle(rows)
    attempt = store.attempt({})
    for row in rows:
        store.add("shard", attempt, row)


@pytest.mark.thorough
def test_the_rows_of_a_plan_are_those_of_its_trials_and_write_each_part_once(write_plan, tmp_path, monkeypatch) -> None:
    changed(tmp_path / "head.h5", "visit.h5")
    study = run(prepare_study(write_plan(**PARTS), store=tmp_path / "store"))
    wanted = [described(study, trial) for group in study.groups() for trial in group.trials()]
    written: list[object] = []
    real = table_module.canonical
    monkeypatch.setattr(table_module, "canonical", lambda value: written.append(value) or real(value))
    assert list(planned(study)) == wanted
    regions = sum(len(group.regions) for group in study.groups())
    assert len(written) == len(study.methods) + len(study.changes) + regions


@pytest.mark.thorough
def test_rows_are_in_the_plans_order(write_plan, tmp_path) -> None:
    changed(tmp_path / "head.h5", "visit.h5")
    path = write_plan(**PARTS)
    study = run(prepare_study(path, store=store_beside(path)))
    store = Store.open(store_beside(path))
    keep(study, store)
    assert table(path)["trial"].to_list() == list(study.ids())
    store.compact()
    assert table(path)["trial"].to_list() == list(study.ids())


@pytest.mark.slow
def test_what_the_plan_no_longer_has_is_kept_but_no_part_of_the_table(write_plan, tmp_path) -> None:
    path = write_plan(methods=["zero-filled", "cg-sense"], perturbations=["none"])
    run(run_study(path))
    both = table(path)
    assert both["method_label"].to_list() == ["zero-filled", "cg-sense"]
    narrow = write_plan(methods=["cg-sense"], perturbations=["none"])
    assert run(run_study(narrow)).trials == 1
    assert table(path)["method_label"].to_list() == ["cg-sense"]
    changed(tmp_path / "head.h5", "head.h5")
    run(run_study(narrow))
    (trial,) = table(path)["trial"]
    assert trial not in both["trial"], "the same scan with another content is not averaged with the former"
    assert polars.read_parquet(store_beside(path) / "trials").height == 3


@pytest.mark.slow
def test_a_store_that_does_not_know_its_plans_trials_has_all_in_the_alphabets_order(write_plan) -> None:
    path = write_plan(methods=["zero-filled", "cg-sense"], perturbations=["none"])
    run(run_study(path))
    (store_beside(path) / "plan.parquet").unlink()
    assert table(path)["method_label"].to_list() == ["cg-sense", "zero-filled"]


@pytest.mark.slow
def test_volumes_and_labels_are_those_that_the_plan_has_now(write_plan, tmp_path) -> None:
    """They are no part of a trial's identity: what was measured before they were known is measured."""
    shutil.copy(tmp_path / "head.h5", tmp_path / "visit.h5")
    changed(tmp_path / "visit.h5", "visit.h5")
    parts = {"scans": ["head.h5", "visit.h5"], "regions": ["image"], "perturbations": ["none"]}
    path = write_plan(**parts)
    run(run_study(path))
    assert set(table(path)["volume"]) == {"head.h5", "visit.h5"}
    (tmp_path / "t.csv").write_text("file,patient,domain\nhead.h5,anna,in\nvisit.h5,anna,out\n")
    scans = {"files": parts["scans"], "table": "t.csv", "volume": "patient"}
    path = write_plan(
        **{**parts, "scans": scans, "methods": [{"method": "zero-filled", "label": "nothing"}, "cg-sense"]}
    )
    run(run_study(path))
    found = table(path)
    assert set(found["volume"]) == {"anna"}
    assert found["label_domain"].to_list() == ["in", "in", "out", "out"]
    assert set(found["method_label"]) == {"nothing", "cg-sense"}
    assert found["ssim_foreground_clean"].null_count() == 0
    (tmp_path / "t.csv").write_text("file,patient\nhead.h5,anna\nvisit.h5,berta\n")
    run(run_study(path))
    assert set(table(path)["volume"]) == {"anna", "berta"}
    assert "label_domain" not in table(path).columns


def test_a_mask_is_told_apart_by_its_centre(write_plan) -> None:
    masks = [{"acceleration": 4, "centre_fraction": share} for share in (0.2, 0.3)]
    study = run(prepare_study(path := write_plan(masks=masks), store=store_beside(path)))
    rows = [described(study, trial) for group in study.groups() for trial in group.trials()]
    keys = {tuple(row[name] for name in PLACE) for row in rows}
    assert len(keys) == 2
    assert {row["centre_fraction"] for row in rows} == {0.2, 0.3}
    assert len({row["region_digest"] for row in rows}) == 1
