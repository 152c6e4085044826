"""What grows with the letters that a user has chosen."""

from collections.abc import Iterator

import pytest
from napari.settings import get_settings

from napari_recon_robust.controls.letters import in_tables, letter_style, letters, row_height, rows_height


@pytest.fixture
def own() -> Iterator[int]:
    """The size of napari's own letters, which it has again afterwards."""
    appearance = get_settings().appearance
    size = appearance.font_size
    yield size
    appearance.font_size = size


def test_nothing_changes_at_the_size_of_napari(own: int) -> None:
    assert letters() == in_tables() == 1
    assert f"QTableView, QHeaderView {{ font-size: {float(own)}pt; }}" in letter_style()
    assert "QPushButton" not in letter_style()
    assert (row_height(19), rows_height(10, 19)) == (19, 218)


def test_tables_grow_by_less_than_other_words(own: int) -> None:
    get_settings().appearance.font_size = 2 * own
    assert letters() == 2
    assert 1 < in_tables() < 2
    assert 19 < row_height(19) < 38
    assert rows_height(10, 19) > 10 * row_height(19)
    assert f"font-size: {2 * own}pt" in letter_style()
