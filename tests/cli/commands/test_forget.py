"""Remove the reviews that the window has kept."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from napari_recon_robust.cli import cli
from napari_recon_robust.workbench import saved_review


def test_all_reviews_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "reviews"
    monkeypatch.setattr(saved_review, "folder", lambda: kept)
    for _ in range(2):
        saved_review.Store().write(saved_review.SavedReview())
    done = CliRunner().invoke(cli, ["forget"])
    assert (done.exit_code, done.output) == (0, f"removed: 2 reviews from {kept}\n")
    assert not kept.exists()
    assert CliRunner().invoke(cli, ["forget"]).output.startswith("removed: 0 reviews")
