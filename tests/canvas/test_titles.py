"""Titles of narrow panels take as few lines as they can."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from napari_recon_robust.canvas.titles import stacked

WORDS = st.text("abc", min_size=1, max_size=40)


@given(WORDS, st.lists(WORDS))
def test_nothing_is_left_out_and_no_line_could_be_spared(name: str, parts: list[str]) -> None:
    first, *lines = stacked(name, *parts).split("\n")
    assert first == name, "a name stands alone"
    assert [part for line in lines for part in line.split(" · ")] == parts
    assert all(len(line) <= 32 or line in parts for line in lines)
    assert all(len(f"{above} · {below.split(' · ')[0]}") > 32 for above, below in pairwise(lines))


def test_what_is_not_known_takes_no_room() -> None:
    assert stacked("TV", "Targeted 1%", "", "ROI SSIM 0.899", "found on it", "attacked") == (
        "TV\nTargeted 1% · ROI SSIM 0.899\nfound on it · attacked"
    )
