"""What the package does is what it did at 8fa70a4, except where a golden was renewed on purpose (see `__init__`)."""

import pytest

from . import frozen, items

ITEMS = items.all_items()
FREE = ("names",)  # tested below: more of them are welcome
# What takes long as a whole; every method and perturbation runs in its contract's tests too.
LONG = ("methods/", "perturbations/", "training")
HOW = "If that is meant, `python -m tests.golden.renew {}` freezes it anew; otherwise mend the code."


@pytest.mark.parametrize(
    "id", [pytest.param(id, marks=[pytest.mark.slow] * id.startswith(LONG)) for id in ITEMS if id not in FREE]
)
def test_it_does_what_it_did(id: str) -> None:
    old, item = frozen.golden(id), ITEMS[id]
    if old is None:
        pytest.fail(f"{id} is new and has no golden. `python -m tests.golden.renew '{id}'` freezes what it does.")
    _same_weights(id, item)
    new = item.make()
    if isinstance(old, str):
        assert new == old, HOW.format(f"'{id}'")
        return
    assert not isinstance(new, str)
    found = frozen.differences(old, new, items.tolerance(id))
    if found:
        pytest.fail(f"{id} does not do what it did: {'; '.join(found)}. {HOW.format(repr(id))}")


def _same_weights(id: str, item: items.Item) -> None:
    then, now = frozen.read_index()[id].get("weights", []), item.weights()
    if then != now:
        pytest.fail(
            f"{id} runs on other shipped weights than those that it was frozen with: {_short(now, then)} "
            f"instead of {_short(then, now)} (SHA-256). {HOW.format(repr(id))}"
        )


def _short(some: list[str], others: list[str]) -> str:
    return ", ".join(f"{mark[:12]}…" for mark in some if mark not in others) or "none"


def test_nothing_that_was_frozen_is_gone() -> None:
    gone = set(frozen.golden_ids()) - set(ITEMS)
    if gone:
        names = " ".join(f"'{id}'" for id in sorted(gone))
        pytest.fail(f"what had a golden is gone: {names}. {HOW.format(names)}")


def test_every_public_name_is_there() -> None:
    old, new = frozen.golden("names"), ITEMS["names"].make()
    assert isinstance(old, str)
    assert isinstance(new, str)
    gone = set(old.splitlines()) - set(new.splitlines())
    if gone:
        pytest.fail(f"public names are gone: {', '.join(sorted(gone))}. {HOW.format('names')}")


def test_the_files_are_those_of_the_index() -> None:
    """Inputs never change; goldens do by `renew` alone, which writes the index."""
    assert not frozen.altered()
