"""BibTeX on the command line."""

from click.testing import CliRunner

from napari_recon_robust.cli import cli


def test_entries_are_printed() -> None:
    done = CliRunner().invoke(cli, ["cite", "varnet", "worst-case"])
    assert done.exit_code == 0
    assert "@inproceedings{sriram2020," in done.output
    assert "@inproceedings{morshuis2022," in done.output
    assert "@misc{napari-recon-robust," in done.output
    assert "griswold2002" not in done.output
