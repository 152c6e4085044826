from types import SimpleNamespace

import pytest

from napari_recon_robust.training import schedule


def test_the_rate_warms_up_stays_and_decays_to_zero() -> None:
    rates = [schedule.rate(step, 4, schedule.Steps(100).spent(step), 0.2) for step in range(101)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[4:81] == pytest.approx([1.0] * 77)
    assert rates[80:] == pytest.approx([1 - step / 20 for step in range(21)])
    assert [schedule.decays(step / 100, 0.2) for step in (0, 79, 80, 81, 99)] == [False, False, False, True, True]


def test_minutes_are_counted_by_the_clock_from_what_was_spent_before(monkeypatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(schedule, "time", SimpleNamespace(monotonic=lambda: now[0]))
    budget = schedule.Minutes(10, before=0.5)
    now[0] += 90  # the weights that it starts from are scored
    assert budget.spent(7) == 0.5
    now[0] += 150
    assert budget.spent(7) == budget.spent(8) == 0.75
    assert budget.state(7) == {"minutes": 10, "spent": 0.75}


def test_a_long_validation_does_not_take_the_place_of_the_decay(monkeypatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(schedule, "time", SimpleNamespace(monotonic=lambda: now[0]))
    budget = schedule.Minutes(10)
    assert budget.spent(0) == 0
    now[0] += 450
    with budget.outside():
        now[0] += 300
    assert budget.spent(7) == 0.75
