"""Slices that a proxy filters, beside equally many random ones."""

from pathlib import Path
from typing import Any

import polars
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.statistics.shifts import filtered
from napari_recon_robust.studies import filtering
from napari_recon_robust.studies.checking import check_study
from napari_recon_robust.studies.inventory import BOTH, FILTERED, RANDOM, Inventory
from napari_recon_robust.studies.mistakes import PlanError
from napari_recon_robust.studies.running import open_study, run_study
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.work import store_beside

PARTS = {"regions": ["image"], "perturbations": ["none"], "metrics": ["ssim"]}


def by_proxy(count: int, proxy: str = "zero-filled", **more: Any) -> dict[str, Any]:
    return {"take": "all", "filter": {"proxy": proxy, "count": count, **more}}


def chosen(inventory: Inventory) -> dict[int, str]:
    (scan,) = inventory.scans
    return scan.chosen


@pytest.fixture
def scores(write_plan) -> list[float]:
    """The proxy's SSIM of each slice, as a study measures it."""
    path = write_plan("proxy.yaml", slices="all", **PARTS)
    run(run_study(path))
    found: list[float] = Store.open(store_beside(path)).table().sort("slice")["ssim_foreground_clean"].to_list()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_worst_by_the_proxy_are_run_beside_random_ones(write_plan, scores, seed) -> None:
    path = write_plan(slices=by_proxy(1, seed=seed), methods=["cg-sense"], **PARTS)
    expected = filtered(scores, 1, seed=seed)
    worst, random = int(expected.worst[0]), int(expected.random[0])
    assert scores[worst] == min(scores)
    status = run(run_study(path))
    assert status.ended
    assert status.trials == len({worst, random})
    table = Store.open(store_beside(path)).table()
    found = dict(table.select("slice", "chosen").iter_rows())
    assert found == ({worst: BOTH} if worst == random else {worst: FILTERED, random: RANDOM})


@pytest.mark.slow
def test_scores_serve_as_long_as_nothing_changes(write_plan, monkeypatch) -> None:
    parts = PARTS | {"methods": ["cg-sense"]}
    path = write_plan(slices=by_proxy(2), **parts)
    run(run_study(path))
    before = chosen(Inventory.read(store_beside(path) / "inventory.json"))
    monkeypatch.setattr(filtering, "_scores", lambda *_: pytest.fail("it was computed again"))
    assert chosen(run(open_study(path, digests=True)).inventory) == before
    write_plan(slices=by_proxy(1), **parts)
    assert len(chosen(run(open_study(path, digests=True)).inventory)) <= 2
    monkeypatch.setattr(filtering, "_scores", lambda *_: ({0: 0.1, 1: 0.2, 2: 0.3}, ""))
    write_plan(slices=by_proxy(1), **(parts | {"masks": [{"acceleration": 3, "centre_fraction": 0.2}]}))
    assert chosen(run(open_study(path, digests=True)).inventory)[0] in (FILTERED, BOTH)


def test_a_check_counts_without_knowing_which(write_plan, monkeypatch) -> None:
    monkeypatch.setattr("napari_recon_robust.data.scan.Scan.measurement", None)
    extent = run(check_study(write_plan(slices=by_proxy(3), methods=["cg-sense"], **PARTS)))
    assert (extent.trials, extent.slices, extent.filtered) == (3, 3, True)
    assert "once it runs" in extent.sentence


def test_a_slice_on_which_the_proxy_fails_is_not_chosen(write_plan, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def reconstruct(k, m, s):\n    raise ValueError('never')\n")
    path = write_plan(slices=by_proxy(1, "mine.py"), **PARTS)
    with pytest.raises(InputError, match=r"the 1 worst of 0 slices are asked for \(.*never.*\)"):
        run(open_study(path, trust=True, digests=True))


@pytest.mark.parametrize(
    ("slices", "sentence"),
    [
        (by_proxy(1, "cg-sense"), "cg-sense is compared"),
        (by_proxy(1, "nonsense"), "nonsense"),
        (by_proxy(1, "mine.py"), "give --trust"),
        (by_proxy(0), "greater than or equal to 1"),
        (by_proxy(1, "tv", knobs={"turn": 1}), "no knob 'turn'"),
    ],
)
def test_filters_that_cannot_be(write_plan, slices, sentence) -> None:
    with pytest.raises(PlanError, match=sentence):
        run(open_study(write_plan(slices=slices, methods=["cg-sense"], **PARTS)))


def test_too_many_are_refused(write_plan) -> None:
    with pytest.raises(InputError, match="the 4 worst of 3 slices are asked for; ask for fewer"):
        run(check_study(write_plan(slices=by_proxy(4), methods=["cg-sense"], **PARTS)))


@pytest.mark.slow
def test_other_plans_choose_nothing(write_plan) -> None:
    path = write_plan(**PARTS)
    run(run_study(path))
    table: polars.DataFrame = Store.open(store_beside(path)).table()
    assert table["chosen"].null_count() == table.height
