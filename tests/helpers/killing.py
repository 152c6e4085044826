"""Run a command in several folders and kill -9 it at a random moment in all but the first; then run it to its end.

Each line of standard input asks for one command as JSON, {"arguments", "folders", "seed", "again"}, and with "steps" it
is killed at these steps of its writing (`faults.steps`), one for each folder but the first; the answer is a line with
the exit statuses of its last runs. Everything runs in forks of this process, which has imported what takes
long and has computed nothing.
"""

import json
import math
import os
import random
import signal
import sys
import time
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

SLOW_IMPORTS = (
    "torch",
    "matplotlib.figure",
    "scipy.ndimage",
    "skimage.metrics",
    "napari_recon_robust.api",
    "napari_recon_robust.reconstructors.registry",
    "napari_recon_robust.analyses.quality.comparing",
    "napari_recon_robust.training.loop",
    "polars",
    "napari_recon_robust.studies.running",
)


def start(arguments: list[str], folder: Path, step: int | None = None) -> int:
    """The process that runs the command in the folder, and kills itself at a step of its writing."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            from napari_recon_robust.cli import main

            os.chdir(folder)
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (until the process ends)
            sys.argv = ["recon-robust", *arguments]
            with ExitStack() as stack:
                if step is not None:
                    import_module("napari_recon_robust.studies.running")._EVERY = math.inf  # else the clock adds steps
                    stack.enter_context(faults().steps(lambda number: number == step and end()))
                main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        finally:
            os._exit(status)
    return child


def faults() -> Any:
    """The module beside this one."""
    sys.path.append(str(Path(__file__).parent))
    return import_module("faults")


def end() -> None:
    """Kill -9 this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def ended(process: int) -> int:
    """The exit status, once it has ended; negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def main() -> None:
    """Answer until standard input ends."""
    for name in SLOW_IMPORTS:
        import_module(name)
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(killed(json.loads(line)))}\n")
        sys.stdout.flush()


def killed(asked: dict[str, Any]) -> dict[str, Any]:
    """Kill and go on."""
    draw = random.Random(asked["seed"])
    statuses, kills = [], 0
    first, *others = map(Path, asked["folders"])
    began = time.monotonic()
    statuses.append(ended(start(asked["arguments"], first)))
    whole = time.monotonic() - began
    for folder, step in zip(others, asked.get("steps") or [None] * len(others), strict=True):
        process = start(asked["arguments"], folder, step)
        if step is None:
            time.sleep(draw.uniform(0, whole))
            os.kill(process, signal.SIGKILL)
        kills += ended(process) == -signal.SIGKILL
        (more,) = [*(words for file, words in asked["again"].items() if (folder / file).exists()), []][:1]
        if more is not None:  # else it is done
            statuses.append(ended(start([*asked["arguments"], *more], folder)))
    return {"statuses": statuses, "kills": kills, "seconds": whole}


if __name__ == "__main__":
    main()
