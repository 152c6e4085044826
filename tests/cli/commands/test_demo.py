"""The demonstration as `make demo` runs it without a display."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from skimage.io import imread


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("DISPLAY"), reason="there is no display, not even a virtual one")
def test_the_demo_writes_the_window_the_images_and_the_metrics(tmp_path: Path) -> None:
    folder, home = tmp_path / "demo", tmp_path / "home"
    home.mkdir()
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    theirs = ("NAPARI_CONFIG", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in theirs}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": caches}
    command = [sys.executable, "-m", "napari_recon_robust.cli", "demo", "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["budget"]["achieved"] <= 0.01 * (1 + 1e-5)
    assert metrics["perturbed"]["roi"]["nmse"] > 2 * metrics["random"]["roi"]["nmse"]
    assert imread(folder / "window.png").std() > 10
    assert imread(folder / "perturbed.png").shape == (320, 320)
    left = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    assert left == [], "neither a review nor settings of napari"
