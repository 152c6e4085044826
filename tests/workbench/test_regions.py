"""Annotations that a scan has a slice for, and those that it has none for; regions renamed and copied."""

import pytest

from napari_recon_robust.data.roi import ROI, Annotation
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.regions import Regions


def box(slice: int) -> Annotation:
    return Annotation(label="Cyst", slice=slice, box=ROI.box(1, 2, 3, 4))


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        ((0, 2), ""),
        ((0, 3), "A box is on slice 3 and left out, since this scan has slices 0 to 2"),
        ((5, 0, 3, 3, -1), "4 boxes are on slice -1, 3, 5 and left out, since this scan has slices 0 to 2"),
    ],
)
def test_boxes_beyond_the_scan_are_left_out_in_one_sentence(slices: tuple[int, ...], said: str) -> None:
    regions = Regions()
    regions.annotate([box(slice) for slice in slices] + [Annotation(label="whole", slice=9, study_level=True)], 3)
    assert [region.slice for region in regions.all] == [slice for slice in slices if 0 <= slice < 3]
    assert regions.refused.startswith(said)
    assert bool(regions.refused) is bool(said)
    regions.reset()
    assert not regions.refused


def test_a_table_that_is_there_already_adds_nothing_and_says_so() -> None:
    regions = Regions()
    regions.annotate([box(0), box(2)], 3)
    with pytest.raises(InputError, match="there already; nothing was added"):
        regions.annotate([box(2), box(0)], 3)
    assert len(regions.all) == 2
    regions.annotate([box(2), box(1), box(5)], 3)
    assert [region.slice for region in regions.all] == [0, 2, 1]
    assert regions.refused.startswith("A box is on slice 5")
    twice = Regions()
    twice.annotate([box(0), box(0)], 3)
    assert len(twice.all) == 2, "what a table has twice is there twice"


def test_a_table_is_added_and_not_drawn_in_the_words_of_undo(bench: Workbench) -> None:
    bench.undoing.forget()
    bench.regions.annotate([box(0), box(1)], 3)
    assert bench.undoing.undone_next == "adding 2 regions"


def test_a_click_means_the_smallest_region_whose_outline_is_near() -> None:
    regions = Regions()
    large, small = regions.draw(ROI.box(10, 10, 60, 60), 0), regions.draw(ROI.box(20, 12, 6, 6), 0)
    regions.draw(ROI.box(20, 12, 2, 2), 1)
    assert regions.beside(0, 22.6, 15.2, (96, 80)) is small, "a small one is near its outline everywhere"
    assert regions.beside(0, 50.0, 12.0, (96, 80)) is large
    assert regions.beside(0, 68.4, 72.0, (96, 80)) is large, "from outside, too"
    assert regions.beside(0, 50.0, 40.0, (96, 80)) is None, "in the middle of a large one is no click on it"
    assert regions.beside(0, -30.0, 12.0, (96, 80)) is None
    assert regions.beside(0, 300.0, 12.0, (96, 80)) is None


def test_a_region_with_a_name_keeps_it_where_it_is_drawn_again() -> None:
    regions = Regions()
    assert regions.draw(ROI.box(1, 2, 3, 4, label="Cyst"), 0).name == "Cyst"
    assert regions.draw(ROI.box(5, 2, 3, 4), 0).name == "drawn 1"


def test_a_renamed_region_keeps_its_result_and_names_the_next_one(bench: Workbench) -> None:
    region = bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    bench.perturbing.choose("random")
    result = bench.perturbing.run().run()
    renamed = bench.regions.rename(region, "  left\tcaudate ")
    assert (renamed.name, bench.regions.chosen) == ("left caudate", (renamed,))
    assert bench.perturbing.current is result
    assert bench.perturbing.setting().roi.label == "left caudate"
    assert bench.undoing.undone_next == "renaming drawn 1 to left caudate"
    with pytest.raises(InputError, match="left caudate needs a name"):
        bench.regions.rename(renamed, " ")


def test_a_reshaped_region_keeps_its_name_where_the_next_result_says_it(bench: Workbench) -> None:
    named = bench.regions.rename(bench.regions.draw(ROI.box(62, 46, 10, 12), 1), "tumour")
    moved = bench.regions.reshape(named, ROI.box(60, 46, 10, 12))
    assert (moved.name, moved.roi) == ("tumour", ROI.box(60, 46, 10, 12, label="tumour"))


def test_the_same_outline_and_the_same_name_are_no_change(bench: Workbench) -> None:
    regions = bench.regions
    regions.annotate([Annotation(label="Cyst", slice=1, box=ROI.box(1, 2, 3, 4, label="Cyst"))], 3)
    region = regions.all[-1]
    bench.undoing.forget()
    assert regions.reshape(region, ROI.box(1, 2, 3, 4)) is region
    assert regions.rename(region, " Cyst") is region
    assert regions.all[-1] is region
    assert bench.undoing.undone_next == ""


def test_regions_are_copied_to_the_next_slice(bench: Workbench) -> None:
    bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    assert bench.copy_regions() == 2
    (copy,) = bench.regions.on(2)
    assert (copy.name, bench.regions.chosen) == ("drawn 1", (copy,))
    with pytest.raises(InputError, match="no region is chosen on slice 1"):
        bench.copy_regions()
    bench.acquisition.measure(2).run()
    with pytest.raises(InputError, match="slice 2 is the last one"):
        bench.copy_regions()


def test_stepping_through_the_regions_of_all_slices() -> None:
    regions = Regions()
    assert regions.step(1, 0) is None
    late, early, middle = (regions.draw(ROI.box(1, 1, 4, 4), slice) for slice in (5, 1, 3))
    assert [region.slice for region in regions.in_order] == [1, 3, 5]
    regions.choose([])
    assert regions.step(1, 2) is middle
    assert regions.step(1, 2) is late
    assert regions.step(1, 5) is early, "round"
    assert regions.step(-1, 1) is late
    regions.choose([])
    assert regions.step(-1, 2) is early
    assert regions.chosen == (early,)
