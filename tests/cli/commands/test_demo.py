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
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "napari_recon_robust.cli", "demo", "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["budget"]["achieved"] <= 0.01 * (1 + 1e-5)
    assert metrics["perturbed"]["roi"]["nmse"] > 2 * metrics["random"]["roi"]["nmse"]
    assert imread(folder / "window.png").std() > 10
    assert imread(folder / "perturbed.png").shape == (320, 320)
