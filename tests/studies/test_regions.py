import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.inventory import ScanFacts, take_inventory
from napari_recon_robust.studies.plan import Plan, read_plan
from napari_recon_robust.studies.regions import Region, annotated_slices, regions_of


def found(write_plan, *regions: Any, slice: int = 1) -> tuple[Region, ...]:
    plan, facts = opened(write_plan(regions=list(regions)))
    return regions_of(plan, facts, slice)


def opened(path: Path) -> tuple[Plan, ScanFacts]:
    plan = read_plan(path)
    return plan, run(take_inventory(plan, path, digests=False)).scans[0]


def test_annotations_by_label_and_size(write_plan) -> None:
    (lesion,) = found(write_plan, {"kind": "annotations"})
    assert lesion.kind == "annotations"
    assert lesion.pixels == lesion.roi.shapes[0].height * lesion.roi.shapes[0].width
    assert found(write_plan, {"kind": "annotations", "labels": lesion.label.upper()}) == (lesion,)
    assert found(write_plan, {"kind": "annotations", "labels": ["other"]}) == ()
    assert found(write_plan, {"kind": "annotations", "min_pixels": lesion.pixels + 1}) == ()
    assert found(write_plan, {"kind": "annotations", "min_mm2": 1e6}) == ()
    assert found(write_plan, {"kind": "annotations"}, slice=0) == ()


def test_boxes_a_grid_and_the_image(write_plan) -> None:
    some = found(write_plan, {"kind": "drawn", "boxes": ["3,4,10,12"]}, {"kind": "grid", "side": 32}, "image")
    assert [one.id for one in some][:3] == ["drawn-1", "grid-0-0", "grid-0-32"]
    assert [one.pixels for one in some] == [120, *[1024] * 9, 96 * 96]
    inner = found(write_plan, {"kind": "grid", "side": 32, "margin": 16})
    assert [one.roi for one in inner] == [ROI.box(r, c, 32, 32) for r in (16, 48) for c in (16, 48)]


def test_drawn_regions_of_a_file_belong_to_their_scan_and_slice(write_plan, tmp_path) -> None:
    roi = ROI.ellipse(20, 30, 4, 6, label="oval").model_dump(mode="json")
    everywhere = ROI.ellipse(20, 30, 6, 4).model_dump(mode="json")
    regions = [{"roi": roi, "scan": "head", "slice": 1}, {"roi": roi, "scan": "other.h5"}, {"roi": everywhere}]
    (tmp_path / "drawn.json").write_text(json.dumps(regions))
    assert len(found(write_plan, {"kind": "drawn", "file": "drawn.json"})) == 2
    assert len(found(write_plan, {"kind": "drawn", "file": "drawn.json"}, slice=2)) == 1


def test_what_a_worker_finds_is_determined_by_its_settings(write_plan) -> None:
    lesions = {"kind": "lesions", "count": 2, "diameters": [4, 8], "contrasts": [0.2]}
    some = found(write_plan, lesions, {"kind": "fragile", "count": 2, "side": 16})
    assert [one.id for one in some][-3:] == ["lesions-2-8-0.2", "fragile-1", "fragile-2"]
    assert all(one.roi is None for one in some)
    more = found(write_plan, lesions | {"count": 5})
    assert [one.determining() for one in more[:4]] == [one.determining() for one in some[:4]]


def test_a_label_belongs_to_a_region(write_plan) -> None:
    (lesion,) = found(write_plan, {"kind": "annotations"})
    assert lesion.determining() != replace(lesion, label="other").determining()


def test_where_a_region_stands_in_the_plan_does_not_determine_it(write_plan) -> None:
    """Another part of its kind, or a box before it, ran every trial of a study again."""
    boxes = ["3,4,10,12", "30,40,10,12"]
    few = found(write_plan, {"kind": "drawn", "boxes": boxes[1:]}, {"kind": "lesions", "count": 2})
    for more in (
        [{"kind": "drawn", "boxes": boxes}, {"kind": "lesions", "count": 2, "diameters": 4}],
        [{"kind": "drawn", "boxes": boxes[:1]}, {"kind": "drawn", "boxes": boxes[1:]}],
    ):
        some = found(write_plan, *more, {"kind": "lesions", "count": 2})
        assert {one.id for one in few} - {one.id for one in some}, "as they stand elsewhere"
        assert all(one.determining() in [two.determining() for two in some] for one in few)


def test_a_region_that_two_parts_name_is_one(write_plan) -> None:
    grids = found(write_plan, {"kind": "grid", "side": 32}, {"kind": "grid", "side": 32, "margin": 32})
    assert [one.id for one in grids] == [f"grid1-{row}-{column}" for row in (0, 32, 64) for column in (0, 32, 64)]


def test_annotated_slices(write_plan) -> None:
    _, facts = opened(write_plan())
    assert annotated_slices(facts) == [1]
