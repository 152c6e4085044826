"""What a training writes down beside its checkpoint: log.csv, and TensorBoard's events where that is installed."""

import csv
from pathlib import Path
from typing import Any, Self

COLUMNS = ("step", "loss", "validation", "learning_rate", "seconds")


class Log:
    """A line now and then: the mean loss since the line before, the validation's loss where there was one, else empty.

    What an interrupted run wrote after the checkpoint that it goes on from is dropped.
    """

    def __init__(self, folder: Path, step: int) -> None:
        """step: that the training starts from."""
        self.file = folder / "log.csv"
        kept = []
        if self.file.exists():
            with self.file.open(newline="", encoding="utf-8") as file:
                kept = [line for line in csv.reader(file) if line[0].isdecimal() and int(line[0]) <= step]
        with self.file.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *kept])
        self.events = _events(folder / "tensorboard", step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.events is not None:
            self.events.close()

    def write(self, step: int, loss: float, validation: float | None, learning_rate: float, seconds: float) -> None:
        """One line."""
        values = (loss, validation, learning_rate, seconds)
        with self.file.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([step, *("" if value is None else f"{value:.6g}" for value in values)])
        if self.events is not None:
            for name, value in zip(COLUMNS[1:], values, strict=True):
                if value is not None:
                    self.events.add_scalar(name, value, step)


def _events(folder: Path, step: int) -> Any:
    """TensorBoard's writer; None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
