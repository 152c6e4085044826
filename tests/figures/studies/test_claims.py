import polars as pl
import pytest

from helpers.study_table import with_knobs
from napari_recon_robust.figures.studies.budget import RANDOM, REGION
from napari_recon_robust.figures.studies.claims import MEASURES, Claim, Comparison, compared
from napari_recon_robust.statistics import clustered
from napari_recon_robust.statistics.estimate import Estimate

LOSS = Claim(
    "loss",
    {"what": REGION, "budget_is": "largest"},
    {"what": RANDOM, "budget_is": "largest"},
    ("method_label", "acceleration"),
    "it takes {size} {more}",
)


def test_a_comparison_is_the_mean_over_volumes_of_differences_on_the_same_slices(trials: pl.DataFrame) -> None:
    found = {one.place: one for one in compared(trials, [LOSS])}
    assert len(found) == trials.select("method_label", "acceleration").n_unique()
    rows = trials.filter(
        pl.col("method_label") == "TV",
        pl.col("acceleration") == 8,
        pl.col("budget") == 0.04,
        ~pl.col("perturbation_knobs").str.contains("advrec"),
    ).with_columns(loss=pl.col("ssim_region_clean") - pl.col("ssim_region_perturbed"))
    attack, random = (rows.filter(pl.col("control") == control).sort("volume") for control in (False, True))
    expected = clustered.mean(attack["loss"] - random["loss"], attack["volume"].to_list())
    one = found["TV, R = 8"]
    assert one.estimate.value == pytest.approx(expected.value)
    assert one.estimate.interval == pytest.approx(expected.interval)
    assert one.sentence.startswith(f"TV, R = 8: it takes {expected.value:.4f} [")
    assert one.sentence.endswith(" more (5 volumes).")


@pytest.mark.parametrize(
    ("estimate", "sentence"),
    [
        (Estimate(0.2, (0.1, 0.3), 4), "here: it takes 0.20 [0.10, 0.30] more (4 volumes)."),
        (Estimate(-0.2, (-0.35, -0.1), 4), "here: it takes 0.20 [0.10, 0.35] less (4 volumes)."),
        (Estimate(0.2, (-0.1, 0.5), 4), ""),
        (Estimate(0.2, (0.0, 0.4), 4), ""),
        (Estimate(0.0004, (0.0001, 0.0007), 4), "here: it takes 0.00040 [0.00010, 0.00070] more (4 volumes)."),
        (Estimate(0.2, None, 6), ""),
    ],
)
def test_only_what_an_interval_carries_is_a_sentence(estimate: Estimate, sentence: str) -> None:
    assert Comparison(LOSS, "here", estimate).sentence == sentence


def test_two_volumes_carry_no_sentence(trials: pl.DataFrame) -> None:
    found = compared(trials.filter(pl.col("volume").is_in(["head0", "head1"])), [LOSS])
    assert found
    assert not any(one.sentence for one in found)


def test_a_table_without_the_trials_has_no_comparison(trials: pl.DataFrame) -> None:
    clean = trials.filter(pl.col("perturbation") == "none")
    assert compared(clean, [LOSS]) == []
    unknown = Claim("loss", {"nonsense": 1}, {"what": RANDOM}, (), "{size}")
    assert compared(trials, [unknown]) == []


def test_every_measure_can_be_made_from_a_study(trials: pl.DataFrame) -> None:
    more = trials.with_columns(coverage_90_foreground_clean=pl.lit(0.8), contrast_recovery_region_perturbed=pl.lit(0.4))
    for name, measure in MEASURES.items():
        assert measure(more)["score"].is_finite().all(), name
    assert MEASURES["coverage"](more)["score"].unique().sort().to_list() == [80, 90]
    assert MEASURES["lost"](more)["score"].unique().to_list() == [100]


@pytest.mark.parametrize("volumes", [3, 6])
def test_rates_are_over_all_seeds_of_a_slice_and_need_the_sign_test(volumes: int) -> None:
    """Two features of one slice, one of them lost, beside one that is kept: 50 points more in every volume.

    Student's t has no interval then; six volumes of one sign have p = 0.03, three 0.25.
    """
    shared = {"scan": "a", "slice": 0, "region": "image", "control": False, "perturbation": "fnaf"}
    rows = []
    for volume in range(volumes):
        for algorithm, loss in (("random-search", 1.0), ("random-search", 0.0), ("finite-differences", 0.0)):
            knobs = f'{{"algorithm": "{algorithm}", "search": 11}}'
            row = {"perturbation_knobs": knobs, "published_loss": loss, "input_mse": 1.0, "method_label": "unet"}
            rows.append({**shared, **row, "scan": f"{volume}", "volume": f"{volume}", "acceleration": 4.0})
    sides = ({"search": name, "own": True} for name in ("random-search", "finite-differences"))
    claim = Claim("attack rate", *sides, ("method_label",), "{size} {more}")
    (found,) = compared(pl.DataFrame(rows), [claim])
    assert found.estimate == Estimate(50.0, None, volumes)
    words = "unet: 50 more (6 volumes; p = 0.031 by the exact sign test)."
    assert found.sentence == (words if volumes == 6 else "")


def test_a_rate_with_an_interval_needs_the_sign_test_as_well() -> None:
    rate = Estimate(50.0, (20.0, 80.0), 5)
    assert not Comparison(LOSS, "here", rate, 0.0625).sentence
    assert Comparison(LOSS, "here", rate, 0.03).sentence == "here: it takes 50 [20, 80] more (5 volumes)."
    assert not Comparison(LOSS, "here", Estimate(5.0, (-20.0, 30.0), 9), 0.03).sentence


def test_masks_of_one_acceleration_are_comparisons_of_their_own(trials: pl.DataFrame) -> None:
    attack = ~pl.col("control") & (pl.col("budget") == 0.04)
    worse = pl.when(attack).then(pl.col("ssim_region_perturbed") - 0.1).otherwise("ssim_region_perturbed")
    random = trials.with_columns(mask=pl.lit("random"), ssim_region_perturbed=worse)
    found = {one.place: one.estimate.value for one in compared(pl.concat([trials, random]), [LOSS])}
    assert found["TV, R = 8, random"] == pytest.approx(found["TV, R = 8, equispaced"] + 0.1)
    assert len(found) == 24


def test_settings_of_a_perturbation_are_comparisons_of_their_own(trials: pl.DataFrame) -> None:
    """Their mean is of none of them: an attack of 1 step that does nothing halved what one of 20 takes."""
    attack = ~pl.col("control") & (pl.col("perturbation") == "worst-case")
    idle = trials.with_columns(
        ssim_region_perturbed=pl.when(attack).then("ssim_region_clean").otherwise("ssim_region_perturbed")
    )
    both = pl.concat([with_knobs(idle, steps=1), with_knobs(trials, steps=20)])
    alone, beside = ({one.place: one.estimate for one in compared(one, [LOSS])} for one in (trials, both))
    assert beside["TV, R = 8, steps=20"] == alone["TV, R = 8"]
    assert beside["TV, R = 8, steps=1"].value < 0
    assert len(beside) == 2 * len(alone)
    poses = Claim("pose", {"what": "worst pose"}, {"what": "fully sampled"}, ("method_label",), "{size}")
    shifted = pl.concat([with_knobs(trials, shift=0.0), with_knobs(trials, shift=4.0)])
    assert {one.place for one in compared(shifted, [poses])} >= {"TV, shift=0", "TV, shift=4"}


def test_no_mean_is_over_settings_of_a_method(trials: pl.DataFrame) -> None:
    claim = Claim("quality", {"method_label": "VarNet"}, {"method": "tv"}, ("acceleration",), "{size} {more}")
    other = trials.filter(pl.col("method") == "tv").with_columns(method_label=pl.lit("TV weight=2"))
    assert len(compared(trials, [claim])) == 2
    assert compared(pl.concat([trials, other]), [claim]) == []


def test_an_image_counts_once_however_many_regions_it_has(trials: pl.DataFrame) -> None:
    claim = Claim("quality", {"method_label": "VarNet"}, {"method_label": "TV"}, ("acceleration",), "{size} {more}")
    again = trials.with_columns(
        slice=pl.col("slice") + 1,
        ssim_foreground_clean=pl.when(pl.col("method_label") == "TV").then(0.5).otherwise(0.7),
    )
    nine = [again.with_columns(region=pl.lit(f"annotations-{number}")) for number in range(9)]
    once, often = (
        [one.estimate.value for one in compared(pl.concat([trials, *more]), [claim])] for more in (nine[:1], nine)
    )
    assert often == pytest.approx(once)


def test_masks_are_paired_by_their_seeds(trials: pl.DataFrame) -> None:
    """One that failed on one side left the mean of unlike masks."""
    claim = Claim("quality", {"method_label": "VarNet"}, {"method_label": "TV"}, ("acceleration",), "{size} {more}")
    hard = trials.with_columns(mask_seed=pl.lit("1"), ssim_foreground_clean=pl.col("ssim_foreground_clean") - 0.3)
    some = hard.filter((pl.col("method_label") != "TV") | (pl.col("slice") > 0))
    both, apart = (
        [one.estimate.value for one in compared(pl.concat([trials, more]), [claim])] for more in (hard, some)
    )
    assert apart == pytest.approx(both, abs=0.05)


def test_what_is_not_finite_takes_no_comparison_with_it(trials: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    made = MEASURES["loss"]
    odd = (pl.col("volume") == "head0") & (pl.col("slice") == 0)
    score = pl.when(odd).then(float("nan")).otherwise("score")
    monkeypatch.setitem(MEASURES, "loss", lambda rows: made(rows).with_columns(score=score))
    left = trials.filter((pl.col("volume") != "head0") | (pl.col("slice") != 0))
    found = compared(trials, [LOSS])
    assert [one.estimate for one in found] == [one.estimate for one in compared(left, [LOSS])]
    assert found
