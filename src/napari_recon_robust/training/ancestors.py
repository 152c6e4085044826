"""The weights that a training began with, and those that they began with: what a set of weights comes from."""

from collections.abc import Iterable

from ..weights import store
from ..weights.metadata import Ancestor


def of_weights(starts: Iterable[str]) -> list[Ancestor]:
    """These weights (ids of shipped sets, or files) behind what their headers say of those before, each once."""
    found = dict[str, Ancestor]()
    for start in starts:
        weights = store.load(start)
        earlier = weights.metadata.ancestors if weights.metadata else ()
        found |= {one.sha256: one for one in (*earlier, _ancestor(weights)) if one.sha256 not in found}
    return list(found.values())


def _ancestor(weights: store.Weights) -> Ancestor:
    """What remains known of a set; of one without a header its hash alone."""
    if weights.metadata is None:
        return Ancestor(sha256=weights.sha256)
    kept = weights.metadata.model_dump(include=set(Ancestor.model_fields))
    return Ancestor(sha256=weights.sha256, **kept)
