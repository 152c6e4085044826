"""Columns of the table of a study by which its rows are matched and told apart, and what they hold."""

import json
from collections.abc import Iterable

CLEAN = "none"  # the perturbation that changes nothing
STATES = ("clean", "perturbed")
DOMAIN = "label_domain"  # of each scan: one of these, or the name of a shift
INSIDE, TUNING = "in", "tuning"

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
