"""Whether the results of a study are still those of its plan, its methods and its scans."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..cases.record import file_hash
from ..ground.documents import read_yaml
from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import shown
from ..ground.numbers import scans_in_words
from .expand import Study
from .inventory import Inventory, is_other, matching
from .store import Store

_RUN = "these results are of what was run; run the study again for those of now"


def changed_since_run(plan: Path, store: Store) -> list[str]:
    """What has changed since a plan was run last, a sentence each; empty where nothing has.

    plan: its file; of a folder of results nothing can be said. No k-space is read, and no code of the plan is run, so
    that changes of methods that are code, and of files that are missing or cannot be opened are not seen. Nor is a
    table of annotations that was put beside the scans since.
    """
    if not plan.is_file():
        return []
    known, folder = store.inventory(store.folder), plan.absolute().parent
    of_files = [] if known is None else [*_scans(known, folder), *_matched(known, folder), *_beside(known, folder)]
    return [*_plan(plan, store), *_methods(plan, store), *of_files]


def _plan(plan: Path, store: Store) -> Iterator[str]:
    with suppress(ReconRobustError):
        if read_yaml(plan, InputError) != read_yaml(store.folder / "plan.yaml", InputError):
            yield f"{shown(plan)} has changed since it was run last; {_RUN}."


def _methods(plan: Path, store: Store) -> Iterator[str]:
    """The methods whose trials have other identities by now; every group of slice and mask has all of them."""
    with suppress(ReconRobustError):
        known = set(store.planned())
        group = next(Study.of_store(store.folder, plan.absolute().parent).groups(), None)
        trials = () if group is None else group.trials()
        labels = list(dict.fromkeys(one.setting.label for one in trials if one.id not in known))
        if labels:
            yield f"the weights or the code of {', '.join(labels)} have changed since the study was run last; {_RUN}."


def _scans(known: Inventory, folder: Path) -> Iterator[str]:
    changed = set[str]()
    for one in known.scans:
        with suppress(ReconRobustError, OSError):
            if is_other(folder / one.path, one):
                changed.add(one.path)
    if changed:
        yield f"{scans_in_words(changed)} changed since the study was run last; {_RUN}."


def _matched(known: Inventory, folder: Path) -> Iterator[str]:
    """The files that the plan's globs match now and did not then, and its scans that they match no longer.

    A glob that matches nothing any more is one of a disk that is not there.
    """
    with suppress(ReconRobustError):
        before, now = set[str]().union(*known.files.values()), set(matching([*known.files], folder))
        for what, files in (("added", now - before), ("removed", {one.path for one in known.scans} - now)):
            if before and files:
                yield f"{scans_in_words(files)} {what} since the study was run last; {_RUN}."


def _beside(known: Inventory, folder: Path) -> Iterator[str]:
    """The tables of labels and annotations and the drawn regions that are others by now."""
    for name, digest in known.beside.items():
        with suppress(ReconRobustError, OSError):
            if file_hash(folder / name) != digest:
                yield f"{shown(Path(name))} has changed since the study was run last; {_RUN}."
