"""Whether the results of a study are still those of its plan, its methods and its scans."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..ground.documents import read_yaml
from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import shown
from ..ground.numbers import scans_in_words
from .expand import Study
from .inventory import is_other
from .store import Store

_RUN = "these results are of what was run; run the study again for those of now"


def changed_since_run(plan: Path, store: Store) -> list[str]:
    """What has changed since a plan was run last, a sentence each; empty where nothing has.

    plan: its file; of a folder of results nothing can be said. No k-space is read, and no code of the plan is run, so
    that changes of methods that are code, and of files that are missing or cannot be opened are not seen.
    """
    if not plan.is_file():
        return []
    return [*_plan(plan, store), *_methods(plan, store), *_scans(plan, store)]


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


def _scans(plan: Path, store: Store) -> Iterator[str]:
    known, folder, changed = store.inventory(store.folder), plan.absolute().parent, set[str]()
    for one in () if known is None else known.scans:
        with suppress(ReconRobustError, OSError):
            if is_other(folder / one.path, one):
                changed.add(one.path)
    if changed:
        yield f"{scans_in_words(changed)} changed since the study was run last; {_RUN}."
