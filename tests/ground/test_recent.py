"""A bounded memory."""

from napari_recon_robust.ground.recent import Recent


def test_those_used_last_are_kept() -> None:
    recent: Recent[str] = Recent(2)
    assert recent.find(1) is None
    assert [recent.keep(1, "one"), recent.keep(2, "two"), recent.find(1), recent.keep(3, "three")] == [
        "one",
        "two",
        "one",
        "three",
    ]
    assert [recent.find(key) for key in (1, 2, 3)] == ["one", None, "three"]


def test_a_value_that_is_kept_again_is_a_new_one_and_pushes_nothing_out() -> None:
    recent: Recent[str] = Recent(2)
    for key, value in ((1, "one"), (2, "two"), (2, "zwei")):
        recent.keep(key, value)
    assert [recent.find(key) for key in (1, 2)] == ["one", "zwei"]
