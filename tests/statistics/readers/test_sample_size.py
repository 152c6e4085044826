"""Against the published outputs of RJafroc for Van Dyke's readers, and by simulation."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.readers.obuchowski_rockette import Components, compare, components
from napari_recon_robust.statistics.readers.roc import areas, covariance
from napari_recon_robust.statistics.readers.sample_size import VAN_DYKE, Variances, design_effect

OBSERVED = 0.04380032


def van_dyke(shared: Path) -> Variances:
    with (shared / "data/readers/vandyke.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ratings, truth = np.zeros((2, 5, 114)), np.zeros(114, bool)
    cases = sorted({row["case"] for row in rows})
    for row in rows:
        at = cases.index(row["case"])
        ratings[int(row["treatment"]) - 1, int(row["reader"]) - 1, at] = float(row["rating"])
        truth[at] = row["truth"] == "1"
    return Variances.of(components(areas(ratings, truth), covariance(ratings, truth)), 114)


def test_power_and_cases_are_those_that_rjafroc_gives(shared: Path) -> None:
    found = van_dyke(shared)
    assert found.power(OBSERVED, 6, 111) == pytest.approx(0.5526116, abs=5e-8)
    assert found.power(OBSERVED, 10, 163) == pytest.approx(0.8015625, abs=5e-8)
    assert found.power(OBSERVED, 10, 236) == pytest.approx(0.9003501, abs=1e-7)
    assert [found.cases_for(OBSERVED, readers)[0] for readers in (6, 10)] == [251, 163]
    assert found.cases_for(OBSERVED, 10, 0.9)[0] == 236


def test_the_printed_figures_give_the_same() -> None:
    for readers, cases, power in ((6, 111, 0.5526116), (10, 163, 0.8015625), (10, 236, 0.9003501)):
        assert VAN_DYKE.power(OBSERVED, readers, cases) == pytest.approx(power, abs=2e-5)
    assert [VAN_DYKE.cases_for(OBSERVED, readers)[0] for readers in (6, 10)] == [251, 163]


def test_readers_of_parts_of_the_cases_show_what_they_would_of_whole_ones() -> None:
    """Var and Cov1 of n cases are V / n and C / n, and Cov2 and Cov3 of m common ones m / (n n') of others."""
    read = np.array([[1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 1]], bool)
    counts, (own, of_reader, of_test, neither) = read.sum(1), (0.08, 0.05, 0.04, 0.01)
    overlap = read.astype(float) @ read.T / np.outer(counts, counts)
    same = np.eye(3, dtype=bool)
    errors = np.block(
        [
            [overlap * np.where(same, *pair) for pair in pairs]
            for pairs in (((own, of_test), (of_reader, neither)), ((of_reader, neither), (own, of_test)))
        ]
    )
    figures = np.random.default_rng(0).normal(0.8, 0.3, (2, 3))
    expected = components(figures, errors)
    found = Variances.of_parts(expected, read)
    assert found.cases == pytest.approx(stats.hmean(counts))
    assert (found.error * found.cases, found.shared * found.cases) == pytest.approx((0.03, 0.03))
    assert found.test_reader == Variances.of(expected, 1).test_reader
    whole = Variances.of_parts(expected, np.ones((3, 6), bool))
    assert list(vars(whole).values()) == pytest.approx(list(vars(Variances.of(expected, 6)).values()))
    with pytest.raises(InputError, match="no two readers read the same case"):
        Variances.of_parts(expected, np.eye(3, dtype=bool))


def test_what_no_number_of_cases_shows_has_none() -> None:
    assert not VAN_DYKE.cases_for(0.01, 3)
    with pytest.raises(InputError, match="at least 2 of each"):
        VAN_DYKE.power(0.05, 1, 100)
    with pytest.raises(InputError, match="shows no variance"):
        Variances.of(Components(0, 0, 0, 0, 0, 0, 0), 50).power(0.05, 4, 50)


@pytest.mark.parametrize(
    ("difference", "readers", "first", "stop"), [(0.063, 3, 575, 2621), (0.0625, 3, 685, 1823), (0.07, 3, 241, 5001)]
)
def test_where_more_cases_have_less_power_the_fewest_are_still_found(difference, readers, first, stop) -> None:
    """The readers' own variance leaves 2 degrees of freedom to many cases, and more to few."""
    assert VAN_DYKE.cases_for(difference, readers) == range(first, stop)
    assert VAN_DYKE.power(difference, readers, first - 1) < 0.8 <= VAN_DYKE.power(difference, readers, first)
    if stop <= 5000:
        assert VAN_DYKE.power(difference, readers, stop - 1) >= 0.8 > VAN_DYKE.power(difference, readers, stop)


@pytest.mark.parametrize(("readers", "groups"), [(5, 1), (6, 2), (6, 3), (4, 4)])
def test_the_power_is_that_of_the_mean_squares(readers: int, groups: int) -> None:
    """The expected mean squares of tests and of tests x readers, as traces of the figures' covariance."""
    difference, error, shared, between = 0.06, 0.0007, 0.0004, 0.0003
    members = np.arange(readers) % groups
    # Of 50 cases in all: what each group reads of them tells less.
    of_test = groups * ((error - shared) * np.eye(readers) + shared * (members[:, None] == members))
    covariance = np.kron(np.eye(2), of_test + between * np.eye(readers))
    of_means = np.kron([1, -1], np.ones(readers) / readers)
    noise = readers / 2 * of_means @ covariance @ of_means
    within = np.kron([[0.5, -0.5], [-0.5, 0.5]], np.eye(readers) - 1 / readers)
    freedom = noise**2 * (readers - 1) / (np.trace(within @ covariance) / (readers - 1)) ** 2
    expected = stats.ncf.sf(stats.f.ppf(0.95, 1, freedom), 1, freedom, readers * difference**2 / 2 / noise)
    found = Variances(between, error, shared, 50).power(difference, readers, 50, groups)
    assert 0.05 < expected < 0.95
    assert found == pytest.approx(expected)
    assert Variances(between, 2 * error, 2 * shared, 50).power(difference, readers, 100, groups) == found


@pytest.mark.slow
@pytest.mark.parametrize(("readers", "groups"), [(5, 1), (6, 2), (6, 3), (4, 4)])
def test_the_power_is_that_of_simulated_studies(readers: int, groups: int) -> None:
    """Figures by the model of Obuchowski and Rockette itself: with known covariances the share of p < 5% is known.

    Two readers of a group share their patients, those of different groups do not.
    """
    rng, difference = np.random.default_rng(0), 0.06
    error, shared_, between = 0.0007, 0.0004, 0.0003
    members = np.arange(readers) % groups
    same_test = np.kron(np.eye(2), members[:, None] == members)
    errors = (error - shared_) * np.eye(2 * readers) + shared_ * same_test
    root = np.linalg.cholesky(errors + between * np.eye(2 * readers))
    found = []
    for _ in range(800):
        figures = (root @ rng.standard_normal(2 * readers)).reshape(2, readers) + np.array([[difference], [0]])
        found.append(compare(figures, errors).p < 0.05)
    # what a figure of 100 cases of its own varies by, of which each group has as many
    expected = Variances(between, error, shared_, 100).power(difference, readers, 100 * groups, groups)
    assert np.mean(found) == pytest.approx(expected, abs=0.045)


def test_the_design_effect_of_equal_and_unequal_clusters() -> None:
    """Three clusters of four: 1 + 3 ρ. Sizes 1, 1 and 4: Σ n² / Σ n = 18 / 6 = 3, so 1 + 2 ρ."""
    assert design_effect([4, 4, 4], 0.5) == 2.5
    assert design_effect([1, 1, 4], 0.3) == pytest.approx(1.6)
    assert design_effect([1, 1, 1], 0.9) == 1
    assert VAN_DYKE.clustered(2.0).power(0.05, 5, 200) == pytest.approx(VAN_DYKE.power(0.05, 5, 100))
