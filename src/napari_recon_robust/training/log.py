"""The log of a training, beside its checkpoint: log.csv, and TensorBoard's events if TensorBoard is installed."""

import csv
import math
import os
import re
from dataclasses import asdict, dataclass, fields
from io import StringIO
from pathlib import Path
from typing import Any, Self

from ..ground.errors import InputError
from ..ground.guard import opening, read
from ..ground.writing import append, write


@dataclass(frozen=True)
class LogLine:
    """A line of the log.

    hours: of training, by the clock; core_hours: of processors. phase: "decay" while the learning rate decays at the
    end of a call, empty before. loss: its mean since the line before. validation, nmse_over_tv: the scores (`loop`),
    None between validations. learning_rate: AdamW's. skipped: steps so far whose loss was not finite.
    """

    step: int
    hours: float
    phase: str
    loss: float
    validation: float | None
    nmse_over_tv: float | None
    learning_rate: float
    skipped: int
    core_hours: float


_STEP = re.compile(r"[0-9]{1,18}")
COLUMNS = tuple(field.name for field in fields(LogLine))


class Log:
    """The log, which gets a line now and then: the curve of scores over hours.

    If an interrupted run is resumed, lines after its checkpoint are dropped; lines of decays are kept.
    """

    def __init__(self, folder: Path, step: int, decaying: bool = False) -> None:
        """step, decaying: the state from which the training starts."""
        self.file = folder / "log.csv"
        lines: list[dict[str, str]] = []
        if os.path.lexists(self.file):
            with opening(self.file, "a log", "delete it", InputError):
                text = StringIO(read(self.file, error=InputError).decode(), newline="")
                lines = [line for line in csv.DictReader(text) if _STEP.fullmatch(line.get("step") or "")]
        phase = "decay" if decaying else ""
        ended = max((n for n, line in enumerate(lines) if not line.get("phase")), default=0) if decaying else 0
        kept = [
            line
            for n, line in enumerate(lines)
            if int(line["step"]) <= step or (line.get("phase") or "") != phase or n < ended
        ]
        text = StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(kept)
        write(self.file, text.getvalue().encode())
        self.events = _events(folder / "tensorboard", step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.events is not None:
            self.events.close()

    def write(self, line: LogLine) -> None:
        """Append a line; WritingError if that fails."""
        values = {name: value for name, value in asdict(line).items() if value is not None and not _is_nan(value)}
        shown = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in values.items()}
        text = StringIO()
        csv.DictWriter(text, COLUMNS, restval="").writerow(shown)
        append(self.file, text.getvalue())
        if self.events is not None:
            for name, value in values.items():
                if isinstance(value, float):
                    self.events.add_scalar(name, value, line.step)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _events(folder: Path, step: int) -> Any:
    """TensorBoard's writer; None if it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
