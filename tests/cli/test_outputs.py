"""Every command that writes, on a disk that fails at each single step, and killed at random moments."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import COMMANDS, filled, make_inputs, written
from helpers.faults import fails_at, fails_from, steps
from napari_recon_robust.cli import main

Run = Callable[..., tuple[int, str, str]]

KILLS = int(os.environ.get("KILLS", "1"))  # of each command; make kills: 20
LONG = ("simulate", "fragility", "samples", "diverse", "contrast")
# What is added to a command that goes on, by what there is by then; None where all is done.
GOING_ON = {"train": {"out/checkpoint.pt": ["--resume"]}, "perturb": {"out/case": None}}


def made(folder: Path) -> Path:
    """A folder with the folder of the outputs."""
    (folder / "out").mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory, scan_file: Path, anatomy_folder: Path) -> dict[str, str]:
    return make_inputs(tmp_path_factory.mktemp("inputs"), scan_file, anatomy_folder)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere"


@pytest.fixture
def run(inputs: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in a folder: (exit status, standard output, standard error)."""

    def in_folder(name: str, folder: Path, *more: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["recon-robust", *filled(name, inputs), *more])
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        return status, *capsys.readouterr()

    return in_folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.thorough if name in ("simulate", "fragility") else ())
        for name in COMMANDS
        if name != "train"
    ],
)
def test_each_step_fails_in_turn_and_nothing_is_lost(name: str, run: Run, elsewhere: Path, tmp_path: Path) -> None:
    folder = made(tmp_path / "undisturbed")
    with steps() as taken:
        status, _, _ = run(name, folder)
    assert status == 0
    expected = written(folder / "out")
    assert expected
    assert not list(elsewhere.glob("recon-robust-*"))
    saved = 0
    for number, kind in enumerate(taken):
        if name in LONG and kind not in ("write", "replace"):
            continue
        folder = made(tmp_path / f"step {number}")
        with steps(fails_at(number)):
            status, out, err = run(name, folder)
        assert not list(folder.rglob(".recon-robust*"))
        found = written(folder / "out")
        assert found.items() <= expected.items() or name == "compare"
        if status == 0:
            assert kind == "fsync"  # that of a folder
            assert found == expected
            continue
        assert status == 1
        *_, sentence = err.splitlines()  # after lines of progress, where the machine is slow
        assert "cannot be written" in sentence
        assert "(the disk is full)" in sentence
        if "it is saved as" in sentence:
            place = Path(sentence.split("it is saved as ")[1].removesuffix(" instead."))
            assert place.is_relative_to(elsewhere)
            root = place if place.is_dir() and place.name == "out" else place.parent
            assert {**found, **written(root)}.keys() == expected.keys()
            assert {**found, **written(root)} == expected or name == "compare"
            assert out or name in ("compare", "simulate")
            saved += 1
        else:
            assert not found or name == "compare"
            assert not out
    assert saved


@pytest.mark.parametrize("name", ["perturb", "compare"])
def test_a_disk_that_stays_full_is_noticed_before_anything_is_computed(
    name: str, run: Run, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(*_: object, **__: object) -> None:
        pytest.fail("it was computed")

    monkeypatch.setattr("napari_recon_robust.data.scan.Scan.measurement", computed)
    made(tmp_path)
    with steps(fails_from(0)):
        status, out, err = run(name, tmp_path)
    assert (status, out) == (1, "")
    assert "cannot be written to out (the disk is full); make room there, or name another folder." in err


@pytest.mark.slow
def test_what_is_known_is_printed_where_nothing_can_be_written(run: Run, elsewhere: Path, tmp_path: Path) -> None:
    made(tmp_path)
    with steps(fails_from(6)):  # after both outputs were tried
        status, out, err = run("perturb", tmp_path)
    assert status == 1
    assert "SSIM" in out
    assert err.count("cannot be written") == 2
    assert not written(tmp_path)


@pytest.mark.thorough
def test_a_training_whose_disk_fails_goes_on_to_the_same_weights(
    run: Run, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(tmp_path / "undisturbed")
    with steps() as taken:
        status, _, err = run("train", whole)
    assert status == 0, err
    expected = written(whole / "out")
    replaced = [number for number, kind in enumerate(taken) if kind == "replace"]
    for number in replaced[:: max(1, len(replaced) // max(KILLS, 2))]:
        folder = made(tmp_path / f"step {number}")
        with steps(fails_at(number)):
            status, out, err = run("train", folder)
        assert (status, out) == (1, "")
        *said, sentence = err.splitlines()
        assert all("for validation" in line for line in said)
        assert "cannot be written" in sentence
        assert "(the disk is full)" in sentence
        started = (folder / "out" / "checkpoint.pt").exists()
        status, _, err = run("train", folder, *(["--resume"] if started else []))
        assert status == 0, err
        assert written(folder / "out") == expected
    (whole / "out" / "checkpoint.pt").write_bytes(b"")
    status, _, err = run("train", whole, "--resume")
    assert status == 1
    assert err == "recon-robust: checkpoint.pt is no checkpoint with only tensors and numbers; start anew.\n"


@pytest.fixture(scope="module")
def killed() -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """A process that runs commands and kills them, and answers how they ended."""
    script = Path(__file__).parents[1] / "helpers" / "killing.py"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, str(script)], **pipes) as process:

        def ask(asked: dict[str, Any]) -> dict[str, Any]:
            process.stdin.write(f"{json.dumps(asked)}\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask


@pytest.mark.thorough
@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in COMMANDS])
def test_a_kill_leaves_nothing_that_a_later_run_cannot_finish(
    name: str, inputs: dict[str, str], killed: Callable[[dict[str, Any]], dict[str, Any]], tmp_path: Path
) -> None:
    """Only few of the commands where few kills are asked for."""
    if KILLS < 20 and name in LONG:
        pytest.skip("make kills kills this one too")
    folders = [made(tmp_path / str(number)) for number in range(KILLS + 1)]
    answer = killed(
        {
            "arguments": filled(name, inputs),
            "folders": [str(folder) for folder in folders],
            "seed": name,
            "again": GOING_ON.get(name, {}),
        }
    )
    assert not any(answer["statuses"])
    expected = written(folders[0] / "out")
    for folder in folders[1:]:
        found = written(folder / "out")
        if name == "perturb" and "plot.png" not in found:  # killed after the case, or while the plot was written
            found = {file: content for file, content in found.items() if ".recon-robust" not in file}
            found["plot.png"] = expected["plot.png"]
        assert found == expected


@pytest.mark.parametrize(
    "command",
    [
        "reconstruct scan.h5 --output scan.h5",
        "reconstruct scan.h5 --output link.h5",
        "reconstruct link.h5 --output scan.h5",
        "reconstruct scan.h5 --mask mask.npy --output mask.npy",
        "perturb targeted scan.h5 --roi 1,1,9,9 --budget 0.01 --target-image seen.png --plot seen.png",
        "simulate recipe.yaml --recipe recipe.yaml",
    ],
)
def test_no_file_is_written_over_that_is_read(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("scan.h5", "mask.npy", "seen.png", "recipe.yaml"):
        Path(name).write_text("")
    Path("link.h5").symlink_to("scan.h5")
    monkeypatch.setattr(sys, "argv", ["recon-robust", *command.split()])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert f"{command.split()[-3 if 'recipe' in command else -1]} is to be read" in capsys.readouterr().err
    assert not any(file.read_text() for file in tmp_path.iterdir())
