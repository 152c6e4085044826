"""BART as a black box, where it is installed."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.method_properties import difference
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import ModelError
from napari_recon_robust.own_models import bart
from napari_recon_robust.physics import fourier
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical.conjugate_gradients import conjugate_gradients

installed = pytest.mark.skipif(shutil.which("bart") is None, reason="BART is not on this machine")


@installed
@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_its_unregularized_image_is_that_of_cg_sense(pattern: str, request: pytest.FixtureRequest) -> None:
    """In the scan's units, in its orientation: both solve (A^H A + w) x = A^H y."""
    measurement: Measurement = request.getfixturevalue(pattern)
    command = registry.get("bart:pics -S -l2 -r 0.001 -i 60 {kspace} {sensitivities} {image}")
    small = Measurement(measurement.kspace * 1e-4, measurement.mask, measurement.matrix)
    model = measurement.model
    ours = conjugate_gradients(lambda x: model.normal(x) + 1e-3 * x, model.adjoint(measurement.data), 60)
    assert difference(command(measurement), ours) < 0.05
    assert difference(command(small), ours * 1e-4) < 0.05


@installed
@pytest.mark.parametrize("matrix", [(47, 48), (48, 47), (45, 47)])
def test_odd_sizes_do_not_shift_the_image(lines: Measurement, matrix: tuple[int, int]) -> None:
    """Up to BART 0.9 pics itself is a pixel off along them."""
    assert lines.full is not None
    kspace = fourier.centre_crop(fourier.centre_crop(lines.full, matrix[0], -2), matrix[1], -1)
    odd = Measurement(kspace, torch.ones(1, matrix[1], dtype=torch.bool), matrix)
    command = registry.get("bart:pics -l2 -r 0.001 -i 60 {kspace} {sensitivities} {image}")
    model = odd.model
    ours = conjugate_gradients(lambda x: model.normal(x) + 1e-3 * x, model.adjoint(odd.data), 60)
    assert difference(command(odd), ours) < 0.05


@pytest.mark.parametrize(
    ("words", "shifts"), [(["pics"], False), (["nlinv"], True), (["pics", "-t", "trajectory"], True)]
)
def test_only_a_pics_that_shifts_gets_other_samples(words: list[str], shifts: bool) -> None:
    command = bart.BARTCommand("bart", words, "bart")
    command.__dict__["_pics_shifts"] = shifts
    kspace = np.ones((2, 5, 6), np.complex64)
    assert command._for_pics(kspace) is kspace


@installed
def test_other_commands_and_the_mask(lines: Measurement) -> None:
    """pics keeps the units without being told."""
    plain = registry.get("bart:pics -l2 -r 0.001 {kspace} {sensitivities} {image}")
    scaled = registry.get("bart: bart pics -S -l2 -r 0.001 -p {mask} {kspace} {sensitivities} {image}")
    torch.testing.assert_close(plain(lines), scaled(lines), rtol=1e-3, atol=1e-3 * float(plain(lines).abs().max()))
    assert plain.fingerprint()["bart"].startswith("v")
    assert not plain.gives_gradient(lines)
    filled = registry.get("bart:fft -iu 3 {kspace} {image}")
    with pytest.raises(ModelError, match="returned shape 48×48×4"):
        filled(lines)


@installed
def test_a_running_command_is_ended_when_the_job_is_closed(
    lines: Measurement, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started, original = [], subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *words, **more: started.append(original(*words, **more)) or started[-1]
    )
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    job = registry.get("bart:pics -l1 -i 10000000 {kspace} {sensitivities} {image}").job(lines)
    for _ in range(5):
        assert next(job).fraction == 0
    (process,) = started
    assert process.poll() is None
    job.close()
    assert process.poll() == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


@installed
def test_a_command_that_takes_too_long_is_ended(lines: Measurement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bart, "LONGEST", 0.2)
    with pytest.raises(ModelError, match="took more than 0.2 s"):
        registry.get("bart:pics -l1 -i 10000000 {kspace} {sensitivities} {image}")(lines)


@installed
@pytest.mark.parametrize(
    "command", ["pics -l1 {kspace} {image}", "nosuchtool {kspace} {image}", "version {kspace} {image}"]
)
def test_a_command_that_fails_is_a_sentence(lines: Measurement, command: str) -> None:
    with pytest.raises(ModelError, match=f"bart {command.split()[0]} ended with status") as caught:
        registry.get(f"bart:{command}")(lines)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("bart:pics {image}", "has {image}; {kspace} and {image} were expected"),
        ("bart:", "has no files"),
        ("bart:pics {kspace} {maps} {image}", "{maps}"),
        ("bart:pics '{kspace} {image}", "cannot be split"),
    ],
)
def test_commands_without_their_files(command: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        registry.get(command)


def test_without_bart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelError, match="no program bart"):
        registry.get("bart:pics {kspace} {image}")
