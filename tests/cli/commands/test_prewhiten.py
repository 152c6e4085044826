"""The command that copies a scan with prewhitened coils."""

from pathlib import Path

import h5py
import numpy as np
from click.testing import CliRunner

from napari_recon_robust import open_scan
from napari_recon_robust.cli import cli
from napari_recon_robust.simulation.sample import sample_path


def test_a_copy_is_written_and_the_input_is_not_written_over(tmp_path: Path) -> None:
    output = tmp_path / "white.h5"
    done = CliRunner().invoke(cli, ["prewhiten", str(sample_path()), "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert f"written: {output}" in done.output
    with open_scan(output) as scan, open_scan(sample_path()) as before:
        assert scan.header.matrix == before.header.matrix
        assert scan.fully_sampled
    with h5py.File(output) as file:
        written = file["kspace"][0]
    assert np.isfinite(written).all()
    refused = CliRunner().invoke(cli, ["prewhiten", str(output), "--output", str(output)])
    assert "would be written over" in refused.output
