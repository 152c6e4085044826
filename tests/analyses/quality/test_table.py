import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.analyses.quality.results import MethodResult
from napari_recon_robust.analyses.quality.table import Table


def result(method: str, case: int, nmse: float, *, scan: object = 1, slice: int = 0) -> MethodResult:
    return MethodResult(
        group="real",
        scan=f"{scan:012}",
        slice=slice,
        pattern="random",
        acceleration=4,
        effective=3 + case / 10,
        seed=str(case),
        method=method,
        ssim=0.9,
        psnr=30,
        nmse=nmse,
        seconds=case + 1,
        input=str(case),
    )


def test_means_are_geometric_and_ratios_are_paired() -> None:
    results = [result("a", n, nmse) for n, nmse in enumerate((0.1, 0.4))]
    results += [result("b", n, nmse) for n, nmse in enumerate((0.05, 0.1))]
    (section,) = Table(results, {"a": {}, "b": {}}, "a").sections
    assert section.effective == (3.0, 3.1)
    one, other = section.scores
    assert one.nmse.value == pytest.approx(0.2)
    assert other.ratio is not None
    assert other.ratio.value == pytest.approx((0.5 * 0.25) ** 0.5)
    assert other.seconds == 1.5
    assert one.nmse.interval is None


def test_patterns_have_tables_of_their_own() -> None:
    """Masks of one acceleration that another run of the same folder drew went into one table without a name."""
    results = [result("a", n, 0.1).model_copy(update={"pattern": ("random", "equispaced")[n]}) for n in range(2)]
    table = Table(results, {"a": {}})
    assert [(section.pattern, section.cases) for section in table.sections] == [("random", 1), ("equispaced", 1)]
    for title in ("## real, 4x, random\n", "## real, 4x, equispaced\n"):
        assert title in table.markdown()
    found = table.to_json()
    assert (
        [section["pattern"] for section in found["sections"]] == found["masks"]["patterns"] == ["random", "equispaced"]
    )
    assert found["masks"]["seeds"] == ["0", "1"]


def scored(method: str, case: int, ssim: float, error: str = "") -> MethodResult:
    return result(method, case, 0.1, scan=case).model_copy(update={"ssim": ssim, "psnr": 40 * ssim, "error": error})


def test_a_method_that_fails_where_it_is_hard_is_compared_on_the_cases_that_both_have() -> None:
    """It beats the baseline's mean over all cases, and is worse on each case that it has."""
    results = [scored("base", n, ssim) for n, ssim in enumerate((0.8, 0.81, 0.82, 0.6, 0.61))]
    results += [scored("worse", n, ssim, "noisy" if n > 2 else "") for n, ssim in enumerate((0.79, 0.79, 0.78, 0, 0))]
    table = Table(results, {"base": {}, "worse": {}}, "base")
    (section,) = table.sections
    assert section.cases == 5
    assert [line.method for line in section.incomplete] == ["worse"]
    base, worse = section.scores
    assert worse.ssim.value > base.ssim.value
    assert worse.ssim_gain is not None
    assert worse.psnr_gain is not None
    expected = stats.ttest_1samp([-0.01, -0.02, -0.04], 0).confidence_interval()
    assert worse.ssim_gain.interval == pytest.approx((expected.low, expected.high))
    assert worse.psnr_gain.value == pytest.approx(-40 * 0.07 / 3)
    text = table.markdown()
    assert "| method | SSIM | PSNR (dB) | NMSE | NMSE ÷ base | SSIM − base | PSNR (dB) − base |" in text
    assert "cannot be compared with those of the others" in text
    assert "worse (3 of 5 cases). Compare others with base by its columns" in text
    assert "shared with" not in text, "the baseline has all cases of the other"
    assert "Name a baseline" in Table(results, {"base": {}, "worse": {}}).markdown()


def test_a_table_says_on_how_many_cases_a_method_is_compared_with_a_baseline_that_failed() -> None:
    """The advice was to compare the baseline with itself."""
    results = [scored("base", n, 0.8, "noisy" if n > 2 else "") for n in range(5)]
    results += [scored("all", n, 0.9) for n in range(5)]
    results += [scored("other", n, 0.9, "noisy" if n in (0, 4) else "") for n in range(5)]
    table = Table(results, {"base": {}, "all": {}, "other": {}}, "base")
    assert [line.paired for line in table.sections[0].scores] == [3, 3, 2]
    text = table.markdown()
    assert "| base (failed on 2 of 5) |" in text
    assert "| all (3 of 5 cases shared with base) |" in text
    assert "| other (failed on 2 of 5; 2 of 3 cases shared with base) |" in text
    assert "base (3 of 5 cases), other (3 of 5 cases). Compare others with base by its columns" in text
    assert "shared with" not in Table(results, {"base": {}, "all": {}, "other": {}}).markdown()


@pytest.mark.parametrize("failed", [True, False])
def test_a_baseline_without_a_case_is_no_means_of_comparison(failed: bool) -> None:
    """It failed on each, or comes from a run of another group."""
    results = [scored("base", n, 0.8, "wrong") for n in range(3 * failed)]
    results += [scored("one", n, 0.9) for n in range(3)]
    text = Table(results, {"base": {}, "one": {}}, "base").markdown()
    assert "The baseline base has no case, so its columns are empty; name another one." in text
    assert "| one (0 of 3 cases shared with base) | 0.9000" in text
    assert "Compare others" not in text


def test_a_difference_that_is_rounded_to_zero_has_no_minus() -> None:
    text = Table([scored("base", 0, 0.8), scored("one", 0, 0.8 - 1e-6)], {"base": {}, "one": {}}, "base").markdown()
    assert text.count("| +0.0000 | +0.00 |") == 2


def test_a_method_of_an_earlier_run_with_fewer_cases_is_named() -> None:
    results = [scored("all", n, 0.8) for n in range(4)] + [scored("few", n, 0.9) for n in range(2)]
    assert "few (2 of 4 cases)" in Table(results, {"all": {}, "few": {}}).markdown()
    assert "cannot be compared" not in Table(results[:4], {"all": {}, "few": {}}).markdown()


def test_a_case_in_which_the_baseline_is_exact_has_no_ratio() -> None:
    results = [result("a", n, nmse) for n, nmse in enumerate((0.0, 0.4))]
    results += [result("b", n, nmse) for n, nmse in enumerate((0.05, 0.1))]
    table = Table(results, {"a": {}, "b": {}}, "a")
    assert "0.250" in table.markdown()
    (none,) = Table(results[::2], {"a": {}, "b": {}}, "a").sections
    assert [line.ratio is not None and line.ratio.value != line.ratio.value for line in none.scores] == [True, True]


def test_intervals_are_over_what_is_independent() -> None:
    many = [result("a", n, 0.1, scan=n // 2, slice=n % 2) for n in range(12)]
    assert Table(many, {"a": {}}).sections[0].unit == "6 scans"
    one = [result("a", n, 0.1, slice=n // 2) for n in range(12)]
    assert Table(one, {"a": {}}).sections[0].unit == "6 slices"
    assert Table(one[:4], {"a": {}}).sections[0].unit == "4 masks"
    two = [result("a", n, 0.1, scan=n // 4, slice=n % 4 // 2) for n in range(8)]
    assert Table(two, {"a": {}}).sections[0].unit == "4 slices", "slices 0 and 1 of two scans"


def test_intervals_are_students_over_the_means_of_scans() -> None:
    log = np.random.default_rng(1).normal(-3, 0.2, (4, 5))
    results = [result("a", n, float(np.exp(value)), scan=n // 5) for n, value in enumerate(log.ravel())]
    found = Table(results, {"a": {}}).sections[0].scores[0].nmse
    expected = stats.ttest_1samp(log.mean(1), 0).confidence_interval()
    assert found.interval == pytest.approx((np.exp(expected.low), np.exp(expected.high)))


def test_lines_come_as_asked_for_and_few_cases_have_no_intervals() -> None:
    results = [result(method, n, 0.1) for method in ("b", "a") for n in range(2)]
    text = Table(results, {"a": {}, "b": {}}).markdown()
    assert text.index("| a |") < text.index("| b |")
    assert "2 masks are too few for intervals" in text


def test_an_acceleration_that_all_cases_have_is_said_once() -> None:
    cases = [result(method, 0, 0.1) for method in ("a", "b")]
    assert "1 case, effective R 3.00; " in Table(cases, {"a": {}, "b": {}}).markdown()
    cases += [result("a", 1, 0.1)]
    assert "2 cases, effective R 3.00 to 3.10; " in Table(cases, {"a": {}, "b": {}}).markdown()
    many = [result("a", n, 0.1 + 0.01 * n) for n in range(6)]
    assert "intervals over 6 masks." in Table(many, {"a": {}}).markdown()
    heads = [result("a", n, 0.1 + 0.01 * n, scan=n) for n in range(6)]
    assert "intervals over 6 scans, each taken as another patient's." in Table(heads, {"a": {}}).markdown()


def test_no_interval_of_an_ssim_reaches_beyond_one() -> None:
    results = [
        result("a", n, 0.1, scan=n).model_copy(update={"ssim": ssim}) for n, ssim in enumerate((0.9, 0.95, 0.999))
    ]
    assert Table(results, {"a": {}}).sections[0].scores[0].ssim.interval == (pytest.approx(0.827, abs=1e-3), 1)
