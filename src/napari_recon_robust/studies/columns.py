"""Columns of the table of a study by which its rows are matched and told apart."""

import json
from collections.abc import Iterable

MASK = ("mask", "acceleration", "mask_seed", "centre_fraction", "minimum_centre_lines")
"""All that determines a sampling mask, besides the slice's size."""

PLACE = ("scan", "slice", *MASK, "region")
"""What trials of several methods and changes have in common: the same samples, and the same region of them."""


def varied(changes: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The knobs of perturbations that have several values, or that only some rows have: (perturbation, knob).

    changes: what the columns `perturbation` and `perturbation_knobs` hold.
    """
    rows = [(kind, json.loads(knobs)) for kind, knobs in dict.fromkeys(changes)]
    names = {(kind, name) for kind, knobs in rows for name in knobs}
    values = {
        (kind, name): {json.dumps(knobs.get(name)) for other, knobs in rows if other == kind} for kind, name in names
    }
    return {key for key, several in values.items() if len(several) > 1}
