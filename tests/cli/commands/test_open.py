"""recon-robust open; what it opens is tested in tests/window."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import InputError


def test_without_a_display_a_sentence_says_so(scan_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Qt would end the process."""
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    found = CliRunner().invoke(cli, ["open", str(scan_file)])
    assert isinstance(found.exception, InputError)
    assert "the window needs a display" in str(found.exception)
