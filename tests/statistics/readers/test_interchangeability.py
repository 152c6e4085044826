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
    assert (found.across.value, found.within.value) == pytest.approx((4 / 6, 2 / 3))
    assert found.index.value == pytest.approx(0)
    worse = interchangeability([[3, 3, 3], [1, 1, 1]], [[1, 1, 1], [1, 1, 1]], "ab")
    assert (worse.across.value, worse.within.value, worse.index.value) == (0.5, 0, 0.5)


def test_a_reader_is_never_compared_with_himself() -> None:
    found = interchangeability([[1, 2]] * 3, [[2, 1]] * 3, "abc")
    assert (found.across.value, found.within.value) == (0, 1)


def test_the_interval_covers_the_truth_and_sees_a_worse_condition() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        low, high = interchangeability(*calls(rng, 40), range(40)).index.interval or (9, 9)
        covered.append(low <= 0 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98
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
    assert (found.across.value, found.within.value, found.index.units) == (0, 0, 1)


def test_one_reader_is_refused() -> None:
    with pytest.raises(InputError, match="no case has two readers"):
        interchangeability([[1], [2]], [[1], [2]], "ab")
    with pytest.raises(InputError, match="are no pairs"):
        interchangeability([[1, 2]], [[1], [2]], "ab")


@pytest.mark.slow
@pytest.mark.parametrize(("together", "least", "most"), [(False, 0.02, 0.08), (True, 0.07, 0.15)])
def test_an_arm_at_the_margin_is_called_interchangeable_as_often_as_is_said(
    together: bool, least: float, most: float
) -> None:
    """20 patients and four readers, two of whom disagree at 5%, of which 1,000 are simulated: see reader-studies.md."""
    rng, within, margin, claimed = np.random.default_rng(0), 0.05, 0.1, 0
    error = (1 - np.sqrt(1 - 2 * within)) / 2  # of one reader, so that two disagree at `within`
    alone = (within + margin - error) / (1 - 2 * error)  # of one reader with the new arm
    for _ in range(1000):
        old, new = rng.random((20, 4)) < error, rng.random((20, 4)) < (error if together else alone)
        if together:
            new = new ^ (rng.random((20, 1)) < margin / (1 - 2 * within))
        found = interchangeability(new, old, range(20)).index.interval
        claimed += found is not None and found[1] < margin
    assert least < claimed / 1000 < most
