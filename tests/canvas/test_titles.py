"""Titles of narrow panels are broken into as few lines as they can be."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from napari_recon_robust.canvas.titles import in_lines

PARTS = st.lists(st.text("abc", min_size=1, max_size=40), min_size=1)


@given(PARTS, st.integers(1, 60))
def test_nothing_is_left_out_and_no_line_could_be_spared(parts: list[str], room: int) -> None:
    lines = in_lines(" · ".join(parts), room).split("\n")
    assert [part for line in lines for part in line.split(" · ")] == parts
    assert all(len(line) <= room or line in parts for line in lines)
    assert all(len(f"{above} · {below.split(' · ')[0]}") > room for above, below in pairwise(lines))


def test_lines_stay_and_a_part_is_broken_only_if_it_must_be() -> None:
    title = "U-Net, adversarially trained\nTargeted 1% · ROI SSIM 0.899 · attacked"
    assert in_lines(title, 100) == title
    assert in_lines(title, 28) == "U-Net, adversarially trained\nTargeted 1% · ROI SSIM 0.899\nattacked"
    assert in_lines("TV, improved by HQS-Net", 20) == "TV, improved by\nHQS-Net"
    assert in_lines(title, 20) == "U-Net, adversarially\ntrained\nTargeted 1%\nROI SSIM 0.899\nattacked"
