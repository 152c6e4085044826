import json
from pathlib import Path

from click.testing import CliRunner

from napari_recon_robust.cli import cli


def test_own_models_are_called_by_the_names_of_their_files(scan_file: Path, tmp_path: Path) -> None:
    """The table's heads were the scripts' whole paths."""
    scripts = [tmp_path / folder / "mine.py" for folder in ("a", "b")]
    for script in scripts:
        script.parent.mkdir()
        script.write_text("def reconstruct(image):\n    return image\n", encoding="utf-8")
    methods = [text for one in (*scripts, "zero-filled") for text in ("--method", str(one))]
    found = ["--found-on", str(scripts[1]), "--found-on", "zero-filled"]
    result = CliRunner().invoke(
        cli, ["transfer", str(scan_file), "--pattern", "equispaced", "--kind", "spike", *methods, *found, "--json"]
    )
    assert result.exit_code == 0, result.output
    matrix = json.loads(result.stdout)
    assert matrix["evaluated_on"] == ["mine.py", "mine.py (2)", "zero-filled"]
    assert matrix["found_on"] == ["mine.py (2)", "zero-filled"]
