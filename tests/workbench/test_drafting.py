"""What a review is set to as the beginning of a plan."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.studies.plan import read_plan
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.acquisition import Origin
from napari_recon_robust.workbench.drafting import Draft, draft


def drafted(bench: Workbench, path: Path) -> tuple[Draft, dict[str, Any]]:
    found = draft(bench.acquisition, bench.reconstruction, bench.regions, bench.perturbing, path)
    found.write(path)
    read_plan(path, trust=True)  # it has no mistake
    return found, yaml.safe_load(found.text)


def test_it_has_what_the_review_is_set_to(bench: Workbench, scan_file: Path, tmp_path: Path) -> None:
    bench.acquisition.measure(1, Sampling(acceleration=3, seed=7)).run()
    bench.reconstruction.choose("cg-sense", weight=0.02)
    bench.perturbing.choose("worst-case", steps=3, seed=4)
    bench.perturbing.budget, bench.perturbing.further = 0.02, (0.01,)
    found, plan = drafted(bench, tmp_path / "mine.yaml")
    assert plan["scans"]["files"] == [(scan_file.parent / "*.h5").as_posix()]
    assert (plan["slices"], plan["regions"]) == ("annotated", [{"kind": "annotations", "labels": ["Lesion"]}])
    assert plan["methods"] == [{"method": "cg-sense", "knobs": {"weight": 0.02}}]
    assert plan["masks"][0]["acceleration"] == 3
    assert plan["masks"][0]["seeds"] == [7]
    assert plan["perturbations"] == ["none", {"kind": "worst-case", "budgets": [0.01, 0.02], "knobs": {"steps": 3}}]
    assert plan["seeds"] == [4]
    assert not found.regions


def test_files_below_the_plan_are_named_from_there(bench: Workbench, scan_file: Path) -> None:
    _, plan = drafted(bench, scan_file.parent / "mine.yaml")
    assert plan["scans"]["files"] == ["*.h5"]
    assert plan["methods"] == ["cg-sense"]
    assert plan["perturbations"] == ["none"]


def test_what_was_drawn_is_at_the_same_place_in_every_scan(bench: Workbench, tmp_path: Path) -> None:
    bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    bench.regions.choose(bench.regions.all[-1:])
    found, plan = drafted(bench, tmp_path / "boxes.yaml")
    assert (plan["slices"], plan["regions"]) == ([1], [{"kind": "drawn", "boxes": ["62,46,10,12"]}])
    assert not found.regions
    bench.regions.draw(ROI.ellipse(50, 40, 6, 5), 0)
    bench.regions.choose(bench.regions.all)
    found, plan = drafted(bench, tmp_path / "shapes.yaml")
    assert plan["slices"] == [0, 1]
    assert [part["kind"] for part in plan["regions"]] == ["annotations", "drawn", "drawn"]
    assert plan["regions"][2] == {"kind": "drawn", "file": "shapes.regions.json"}
    (region,) = json.loads((tmp_path / "shapes.regions.json").read_text())
    assert region["slice"] == 0
    assert ROI.model_validate(region["roi"]).shapes[0].kind == "ellipse"


def test_a_saved_case_is_no_folder_of_scans(bench: Workbench, tmp_path: Path) -> None:
    bench.acquisition.origin = Origin(tmp_path, is_case=True)
    with pytest.raises(InputError, match="no scan is open"):
        drafted(bench, tmp_path / "mine.yaml")


def test_an_own_model_is_named_by_its_file(bench: Workbench, scan_file: Path, tmp_path: Path, monkeypatch) -> None:
    script = scan_file.parent / "models" / "mine.py"
    script.parent.mkdir()
    script.write_text("def adjoint(kspace, mask, maps):\n    return (kspace * 0).sum(0)\n")
    monkeypatch.chdir(script.parent)
    bench.reconstruction.open("mine.py:adjoint").run()
    monkeypatch.chdir(tmp_path)
    _, plan = drafted(bench, scan_file.parent / "mine.yaml")
    assert plan["methods"] == ["models/mine.py:adjoint"]
    _, plan = drafted(bench, tmp_path / "elsewhere" / "mine.yaml")
    assert plan["methods"] == [f"{script.as_posix()}:adjoint"]


def test_a_model_without_a_file_is_in_no_plan(bench: Workbench, tmp_path: Path) -> None:
    class Mine(type(registry.get("zero-filled"))):
        id, label = "mine", "Mine"

    bench.reconstruction.choose(Mine())
    with pytest.raises(InputError, match="Mine was opened from no file that a plan could name; open it from its file"):
        draft(bench.acquisition, bench.reconstruction, bench.regions, bench.perturbing, tmp_path / "mine.yaml")
