"""The files that weights have learned from: those of a run's bank, of its earlier calls, and of its first weights."""

from collections.abc import Iterable

from ..ground.errors import InputError
from ..weights import store
from ..weights.metadata import SeenFile
from .sources import Origin


def by_weights(starts: Iterable[str]) -> list[SeenFile]:
    """The training files that these weights (ids of shipped sets, or files) name in their headers."""
    headers = (store.load(start).metadata for start in starts)
    return [file for header in headers if header for file in header.volumes if file.use == "training"]


def together(origins: Iterable[Origin], before: Iterable[SeenFile]) -> list[SeenFile]:
    """The files of a bank, and behind them those that only `before` has, each once."""
    files = [SeenFile(**origin.model_dump()) for origin in origins]
    known = {file.sha256 for file in files}
    return files + list({file.sha256: file for file in before if file.sha256 not in known}.values())


def people(origins: Iterable[Origin], before: Iterable[SeenFile]) -> set[str]:
    """Those whom these files show and from whom the weights have learned before."""
    learned = _by_person_and_content(before)
    return {origin.person for origin in origins if origin.person in learned or origin.sha256 in learned}


def check_unseen(origins: Iterable[Origin], before: Iterable[SeenFile]) -> None:
    """Raise InputError if a person or a file for validation is one that the weights have learned from before."""
    learned = _by_person_and_content(before)
    for origin in origins:
        if origin.use == "validation" and (file := learned.get(origin.sha256) or learned.get(origin.person)):
            raise InputError(
                f"{origin.name} is for validation, and the weights have learned from {file.name} of the same person "
                f"({file.person}); name people for validation whom they have not seen (`validation` in the recipe's "
                "`bank`), give another bank, or start anew."
            )


def _by_person_and_content(files: Iterable[SeenFile]) -> dict[str, SeenFile]:
    return {key: file for file in files for key in (file.person, file.sha256)}
