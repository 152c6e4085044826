"""Titles of narrow panels are broken into as few lines as they can be, of like lengths; none names a method twice."""

import textwrap
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from napari_recon_robust.canvas.titles import in_lines, in_one_line, shortened, stand_in
from napari_recon_robust.reconstructors import registry

PARTS = st.lists(st.text("abc", min_size=1, max_size=40), min_size=1, max_size=7)


def best(parts: list[str], room: int) -> tuple[int, int]:
    """Of all ways to break a title between its parts: how many lines there must be, and how long the longest then."""

    @cache
    def of(start: int) -> tuple[int, int]:
        if start == len(parts):
            return 0, 0
        ways = []
        for end in range(start + 1, len(parts) + 1):
            line = " · ".join(parts[start:end])
            if len(line) <= room or end == start + 1:
                lines, longest = of(end)
                ways.append((lines + 1, max(longest, len(line))))
        return min(ways)

    return of(0)


@given(PARTS, st.integers(1, 60))
def test_nothing_is_left_out_no_line_could_be_spared_and_none_be_shorter(parts: list[str], room: int) -> None:
    lines = in_lines(" · ".join(parts), room).split("\n")
    assert [part for line in lines for part in line.split(" · ")] == parts
    assert all(len(line) <= room or line in parts for line in lines)
    assert (len(lines), max(map(len, lines))) == best(parts, room)


def test_lines_stay_and_a_part_is_broken_only_if_it_must_be() -> None:
    title = "U-Net, adversarially trained\nTargeted 1% · ROI SSIM 0.899 · attacked"
    assert in_lines(title, 100) == title
    assert in_lines(title, 28) == "U-Net, adversarially trained\nTargeted 1%\nROI SSIM 0.899 · attacked"
    assert in_lines("TV, improved by HQS-Net", 20) == "TV, improved\nby HQS-Net"
    assert in_lines(title, 20) == "U-Net, adversarially\ntrained\nTargeted 1%\nROI SSIM 0.899\nattacked"
    assert in_lines("the first of two · second", 18) == "the first of two\nsecond", "not within the first, for evenness"


def test_a_part_takes_two_lines_at_most_and_says_that_it_was_cut() -> None:
    title = "TV, improved by HQS-Net (supervised) · ROI SSIM 0.899"
    assert in_lines(title, 16) == "TV, improved\nby HQS-Net…\nROI SSIM 0.899"
    assert in_lines(title, 22) == "TV, improved by\nHQS-Net (supervised)\nROI SSIM 0.899"
    assert (shortened(title, 16) == title, shortened(title, 22) == title) == (False, True)


@given(
    st.lists(st.text("ab ", min_size=1, max_size=60).map(str.split).filter(bool).map(" ".join), min_size=1),
    st.integers(1, 30),
)
def test_what_is_left_of_a_part_is_its_beginning(parts: list[str], room: int) -> None:
    left = shortened(" · ".join(parts), room).split(" · ")
    for part, kept in zip(parts, left, strict=True):
        assert kept == part or (kept.endswith("…") and part.startswith(kept.removesuffix("…").rstrip()))
        assert len(textwrap.wrap(kept, room, break_long_words=False, break_on_hyphens=False)) <= 2


def test_a_list_shows_a_title_in_one_line() -> None:
    assert in_one_line("CG-SENSE\nTargeted 1%") == "CG-SENSE · Targeted 1%"


def test_what_stands_in_for_a_method_is_not_named_twice() -> None:
    tv, itself = (registry.get(id).at() for id in ("tv", "zero-filled"))
    assert [stand_in(tv, given_up) for given_up in (False, True)] == [
        f"Zero-filled · computing {tv.label}…",
        f"Zero-filled · no image of {tv.label}",
    ]
    assert [stand_in(itself, given_up) for given_up in (False, True)] == ["Zero-filled · computing…", "Zero-filled"]
