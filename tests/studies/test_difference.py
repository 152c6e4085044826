from typing import Any

import polars as pl
import pytest

from helpers.study_table import table, with_knobs
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.clustered import SPREAD
from napari_recon_robust.statistics.multiple import holm
from napari_recon_robust.statistics.paired import detectable_difference, difference
from napari_recon_robust.studies.difference import (
    NothingSharedError,
    cautions,
    method_difference,
    sentences,
    shown,
    sides,
    study_difference,
    unpaired,
)
from napari_recon_robust.studies.inventory import Inventory, ScanFacts


@pytest.fixture(scope="module")
def first() -> pl.DataFrame:
    return table(volumes=5, methods=2, slices=2).filter(pl.col("perturbation").is_in(["none", "worst-case"]))


@pytest.fixture(scope="module")
def second(first: pl.DataFrame) -> pl.DataFrame:
    """The same study in another folder, with one method better by an amount that depends on the volume."""
    better = pl.when(pl.col("method_label") == "TV").then(0.01 + 0.002 * pl.col("volume").str.slice(-1).cast(pl.Int64))
    return first.with_columns(
        scan=pl.lit("elsewhere/") + pl.col("scan"),
        ssim_region_clean=pl.col("ssim_region_clean") + better.otherwise(0),
    )


def test_differences_are_paired_over_volumes(first: pl.DataFrame, second: pl.DataFrame) -> None:
    found = study_difference(first, second, metrics=["ssim_region_clean"], volumes=[40])
    row = found.filter(pl.col("method_label") == "TV", pl.col("acceleration") == 4).row(0, named=True)
    gains = [0.01 + 0.002 * volume for volume in range(5)]
    expected = difference(gains, [0.0] * 5, range(5))
    assert (row["difference"], (row["low"], row["high"])) == (
        pytest.approx(0.014),
        pytest.approx(expected.mean.interval),
    )
    assert (row["volumes"], row["pairs"]) == (5, 10)  # clean images count once, whatever was done to them
    assert row["p"] == pytest.approx(expected.wilcoxon)
    assert row["detectable"] == pytest.approx(expected.detectable)
    assert row["detectable_40"] == pytest.approx(detectable_difference(expected.deviation, 40))
    assert found["p_holm"].to_list() == pytest.approx(holm(found["p"]).tolist())
    same = found.filter(pl.col("method_label") == "VarNet")
    assert same["difference"].to_list() == [0, 0]


def test_it_is_told_how_many_trials_have_no_partner(first: pl.DataFrame, second: pl.DataFrame) -> None:
    assert unpaired(first, second) == []
    clean = second.filter(pl.col("perturbation") == "none")
    lacking = f"{len(first) - len(clean):,} trials of the first study"
    told, *own = unpaired(first, clean)
    assert told == f"{lacking} are not in the other, and left out:"
    assert any(line.startswith("the first study alone has perturbation ") for line in own)
    assert not any("the second" in line for line in own)
    moved = pl.when(pl.col("budget") == pl.col("budget").max()).then(0.9).otherwise(pl.col("budget"))
    count = f"{first.filter(pl.col('budget') == pl.col('budget').max()).height:,} trials of the"
    both = unpaired(first, second.with_columns(budget=moved))
    most = first["budget"].max()
    assert both == [
        f"{count} first study and {count} second study are not in the other, and left out:",
        f"the first study alone has budget {most}",
        "the second study alone has budget 0.9",
    ]


def test_other_volumes_and_other_places_of_one_name_are_told(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """The studies shared nothing, and nothing was said of why."""
    of_one = second.with_columns(volume=pl.lit("patient 1"))
    assert unpaired(first, of_one)[1:] == [
        f"the first study alone has {first['volume'].n_unique()} values of volume",
        "the second study alone has volume patient 1",
    ]
    one, other = (side.with_columns(region_digest=pl.lit(place)) for side, place in ((first, "a"), (second, "b")))
    regions = first["region"].unique().sort()
    assert unpaired(one, other)[1:] == [
        f"region {', '.join(regions)}: another place or lesion in each, by the same name"
    ]


def test_regions_are_paired_by_their_places(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """A region that was put before others gave these other ids, so that two studies shared none."""

    def placed(study: pl.DataFrame, *places: str) -> pl.DataFrame:
        regions = [
            study.with_columns(region=pl.lit(f"drawn-{number}"), region_digest=pl.lit(place))
            for number, place in enumerate(places, start=1)
        ]
        return pl.concat(regions)

    few, more = placed(first, "a", "b"), placed(second, "c", "a", "b")
    found = study_difference(few, more, metrics=["ssim_region_clean"])
    assert found["pairs"].to_list() == [20] * 4
    assert unpaired(few, more)[1:] == ["the second study alone has region drawn-1"]


@pytest.mark.parametrize("names", ["head{}.h5", "head{}/scan.h5"])
def test_files_without_volumes_are_found_in_another_folder(
    first: pl.DataFrame, second: pl.DataFrame, names: str
) -> None:
    """By default each file is a volume, by its path; files of one name are told apart by their folders."""
    paths = {f"head{number}.h5": names.format(number) for number in range(5)}
    sides = []
    for side, folder in ((first, "scans/"), (second, "/data/brain/")):
        path = pl.lit(folder) + pl.col("scan").str.split("/").list.last().replace_strict(paths)
        sides.append(side.with_columns(scan=path, volume=path))
    found = study_difference(*sides, metrics=["ssim_region_clean"])
    assert found.equals(study_difference(first, second, metrics=["ssim_region_clean"]))


def test_files_of_one_name_that_are_not_the_same_are_told(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """Two studies of disjoint patients, whose files have the same names, were compared without a word."""

    def inventory(study: pl.DataFrame, digest: str) -> Inventory:
        paths = study["scan"].unique(maintain_order=True)
        facts = [
            ScanFacts(path=one, volume=one, slices=1, matrix=(8, 8), digest=digest and one[-7] + digest)
            for one in paths
        ]
        return Inventory(scans=tuple(facts))

    one = inventory(first, "a")
    assert [*cautions(first, second, inventories=(one, inventory(second, "a")))] == []
    assert [*cautions(first, second, inventories=(one, inventory(second, "")))] == [], "it is not known"
    told = (
        "Of 5 files the second study has another one by the same name, which is compared with it ({} and 2 more); "
        "see that both are of the same patient."
    )
    names = ", ".join(f"head{number}.h5 with elsewhere/head{number}.h5" for number in range(3))
    assert [*cautions(first, second, inventories=(one, inventory(second, "b")))] == [told.format(names)]
    names = ", ".join(f"head{number}.h5" for number in range(3))
    assert [*cautions(first, first, inventories=(one, inventory(first, "b")))] == [told.format(names)]


def test_each_perturbation_and_budget_is_a_row_of_its_own(first: pl.DataFrame, second: pl.DataFrame) -> None:
    found = study_difference(first, second, metrics=["ssim_region_perturbed"])
    assert len(found) == 2 * 2 * 3 * 3  # methods, accelerations, budgets, of searches and their control
    assert "detectable_20" in found.columns


def test_knobs_that_differ_are_told(first: pl.DataFrame, second: pl.DataFrame) -> None:
    turned = [
        side.filter(pl.col("perturbation") == "worst-case", pl.col("budget") == pl.col("budget").min()).with_columns(
            perturbation=pl.lit("rotation"),
            perturbation_knobs=pl.lit(f'{{"angle": {angle}, "step": 1.0}}'),
            budget=pl.lit(None, pl.Float64),
        )
        for side in (first, second)
        for angle in (1, 3)
    ]
    both = [pl.concat([first, *turned[:2]]), pl.concat([second, *turned[2:]])]
    lines = [*sentences(study_difference(*both, metrics=["ssim_region_perturbed"]))]
    assert len({line.split(":")[0] for line in lines}) == len(lines)
    assert any(", rotation angle=3:" in line for line in lines)
    assert not any("step" in line for line in lines)


@pytest.mark.slow
def test_what_was_found_on_another_method_is_a_row_of_its_own(first: pl.DataFrame, second: pl.DataFrame) -> None:
    attacked = pl.col("perturbation") == "worst-case"

    def with_transfer(study: pl.DataFrame, worse: float) -> pl.DataFrame:
        """Each attack was found on TV, and is given to both methods; own ones come after those of the other method."""
        given = study.filter(attacked).with_columns(
            found_for=pl.lit("TV"), ssim_region_perturbed=pl.col("ssim_region_perturbed") - worse
        )
        return pl.concat([given.filter(pl.col("method_label") != "TV"), study.with_columns(found_for=pl.lit(None))])

    found = study_difference(with_transfer(first, 0.0), with_transfer(second, 0.1), metrics=["ssim_region_perturbed"])
    given = found["found_for"].is_not_null()
    assert found.filter(given)["method_label"].unique().to_list() == ["VarNet"]
    assert found.filter(given)["difference"].to_list() == pytest.approx([-0.1] * given.sum())
    assert found.filter(~given)["difference"].to_list() == [0] * (~given).sum()
    assert sum(", found on TV" in line for line in sentences(found)) == given.sum()


@pytest.mark.slow
def test_without_ssim_all_metrics_are_told(first: pl.DataFrame, second: pl.DataFrame) -> None:
    found = study_difference(first, second)
    assert shown(found)["metric"].str.starts_with("ssim").all()
    other = found.filter(~found["metric"].str.starts_with("ssim"))
    assert len(other)
    assert shown(other).equals(other)


def test_two_volumes_have_a_spread_and_no_test(first: pl.DataFrame, second: pl.DataFrame) -> None:
    some = first.filter(pl.col("volume").is_in(["head0", "head1"]))
    found = study_difference(some, second, metrics=["ssim_region_clean"])
    assert found["p"].null_count() == len(found)
    line = next(sentences(found))
    assert line.startswith("TV, R = 4, clean: ssim_region_clean +0.011, quartiles [+0.01, +0.012]")
    assert "a spread and no interval" in line


def test_a_sentence_has_the_interval_the_tests_and_what_could_be_seen(
    first: pl.DataFrame, second: pl.DataFrame
) -> None:
    line = next(sentences(study_difference(first, second, metrics=["ssim_region_clean"], volumes=[20])))
    assert "TV, R = 4, clean: ssim_region_clean +0.014 [+0.01007, +0.01793] (5 volumes, 10 pairs; p = 0.062" in line
    assert "could be seen: here 0.00" in line
    assert "20 volumes 0.00" in line


def test_where_all_volumes_differ_by_the_same_there_is_no_interval_and_nothing_could_be_seen(
    first: pl.DataFrame,
) -> None:
    better = first.with_columns(ssim_region_clean=pl.col("ssim_region_clean") + 0.01)
    for other, words in ((better, "+0.01 (5 volumes, 10 pairs; p = 0.062"), (first, "0 (5 volumes, 10 pairs; p = 1")):
        found = study_difference(first, other, metrics=["ssim_region_clean"], volumes=[20])
        assert set(found["kind"]) == {SPREAD}
        assert found["detectable"].is_null().all()
        assert found["detectable_20"].is_null().all()
        line = next(sentences(found))
        assert line.startswith(f"TV, R = 4, clean: ssim_region_clean {words}")
        assert line.endswith("; no interval, as all volumes differ by the same")


def test_the_tests_that_p_is_adjusted_for_are_those_of_its_metric_whatever_is_asked_for(
    first: pl.DataFrame, second: pl.DataFrame
) -> None:
    metric = "ssim_region_clean"
    alone = study_difference(first, second, metrics=[metric])
    several = study_difference(first, second, metrics=[metric, "nmse_region_perturbed"])
    assert several.filter(pl.col("metric") == metric).equals(alone)
    assert alone["tests"].to_list() == [4] * 4  # methods, accelerations
    assert set(several.filter(pl.col("metric") != metric)["tests"]) == {36}
    assert study_difference(first, second, metrics=[metric, metric]).equals(alone)


@pytest.mark.parametrize(
    ("volumes", "words"), [(7, "the volumes are 7; give a list"), (["a"], "one of the volumes is 'a'")]
)
def test_volumes_that_are_no_whole_numbers_are_refused(first: pl.DataFrame, volumes: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        method_difference(first, "TV", metrics=["ssim_region_clean"], volumes=volumes)


def test_it_is_told_once_how_small_an_adjusted_p_can_be(first: pl.DataFrame, second: pl.DataFrame) -> None:
    found = study_difference(first, second, metrics=["ssim_region_clean"])
    *lines, last = sentences(found)
    assert len(lines) == len(found)
    assert last.startswith("Holm adjusts for all rows of a metric (4 rows). The smallest p of 5 volumes is 0.062, by ")
    assert last.endswith("by Holm 0.25, so that no row can fall below 0.05.")
    assert found["p"].min() == found["least_p"][0] == 2 / 2**5
    wider = found.with_columns(tests=pl.lit(9, pl.Int64), volumes=pl.lit(10, pl.Int64))
    with_more = pl.concat([found, wider])
    assert [*sentences(with_more)][-1].endswith(
        "(4 to 9 rows). The smallest p of 10 volumes is 0.002, by Holm 0.0078 to 0.018."
    )
    two = first.filter(pl.col("volume").is_in(["head0", "head1"]))
    assert len([*sentences(study_difference(two, second, metrics=["ssim_region_clean"]))]) == 4


def test_studies_of_one_method_each_compare_these(first: pl.DataFrame, second: pl.DataFrame) -> None:
    one, other = first.filter(pl.col("method_label") == "TV"), second.filter(pl.col("method_label") == "VarNet")
    found = study_difference(one, other, metrics=["ssim_region_clean"])
    assert found["method_label"].unique().to_list() == ["TV → VarNet"]


def test_studies_that_share_nothing_are_refused(first: pl.DataFrame, second: pl.DataFrame) -> None:
    with pytest.raises(
        InputError,
        match=r"no trial in common.*: the first study alone has seed 0; the second study alone has seed 7\.$",
    ):
        study_difference(first, second.with_columns(seed=pl.lit(7)))
    other = second.with_columns(seed=pl.lit(7), mask=pl.lit("random"), acceleration=pl.lit(9.0))
    with pytest.raises(InputError, match=r"has acceleration 4.* \(and \d more; .*study diff lists them\)\.$") as caught:
        study_difference(first, other)
    assert isinstance(caught.value, NothingSharedError)
    assert [line for line in caught.value if "the second" in line] == [
        "the second study alone has mask random",
        "the second study alone has acceleration 9.0",
        "the second study alone has seed 7",
    ]
    with pytest.raises(InputError, match="'beauty' was not measured on both sides"):
        study_difference(first, second, metrics=["beauty"])


@pytest.mark.parametrize(
    ("name", "one", "other", "pairs"),
    [
        ("centre_fraction", 0.08, 0.3, [10] * 8),
        ("minimum_centre_lines", 12, 0, [10] * 8),
        ("region_digest", "a1", "b2", [20] * 4),
    ],
)
def test_other_centres_of_a_mask_and_other_places_are_no_same_trials(
    first: pl.DataFrame, second: pl.DataFrame, name: str, one: object, other: object, pairs: list[int]
) -> None:
    """Means are over places, and not over centres."""
    sides = [side.with_columns(pl.lit(value).alias(name)) for side, value in ((first, one), (second, other))]
    with pytest.raises(InputError, match="no trial in common"):
        study_difference(*sides, metrics=["ssim_region_clean"])
    both = pl.concat(sides)
    assert study_difference(both, both, metrics=["ssim_region_clean"])["pairs"].to_list() == pairs
    early = study_difference(first, sides[1], metrics=["ssim_region_clean"])
    assert early["pairs"].to_list() == [10] * 4, "a table of an early version has no such column"


def test_patterns_of_masks_are_rows_of_their_own(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """The second study gains 0.014 under each pattern, and 0.1 more under random lines."""
    sides = [
        pl.concat(
            [side, side.with_columns(mask=pl.lit("random"), ssim_region_clean=pl.col("ssim_region_clean") + more)]
        )
        for side, more in ((first, 0.0), (second, 0.1))
    ]
    found = study_difference(*sides, metrics=["ssim_region_clean"]).filter(pl.col("acceleration") == 4)
    gains = dict(found.filter(pl.col("method_label") == "TV").select("mask", "difference").iter_rows())
    assert gains == pytest.approx({"equispaced": 0.014, "random": 0.114})
    assert any(line.startswith("TV, random, R = 4, clean: ssim_region_clean +0.114") for line in sentences(found))


def test_centres_of_masks_are_rows_of_their_own(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """Pooled, two centres of one acceleration were told as its only mean."""
    sides = [
        pl.concat(
            [
                side.with_columns(
                    ssim_region_clean=pl.col("ssim_region_clean") + more, centre_fraction=pl.lit(fraction)
                )
                for fraction, more in ((0.04, 0.0), (0.3, gain))
            ]
        )
        for side, gain in ((first, 0.0), (second, 0.1))
    ]
    found = study_difference(*sides, metrics=["ssim_region_clean"]).filter(method_label="TV", acceleration=4)
    gains = dict(found.select("centre_fraction", "difference").iter_rows())
    assert gains == pytest.approx({0.04: 0.014, 0.3: 0.114})
    one, other, _ = sentences(found)
    assert one.startswith("TV, centre_fraction=0.04, R = 4, clean: ssim_region_clean +0.014 ")
    assert other.startswith("TV, centre_fraction=0.3, R = 4, clean: ssim_region_clean +0.114 ")


def test_a_row_is_over_all_seeds_of_its_perturbation(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """Each seed was a row, and one more that p was adjusted for."""
    seeded = [
        pl.concat(
            [
                with_knobs(side.filter(perturbation="worst-case"), seed=seed).with_columns(
                    seed=pl.lit(seed), ssim_region_perturbed=pl.col("ssim_region_perturbed") + seed * gain
                )
                for seed in (1, 3)
            ]
        )
        for side, gain in ((first, 0.0), (second, 0.1))
    ]
    metric = "ssim_region_perturbed"
    found, alone = study_difference(*seeded, metrics=[metric]), study_difference(first, second, metrics=[metric])
    assert found["perturbation_knobs"].to_list() == alone["perturbation_knobs"].to_list()
    assert found["tests"].to_list() == alone["tests"].to_list()
    assert found["pairs"].to_list() == [20] * len(alone)
    assert found["difference"].to_list() == pytest.approx([value + 0.2 for value in alone["difference"]])
    assert not any("seed" in line for line in sentences(found))


def test_images_without_a_truth_are_rows_of_their_own(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """Those of undersampled scans are measured against their own clean images, and were averaged with the others."""
    metric, undersampled = "ssim_region_perturbed", pl.col("volume").str.ends_with("4")
    sides = [
        side.filter(~undersampled | (pl.col("perturbation") != "none")).with_columns(
            pl.when(~undersampled).then("ssim_region_clean"),
            pl.when(undersampled).then(0.99 + gain).otherwise(pl.col(metric) + gain / 10).alias(metric),
        )
        for side, gain in ((first, 0.0), (second, 0.005))
    ]
    found = study_difference(*sides, metrics=[metric])
    assert set(found["against"]) == {"fully sampled image", "clean image"}
    known, own = (found.filter(against=against) for against in ("fully sampled image", "clean image"))
    assert (set(known["volumes"]), set(own["volumes"])) == ({4}, {1})
    assert known["difference"].to_list() == pytest.approx([0.0005] * len(known))
    assert own["difference"].to_list() == pytest.approx([0.005] * len(own))
    told = [", against the clean image: ssim_region_perturbed" in line for line in sentences(found)]
    assert sum(told) == len(own)


def test_what_failed_or_is_not_finite_is_told(first: pl.DataFrame, second: pl.DataFrame) -> None:
    assert [*cautions(first, second, metrics=())] == []
    broken = pl.col("volume") == "head0"
    failing = first.with_columns(error=pl.when(broken, method_label="TV").then(pl.lit("it failed.")))
    also = second.with_columns(error=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("it failed.")))
    one = first.filter(broken, method_label="TV").height
    alone, failed = cautions(failing, also)
    assert alone == f"{one - 1:,} trials of the second study are not in the other, and left out."
    assert failed == (
        f"{one:,} trials of the first study and 1 trial of the second study failed, and are left out; recon-robust "
        "study status says why."
    )
    endless = second.with_columns(
        psnr_image_clean=pl.when(broken, method_label="TV").then(float("inf")).otherwise("psnr_image_clean"),
        nmse_region_perturbed=pl.when(pl.col("perturbation") != "none").then(float("nan")),
    )
    (told,) = cautions(first, endless, metrics=())
    perturbed = first.filter(pl.col("perturbation") != "none").height
    assert told == (
        "Values that are not finite are left out: psnr_image_clean (4 pairs), nmse_region_perturbed "
        f"({perturbed:,} pairs)."
    )
    assert [*cautions(first, endless, metrics=["ssim_region_clean"])] == []
    assert [*cautions(first, endless)] == [], "of what is shown"


def test_where_all_of_a_side_failed_this_is_said_first(first: pl.DataFrame, second: pl.DataFrame) -> None:
    with pytest.raises(
        InputError, match=rf"be the same: {len(second):,} trials of the second study failed, .*; the first .*[^.]\.$"
    ):
        study_difference(first, second.with_columns(error=pl.lit("it failed.")))


def test_methods_of_two_references_are_told(first: pl.DataFrame) -> None:
    assert [*cautions(*sides(first, "TV"), metrics=())] == [], "tables of early versions do not say"
    kind = pl.when(method_label="TV").then(pl.lit("rss")).otherwise(pl.lit("combined"))
    told = first.with_columns(reference_kind=kind)
    (line,) = cautions(*sides(told, "TV"), metrics=())
    assert line.startswith("In VarNet less TV images are measured against two references (rss and combined), ")
    assert [*cautions(*sides(told, "TV"))] == [], "no difference of a whole image is shown"
    assert [*cautions(told, told, metrics=())] == []


def test_whole_clean_images_count_once_for_all_their_regions(first: pl.DataFrame, second: pl.DataFrame) -> None:
    twice = [pl.concat([side, side.with_columns(region=pl.lit("another"))]) for side in (first, second)]
    of_images, of_regions = (
        study_difference(*twice, metrics=[metric])["pairs"].to_list()
        for metric in ("ssim_foreground_clean", "ssim_region_clean")
    )
    assert [2 * pairs for pairs in of_images] == of_regions


def test_each_inserted_lesion_has_a_clean_image_of_its_own(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """Only that of the first lesion of a slice was counted, and the others' differences were lost."""
    metric, sides = "ssim_foreground_clean", []
    for side, more in ((first, 0.0), (second, 0.2)):
        lesions = [side.with_columns(region=pl.lit("lesions-1"), region_kind=pl.lit("lesions"))]
        lesions.append(lesions[0].with_columns(pl.col(metric) + more, region=pl.lit("lesions-2")))
        sides.append(pl.concat([side, *lesions]))
    found, alone = (study_difference(*both, metrics=[metric]) for both in (sides, (first, second)))
    assert found["pairs"].to_list() == [3 * pairs for pairs in alone["pairs"]]
    assert found["difference"].to_list() == pytest.approx([value + 0.2 / 3 for value in alone["difference"]])


def test_a_clean_region_is_the_plans_whichever_perturbation_comes_first(
    first: pl.DataFrame, second: pl.DataFrame
) -> None:
    """Rows of FNAF measure the surroundings of the feature, which lies elsewhere for each method."""
    metric, sides = "ssim_region_clean", []
    for side, other in ((first, 0.3), (second, 0.7)):
        clean = side.filter(pl.col("perturbation") == "none")
        features = clean.with_columns(pl.lit(other).alias(metric), perturbation=pl.lit("fnaf"))
        sides.append(pl.concat([features, side]))
    found, alone = (study_difference(*both, metrics=[metric]) for both in (sides, (first, second)))
    assert found["difference"].to_list() == alone["difference"].to_list()


def test_tables_that_do_not_say_what_their_regions_are_are_compared(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """As of another program: they have the clean image of a slice once then."""
    metric = "ssim_foreground_clean"
    kinds, none = (
        study_difference(*both, metrics=[metric])
        for both in ((first, second), (first.drop("region_kind"), second.drop("region_kind")))
    )
    assert none.equals(kinds)


def test_methods_of_one_study_are_paired(first: pl.DataFrame) -> None:
    metric = "ssim_region_perturbed"
    found = method_difference(first, "TV", metrics=[metric])
    assert set(found["method_label"]) == {"VarNet less TV"}
    chosen = {"acceleration": 4.0, "perturbation": "worst-case", "budget": 0.04, "control": False}
    row = found.filter(**chosen, perturbation_knobs='{"algorithm":"advrec"}').row(0, named=True)
    by_hand = first.filter(**chosen, perturbation_knobs='{"algorithm": "advrec"}').sort("volume", "slice")
    one, other = (by_hand.filter(method_label=name)[metric] for name in ("TV", "VarNet"))
    expected = difference(other, one, by_hand.filter(method_label="TV")["volume"].to_list())
    assert row["difference"] == pytest.approx(expected.mean.value)
    assert (row["low"], row["high"]) == pytest.approx(expected.mean.interval)
    assert (row["volumes"], row["pairs"], row["tests"]) == (5, 10, len(found))
    turned = method_difference(first, "VarNet", metrics=[metric])
    assert turned["difference"].to_list() == pytest.approx([-value for value in found["difference"]])
    assert next(sentences(found)).startswith("VarNet less TV, R = 4, ")


def test_patients_whose_files_share_a_name_are_no_pairs(first: pl.DataFrame) -> None:
    """Where each method had finished other patients, these were compared with each other."""
    is_tv, early = pl.col("method_label") == "TV", pl.col("volume").is_in(["head0", "head1"])
    path = "P" + pl.col("volume").str.slice(-1) + "/scan.h5"
    apart = first.filter(is_tv == early).with_columns(scan=path, volume=path)
    assert len(unpaired(*sides(apart, "TV"))) == 1 + 2
    with pytest.raises(InputError, match="no other method has a trial that TV has"):
        method_difference(apart, "TV")


def test_a_baseline_may_be_named_by_its_id_where_it_has_one_setting(first: pl.DataFrame) -> None:
    """As a method with a knob in the plan has a label such as "tv weight=0.004"."""
    metric = ["ssim_region_perturbed"]
    named = first.with_columns(
        method=pl.col("method_label").str.to_lowercase(),
        method_label=pl.col("method_label").replace("TV", "tv weight=0.004"),
    )
    found = method_difference(named, "tv", metrics=metric)
    assert set(found["method_label"]) == {"VarNet less tv weight=0.004"}
    assert found.equals(method_difference(named, "tv weight=0.004", metrics=metric))
    stronger = named.filter(method="tv").with_columns(method_label=pl.lit("tv weight=0.01"))
    with pytest.raises(InputError, match=r"has tv at 2 settings; choose from tv weight=0.004, tv weight=0.01\.$"):
        method_difference(pl.concat([named, stronger]), "tv")


def test_what_was_found_on_one_method_is_paired_as_the_same_for_all(first: pl.DataFrame) -> None:
    attack = {"perturbation": "worst-case", "control": False}
    found_on = first.filter(**attack).with_columns(found_for=pl.lit("TV"))
    own = first.filter(**attack).with_columns(found_for=pl.lit(None, pl.String))
    found = method_difference(found_on, "TV", metrics=["ssim_region_perturbed"])
    assert set(found["found_for"]) == {"TV"}
    assert found["pairs"].unique().to_list() == [10]
    assert ", found on TV: " in next(sentences(found))
    both = method_difference(pl.concat([own, found_on]), "TV", metrics=["ssim_region_perturbed"])
    assert both.filter(pl.col("found_for").is_null())["difference"].to_list() == found["difference"].to_list()
    assert len(both) == 2 * len(found)


@pytest.mark.thorough
def test_trials_of_a_method_without_partner_are_told_once(first: pl.DataFrame) -> None:
    several = pl.concat([first, first.filter(method_label="VarNet").with_columns(method_label=pl.lit("U-Net"))])
    some = several.filter((pl.col("method_label") == "TV") | (pl.col("volume") != "head0"))
    count = first.filter(method_label="TV", volume="head0").height
    told, *own = unpaired(*sides(some, "TV"), ("TV", "the other methods"))
    assert told == f"{count:,} trials of TV are not in the other, and left out:"
    assert own == ["TV alone has file head0.h5"]
    assert method_difference(some, "TV")["volumes"].unique().to_list() == [4]


@pytest.mark.parametrize(
    ("chosen", "baseline", "words"),
    [
        ("all", "SENSE", "no method 'SENSE'; choose from TV, VarNet"),
        ("one", "TV", "has one method, TV; name a second study"),
        ("apart", "TV", "no other method has a trial that TV has"),
        ("none", "TV", "no finished trial yet"),
    ],
)
def test_methods_that_cannot_be_paired(first: pl.DataFrame, chosen: str, baseline: str, words: str) -> None:
    is_tv = pl.col("method_label") == "TV"
    tables = {
        "all": first,
        "none": first.clear(),
        "one": first.filter(is_tv),
        "apart": first.filter(is_tv == (pl.col("volume") == "head0")),
    }
    with pytest.raises(InputError, match=words):
        method_difference(tables[chosen], baseline)
