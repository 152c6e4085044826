import numpy as np
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.statistics.readers.interchangeability import interchangeability


def calls(rng: np.random.Generator, cases: int, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Yes or no by four readers who see each case with errors, larger ones in the new condition if noise says so."""
    case = rng.standard_normal((cases, 1))
    new, old = (case + rng.normal(0, width, (cases, 4)) > 0 for width in (noise, 0.5))
    return new.astype(float), old.astype(float)


def test_a_toy_by_hand() -> None:
    """Old 1, 1, 2: 2 of 3 pairs disagree. New 1, 2, 2 against the old of another reader: 4 of 6 disagree."""
    found = interchangeability([[1, 2, 2]], [[1, 1, 2]], "a")
    assert (found.across, found.within) == pytest.approx((4 / 6, 2 / 3))
    assert found.index.value == pytest.approx(0)
    worse = interchangeability([[3, 3, 3], [1, 1, 1]], [[1, 1, 1], [1, 1, 1]], "ab")
    assert (worse.across, worse.within, worse.index.value) == (0.5, 0, 0.5)


def test_a_reader_is_never_compared_with_himself() -> None:
    found = interchangeability([[1, 2]] * 3, [[2, 1]] * 3, "abc")
    assert (found.across, found.within) == (0, 1)


def test_the_interval_covers_the_truth_and_sees_a_worse_condition() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(100):
        low, high = interchangeability(*calls(rng, 40), range(40)).index.interval or (9, 9)
        covered.append(low <= 0 <= high)
    assert np.mean(covered) >= 0.95
    assert (interchangeability(*calls(rng, 200, noise=3.0), range(200)).index.interval or (-1, 0))[0] > 0


def test_cases_of_one_patient_are_one_unit() -> None:
    new, old = calls(np.random.default_rng(0), 12)
    once = interchangeability(new, old, range(12)).index
    often = interchangeability(np.repeat(new, 3, 0), np.repeat(old, 3, 0), np.repeat(range(12), 3).tolist()).index
    assert often.interval == pytest.approx(once.interval)


def test_a_reader_counts_at_the_cases_that_he_answered_in_both_conditions() -> None:
    """Of the first case two readers are left, who agree; the second has only one and is left out."""
    nan = np.nan
    found = interchangeability([[1, 1, nan], [2, 1, nan]], [[1, 1, 2], [1, nan, 1]], "ab")
    assert (found.across, found.within, found.index.units) == (0, 0, 1)


def test_one_reader_is_refused() -> None:
    with pytest.raises(InputError, match="no case has two readers"):
        interchangeability([[1], [2]], [[1], [2]], "ab")
    with pytest.raises(InputError, match="are no pairs"):
        interchangeability([[1, 2]], [[1], [2]], "ab")


def at_the_margin(
    rng: np.random.Generator, patients: int, margin: float, together: bool, within: float = 0.05, readers: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Answers of readers who disagree at `within` of cases, and whose index in the new arm is the margin.

    together: whether they all err at the same patients, or each reader errs alone.
    """
    error = (1 - np.sqrt(1 - 2 * within)) / 2  # of one reader, so that two disagree at `within`
    alone = (within + margin - error) / (1 - 2 * error)  # of one reader with the new arm
    old = rng.random((patients, readers)) < error
    new = rng.random((patients, readers)) < (error if together else alone)
    if together:
        new ^= rng.random((patients, 1)) < margin / (1 - 2 * within)
    return new.astype(float), old.astype(float)


@pytest.mark.slow
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("patients", "margin", "within"), [(10, 0.1, 0.05), (10, 0.4, 0.2), (20, 0.2, 0.05), (40, 0.1, 0.2)]
)
def test_an_arm_at_the_margin_is_called_interchangeable_no_more_often_than_is_said(
    patients: int, margin: float, within: float, together: bool
) -> None:
    """More than 19 of 400 studies are found once in 200 times at a level of 2.5%: see reader-studies.md."""
    rng, claimed = np.random.default_rng(0), 0
    for _ in range(400):
        found = interchangeability(*at_the_margin(rng, patients, margin, together, within), range(patients)).index
        claimed += found.interval is not None and found.interval[1] < margin
    assert claimed <= 19


def test_where_all_readers_agree_the_patients_are_what_is_known() -> None:
    """0.1 lies above 1 - 0.025^(1/36) and below 1 - 0.025^(1/35)."""
    for patients in (35, 36):
        same = np.ones((patients, 2))
        low, high = interchangeability(same, same, range(patients)).index.interval or (9, 9)
        assert (high < 0.1) == (patients == 36)
        assert low == -high
