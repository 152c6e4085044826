"""A job array of SLURM, for clusters whose nodes cannot reach each other: independent workers, and the store."""

import shlex
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ...ground.errors import InputError, one_line
from ...ground.numbers import counted

_NO_SIGNS = ("Cc", "Cs", "Zl", "Zp")  # controls, half letters, and what parts lines and paragraphs; not odd spaces
_SCRIPT = """\
#!/bin/bash
# {total:,} trials of {name}, in {elements}: each runs its share, one of {tasks}, and knows of no other.
# Submit it by: sbatch {script}
# The last to end merges all. What is finished is not run again: submit it once more for what a time limit left over.
#SBATCH --job-name={job}
#SBATCH --array=1-{tasks}{limit}
#SBATCH --time={time}
#SBATCH --cpus-per-task={threads}
#SBATCH --mem={memory}
#SBATCH --signal=B:TERM@120
#SBATCH --output={logs}/%A_%a.log
{more}
export OMP_NUM_THREADS={threads} MKL_NUM_THREADS={threads} NUMBA_NUM_THREADS={threads}
exec {command} --shard "$SLURM_ARRAY_TASK_ID/{tasks}"
"""


@dataclass(frozen=True)
class JobArray:
    """A job array. at_once: elements that run at the same time, 0 for no limit. more: further lines for #SBATCH."""

    tasks: int = 50
    time: str = "04:00:00"
    memory: str = "8G"
    at_once: int = 0
    more: tuple[str, ...] = ()

    def script(self, plan: Path, store: Path, *, name: str, total: int, threads: int, trust: bool, to: Path) -> str:
        """The text of the script. name: the study's, from a plan that may be a stranger's. total: its trials. to: where
        the script is to lie. Raises InputError for a path or a line with a sign that is not printed.
        """
        for part in (plan.absolute(), store.absolute(), to.name, self.time, self.memory, *self.more):
            _check_one_line(str(part))
        command = [sys.executable, "-m", "napari_recon_robust.cli", "study", "work", str(plan.absolute())]
        command += ["--store", str(store.absolute()), *(["--trust"] if trust else [])]
        return _SCRIPT.format(
            total=total,
            name=one_line(name),  # a second line would leave the comment and be run
            tasks=self.tasks,
            elements=counted(self.tasks, "element"),
            script=one_line(shlex.quote(to.name)),
            job=shlex.quote("".join(sign if sign.isalnum() else "-" for sign in name)),
            limit=f"%{self.at_once}" if self.at_once else "",
            time=self.time,
            threads=threads,
            memory=self.memory,
            logs=shlex.quote(str((store / "logs").absolute()).replace("%", "%%")),  # %j would be the job's number
            more="".join(f"#SBATCH {line}\n" for line in self.more),
            command=shlex.join(command),
        )


def _check_one_line(text: str) -> None:
    """What follows a line break in a line for #SBATCH would be a line of its own, which the shell runs."""
    if any(unicodedata.category(letter) in _NO_SIGNS for letter in text):
        raise InputError(
            f"{one_line(text)!r} has a line break or another sign that is not printed, which a script for SLURM cannot "
            "hold; rename the folder or file, or leave the sign out."
        )
