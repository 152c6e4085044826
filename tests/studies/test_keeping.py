from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

import napari_recon_robust as rr
from helpers.study_table import table
from napari_recon_robust.cases.record import anatomy_hash, array_hash
from napari_recon_robust.cases.replay import replay
from napari_recon_robust.evaluation.metrics import Metrics
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.keeping import kept_cases, larger_is_worse, worst_of
from napari_recon_robust.studies.plan import IMAGE_METRICS, Keep
from napari_recon_robust.studies.running import open_study, run_study
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.work import store_beside


@pytest.mark.slow
def test_the_worst_are_cases_that_the_gallery_lists_and_that_replay(write_plan, tmp_path) -> None:
    path = write_plan(
        slices="all",
        regions=[{"kind": "annotations"}, {"kind": "lesions", "diameters": [6]}],
        perturbations=[{"kind": "random", "budgets": [0.05]}],
        keep={"worst": 1, "by": "nmse_region_perturbed", "group": ["region_kind"]},
    )
    run(run_study(path))
    table = Store.open(store_beside(path)).table()
    entries = rr.list_cases(store_beside(path))
    assert len(entries) == 2
    for entry in entries:
        case = rr.load_case(entry.path)
        (row,) = table.filter(trial=case.recipe.source["trial"]).to_dicts()
        same = table.filter(region_kind=row["region_kind"], control=False)
        assert row["nmse_region_perturbed"] == same["nmse_region_perturbed"].max()
        assert case.results[0]["perturbed"]["roi"]["nmse"] == row["nmse_region_perturbed"]
        assert run(replay(case)).reproduced
        with rr.open_scan(tmp_path / "head.h5") as scan:
            full = scan.measurement(row["slice"], rr.Sampling()).full
        assert full is not None
        assert anatomy_hash(case) == array_hash(full.numpy()), "also of the case into which a lesion was inserted"


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        ("beauty", "the table has no column 'beauty'"),
        ("method_label", "the column 'method_label' has no numbers to be worst by"),
        ("detectability_region_perturbed", "detectability_region_perturbed is not measured; add detectability to the"),
    ],
)
def test_a_column_that_nothing_is_kept_by_is_told_before_anything_runs(write_plan, by: str, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"line \d+, keep, by: {sentence}"):
        run(open_study(write_plan(keep={"worst": 1, "by": by})))


def test_each_image_metric_of_a_plan_says_which_end_is_worst() -> None:
    assert set(IMAGE_METRICS) == set(Metrics.__dataclass_fields__)
    worse = [larger_is_worse(f"{start}{name}_region_perturbed") for name in IMAGE_METRICS for start in ("", "start_")]
    assert worse == [False] * 4 + [True] * 2


def test_images_without_a_truth_are_ranked_by_themselves() -> None:
    """They are measured against the method's own clean image, to which they are nearer than to any truth."""
    undersampled = pl.when(pl.col("scan") != "head0.h5")
    attacked = table(volumes=3, methods=1).filter(perturbation="worst-case", control=False, budget=0.04)
    trials = attacked.with_columns(
        ssim_region_clean=undersampled.then("ssim_region_clean"),
        ssim_region_perturbed=undersampled.then("ssim_region_perturbed").otherwise(0.99),
        found_for=pl.lit(None, pl.String),
    )

    def kept(by: str) -> list[str]:
        study = cast(Any, SimpleNamespace(plan=SimpleNamespace(keep=Keep(worst=1, by=by, group=("method_label",)))))
        worst = pl.DataFrame({"trial": worst_of(study.plan.keep, trials)}).join(
            trials, on="trial", maintain_order="left"
        )
        return list(worst["scan"])

    assert len(kept("ssim_region_perturbed")) == 2
    assert kept("ssim_region_perturbed")[1] == "head0.h5"
    assert len(kept("contrast_recovery_region_perturbed")) == 1, "is measured in the image itself"


@pytest.mark.slow
def test_cases_that_were_the_worst_before_a_study_was_extended_are_not_reported(write_plan) -> None:
    """Else a method has more of them than another, by the order in which the study grew."""

    def ran(**parts: Any) -> Store:
        path = write_plan(perturbations=[{"kind": "random", "budgets": [0.05]}], regions=["image"], **parts)
        run(run_study(path))
        return Store.open(store_beside(path))

    for slices in ([0], [1], [2], "all"):
        store = ran(slices=slices, keep={"worst": 1})
    assert len(list((store.folder / "cases").iterdir())) == 3
    table = store.table()
    [case] = kept_cases(store, table)
    (row,) = table.filter(table["trial"].str.starts_with(case.name)).to_dicts()
    assert row["ssim_region_perturbed"] == table.filter(control=False)["ssim_region_perturbed"].min()
    assert kept_cases(ran(slices="all", keep={"worst": 0}), table) == []


@pytest.mark.thorough
@pytest.mark.parametrize(("by", "falls"), [("ssim_region_perturbed", False), ("nmse_region_perturbed", True)])
def test_cases_come_worst_first_and_are_those_of_the_plan(write_plan, tmp_path, by: str, falls: bool) -> None:
    def plan(*budgets: float):
        change = {"kind": "random", "budgets": list(budgets)}
        return write_plan(slices="all", perturbations=[change], keep={"worst": 2, "by": by}, regions=["image"])

    run(run_study(plan(0.01, 0.05)))
    path = plan(0.01, 0.02)
    run(run_study(path))
    store = Store.open(store_beside(path))
    table = store.table()
    cases = kept_cases(store, table)
    assert len(list((store.folder / "cases").iterdir())) == 6, "those of 5% are kept for a plan that has it again"
    values = [table.filter(table["trial"].str.starts_with(case.name))[by].item() for case in cases]
    assert len(values) == 4
    assert values == sorted(values, reverse=falls)
    with pytest.raises(InputError, match="report has no known suffix; end the output's name in one of .html"):
        rr.study_report(path, tmp_path / "report")
    assert not (store.folder / "figures").exists(), "nothing is drawn before"
    rr.study_report(path, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count('class="case"') == 4 or page.count('id="case-') >= 4
