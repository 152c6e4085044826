from pathlib import Path

import pytest
from click.testing import CliRunner

from helpers.reported import FROZEN
from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import FileFormatError


def test_a_report_on_several_cases_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["report", str(FROZEN / "worst-case"), str(FROZEN / "fnaf")])
    assert result.exit_code == 0, repr(result.exception)
    assert result.stdout == "saved: report.html\n"
    text = Path("report.html").read_text(encoding="utf-8")
    assert text.count("<article") == 2


def test_a_folder_that_is_no_case_is_refused(tmp_path: Path) -> None:
    output = tmp_path / "meeting.html"
    result = CliRunner().invoke(cli, ["report", str(tmp_path), "--output", str(output)])
    assert isinstance(result.exception, FileFormatError)
    assert "choose the folder of a saved case" in str(result.exception)
    assert not output.exists()
