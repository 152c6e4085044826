"""The files that weights have learned from: those of a run's bank, of its earlier calls, and of its first weights."""

from collections.abc import Iterable, Sequence

from ..ground.errors import InputError
from ..weights import store
from ..weights.metadata import SeenFile
from .bank import Record


def by_weights(starts: Iterable[str]) -> list[SeenFile]:
    """The training files that these weights (ids of shipped sets, or files) name in their headers."""
    headers = (store.load(start).metadata for start in starts)
    return [file for header in headers if header for file in header.volumes if file.use == "training"]


def together(record: Record, before: Sequence[SeenFile]) -> list[SeenFile]:
    """The files of a bank, and behind them those that only `before` has, each once."""
    files = [SeenFile(**origin.model_dump()) for origin in record.sources]
    known = {file.sha256 for file in files}
    return files + list({file.sha256: file for file in before if file.sha256 not in known}.values())


def check_unseen(record: Record, before: Iterable[SeenFile]) -> None:
    """Raise InputError if a person or a file for validation is one that the weights have learned from before."""
    learned = {key: file for file in before for key in (file.person, file.sha256)}
    for origin in record.sources:
        if origin.use == "validation" and (file := learned.get(origin.sha256) or learned.get(origin.person)):
            raise InputError(
                f"{origin.name} is for validation, and the weights have learned from {file.name} of the same person "
                f"({file.person}); name people for validation whom they have not seen (`validation` in the recipe's "
                "`bank`), give another bank, or start anew."
            )
