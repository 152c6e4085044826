"""Columns of the table of a study by which its rows are matched and told apart, and what they hold."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..ground.knob import stored, value_words

if TYPE_CHECKING:
    from polars import DataFrame

CLEAN = "none"  # the perturbation that changes nothing
FEATURE = "fnaf"  # the perturbation whose rows are of the feature's surroundings, in place of the plan's region
BLACK_BOX = "black_box_search"  # begins the caution that a search for noise chose to go without gradients
DRAWN = "drawn_features"  # begins the caution that a search for a lost feature went without gradients
STATES = ("clean", "perturbed")
INSERTED = "lesions"  # the kind of regions that are put into the samples, so that each has clean images of its own
DOMAIN = "label_domain"  # of each scan: one of these, or the name of a shift
INSIDE, TUNING = "in", "tuning"

MASK = ("mask", "acceleration", "mask_seed", "centre_fraction", "minimum_centre_lines")
"""All that determines a sampling mask, besides the slice's size."""

POOLED_MASK = tuple(name for name in MASK if name != "mask_seed")
"""What tells apart the masks over which no mean is taken; means are over their seeds."""

PLACE = ("scan", "slice", *MASK, "region")
"""What trials of several methods and changes have in common: the same samples, and the same region of them."""


def plan_regions_first(trials: "DataFrame") -> "DataFrame":
    """The trials, at first those whose clean region is the plan's, so that the first of each is of the same pixels."""
    own = trials["perturbation"] == FEATURE
    return trials.filter(~own).vstack(trials.filter(own))


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


def told_words(knobs: str, told: Collection[str]) -> str:
    """Some of the knobs that are JSON, with their values, such as "steps=5 weight=0.1"."""
    return " ".join(f"{name}={value_words(value)}" for name, value in stored(knobs).items() if name in told)


def pattern_words(masks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of each mask the settings in which masks of one acceleration differ, in words; empty if in none.

    masks: what the columns `POOLED_MASK` hold, as far as the table has them.
    """
    rows = [
        (str(mask["acceleration"]), json.dumps({name: mask[name] for name in mask if name != "acceleration"}))
        for mask in masks
    ]
    told = {name for _, name in varied(rows)}
    return [told_words(settings, told).removeprefix("mask=") for _, settings in rows]
