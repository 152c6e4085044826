"""Making cases in separate processes at the lowest priority: those of a bank, and new ones while a network trains.

Each case is a new draw, whose number continues those so far, and replaces the oldest case; validation is not changed.
A file is replaced as a whole, so that the training reads complete cases and never waits. The cases that it reads then
depend on time: an interrupted run ends with the same weights only if nothing was refreshed.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import torch

from ..ground.errors import InputError, ReconRobustError
from ..ground.locks import locked
from ..ground.progress import Job, Progress, run
from .bank import SPECIFICATION, Bank, fill_bank, find_division, read_description
from .bank_specification import BankSpecification


class Making:
    """Processes that make cases until they are stopped, or this process ends, however it ends."""

    def __init__(self, processes: Sequence["subprocess.Popen[bytes]"], logs: Sequence[Path] = ()) -> None:
        self.processes, self.logs = processes, logs

    def failure(self) -> str | None:
        """A sentence on why one of the processes ended by itself; None while all of them work."""
        for process, log in zip(self.processes, self.logs, strict=True):
            if process.poll():
                return (log.read_text(encoding="utf-8").strip().splitlines() or ["it ended without a word"])[-1]
        return None

    def stop(self) -> None:
        """End the processes; the cases that they have made stay."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in self.processes:
            process.wait()


def start_filling(folder: Path, data: Path, processes: int, undersampled: bool = False) -> Making:
    """Help `build_bank` to make the training cases of the bank in `folder`; the processes end when all are there."""
    task = "fill-undersampled" if undersampled else "fill"
    return Making([_start(task, folder, data, part, processes, subprocess.DEVNULL) for part in range(processes)])


def start_refreshing(folder: Path, data: Path, processes: int = 1) -> Making:
    """Keep replacing the training cases of the bank in `folder` by new ones from `data`, the files it was made from.

    processes: each simulates with one thread; a machine with a GPU may give most of its cores. A failure is reported in
    `Making.failure` and stops no training.
    """
    logs, started = [folder / f"refreshing-{part}.log" for part in range(processes)], []
    for part, log in enumerate(logs):
        with log.open("wb") as output:
            started.append(_start("refresh", folder, data, part, processes, output))
    return Making(started, logs)


def _start(
    task: str, folder: Path, data: Path, part: int, parts: int, output: "int | BinaryIO"
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", __name__, task, str(folder), str(data), str(part), str(parts)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment)


def refresh(folder: Path, data: Path, part: int = 0, parts: int = 1) -> Job[None]:
    """Replace the oldest case again and again, every `parts`-th one from `part` on; it goes on until it is closed.

    Raises InputError for a bank that is not complete, is of other data, or is refreshed by another process.
    """
    bank = Bank(folder)
    if not bank.record.sources:
        raise InputError(f"{folder} holds no bank to refresh; train a network with it first.")
    specification = read_description(BankSpecification, folder / SPECIFICATION)
    if len(bank) < specification.cases:
        raise InputError(f"{folder} holds {len(bank)} of {specification.cases} cases; let the bank be made first.")
    with locked(folder / f"refreshing-{part}.lock", f"another process refreshes the cases in {folder}; stop it first."):
        division = yield from find_division(specification, data, bank.undersampled, before=bank.record)
        if division.record() != bank.record:
            raise InputError(f"{folder} was made from other files than {data} holds now; give the folder that it was.")
        number = bank.drawn + (part - bank.drawn) % parts
        while True:
            division.training_draw(folder, specification, number).save()
            yield Progress(0.0, f"case {number + 1}")
            number += parts


def _main() -> None:
    """Do a TASK for FOLDER from DATA as PART of PARTS until standard input ends, with the process that holds it."""
    task, folder, data, part, parts = sys.argv[1:]
    threading.Thread(target=_end_with_input, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(19)
    torch.set_num_threads(1)
    try:
        if task == "refresh":
            run(refresh(Path(folder), Path(data), int(part), int(parts)))
        else:
            run(fill_bank(Path(folder), Path(data), task == "fill-undersampled", int(part), int(parts)))
    except ReconRobustError as error:
        sys.exit(str(error))


def _end_with_input() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock would be held when the interpreter ends
        pass
    os._exit(0)


if __name__ == "__main__":
    _main()
