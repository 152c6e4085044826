import os
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.executors.array import JobArray
from napari_recon_robust.studies.running import study_status

# Runs the elements of an array one after the other, as SLURM would side by side.
SBATCH = """\
for element in $(seq $(sed -n 's/^#SBATCH --array=\\([0-9]*\\)-\\([0-9]*\\).*/\\1 \\2/p' "$1")); do
  SLURM_ARRAY_TASK_ID=$element bash "$1" || exit 1
done
"""


def test_the_script_can_be_read(tmp_path) -> None:
    text = JobArray(8, "01:00:00", "4G", 2, ("--partition=gpu",)).script(
        Path("plan.yaml"), Path("out"), name="my study", total=1200, threads=2, trust=True, to=Path("plan.sbatch")
    )
    for line in ("#SBATCH --array=1-8%2", "#SBATCH --job-name=my-study", "#SBATCH --partition=gpu", "1,200 trials"):
        assert line in text
    assert text.rstrip().endswith('--trust --shard "$SLURM_ARRAY_TASK_ID/8"')
    checked = subprocess.run(["bash", "-n"], input=text, text=True, check=False, capture_output=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(("tasks", "words"), [(1, "in 1 element: each"), (2, "in 2 elements: each")])
def test_an_element_is_counted_in_words(tasks: int, words: str) -> None:
    """A study of one shard was written to have "1 elements"."""
    paths = {"plan": Path("plan.yaml"), "store": Path("out"), "to": Path("plan.sbatch")}
    assert words in JobArray(tasks).script(**paths, name="study", total=1, threads=1, trust=False)


def test_the_signal_before_the_time_limit_reaches_the_element() -> None:
    """SLURM signals the steps of a job (srun), and the process of the batch script itself only with `B:`."""
    paths = {"plan": Path("plan.yaml"), "store": Path("out"), "to": Path("plan.sbatch")}
    text = JobArray().script(**paths, name="study", total=1, threads=1, trust=False)
    last = text.rstrip().splitlines()[-1]
    signals = [line for line in text.splitlines() if line.startswith("#SBATCH --signal=")]
    assert (last.split()[0], signals) == ("exec", ["#SBATCH --signal=B:TERM@120"])


def test_a_folder_with_a_sign_of_slurm_keeps_its_logs() -> None:
    """SLURM puts the job's number in the place of %j, and a % in the place of %%."""
    store = Path("20%j sampled")
    text = JobArray().script(
        Path("plan.yaml"), store, name="a", total=1, threads=1, trust=False, to=Path("plan.sbatch")
    )
    (line,) = (line for line in text.splitlines() if line.startswith("#SBATCH --output="))
    (output,) = shlex.split(line.partition("=")[2])
    assert output == str((store / "logs").absolute()).replace("%", "%%") + "/%A_%a.log"
    assert str(store) in text.splitlines()[-1], "the command's own paths are no patterns"


def test_the_line_that_submits_a_script_can_be_pasted() -> None:
    text = JobArray().script(
        Path("my plan.yaml"), Path("out"), name="a", total=1, threads=1, trust=False, to=Path("my plan.sbatch")
    )
    (line,) = [line for line in text.splitlines() if "Submit it by: " in line]
    assert shlex.split(line.partition(": ")[2]) == ["sbatch", "my plan.sbatch"]


def test_nothing_of_the_study_s_name_is_run() -> None:
    text = JobArray().script(
        Path("plan.yaml"),
        Path("out"),
        name="harmless\ntouch pwned #",
        total=1,
        threads=1,
        trust=False,
        to=Path("a.sbatch"),
    )
    commands = [line.split()[0] for line in text.splitlines() if line and not line.startswith("#")]
    assert commands == ["export", "exec"]


@pytest.mark.parametrize("broken", ["a folder\ntouch pwned\n#", "a\rb", "sch\udce4del"])
@pytest.mark.parametrize("where", ["plan", "store", "to", "more", "time", "memory"])
def test_a_line_break_is_refused(where: str, broken: str) -> None:
    """The rest of the line would be a command of its own."""
    paths = {"plan": Path("plan.yaml"), "store": Path("out"), "to": Path("a.sbatch")}
    if where in paths:
        array, paths[where] = JobArray(), Path(broken)
    else:
        array = JobArray(**{where: (broken,) if where == "more" else broken})
    with pytest.raises(InputError, match="has a line break or another sign that is not printed"):
        array.script(**paths, name="a", total=1, threads=1, trust=False)


def test_a_name_with_an_odd_space_is_kept() -> None:
    """macOS has a narrow no-break space before AM."""
    paths = {"plan": Path("10.30\u202fAM/plan.yaml"), "store": Path("10.30\u202fAM"), "to": Path("a.sbatch")}
    assert "10.30\u202fAM/logs" in JobArray().script(**paths, name="a", total=1, threads=1, trust=False)


@pytest.mark.thorough
def test_a_fake_sbatch_runs_the_whole_study(write_plan, tmp_path) -> None:
    path = write_plan(shard=2)
    result = CliRunner().invoke(cli, ["study", "array", str(path), "--tasks", "2"])
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert not run(study_status(path)).finished
    fake = tmp_path / "sbatch"
    fake.write_text(SBATCH)
    subprocess.run(["bash", str(fake), str(path.with_suffix(".sbatch"))], check=True, env=os.environ)
    assert run(study_status(path)).ended
