"""FNAF: a small feature that is in the anatomy and in the data, and missing in the reconstruction."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.progress import Job, Progress
from ..base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration
from ..face import Insert
from .feature import PARAMETRIC, SHAPES, Feature, check_size
from .feature_search import FeatureSearch, FiniteDifferences, RandomSearch
from .insertion import Insertion, feature_of, inserted_change, placed
from .multiplexed import Multiplexed

ALGORITHMS: dict[str, type[FeatureSearch]] = {
    "multiplexed": Multiplexed,
    "random-search": RandomSearch,
    "finite-differences": FiniteDifferences,
}
SIZED = (("shape", ("any", *PARAMETRIC)),)
SEARCHED = (("row", (-1.0,)),)


class FNAF(Perturbation):
    """min over place, size, shape and contrast of the recovery <dt, df>_T / ||dt||_T^2 of an inserted feature.

    dt is the change of the fully sampled image of the method's own kind, df = |f(M(k + F S delta))| - |f(Mk)| that of
    the reconstruction, T the feature's support with a thin shell; recovery 1: kept, 0: gone, below 0.5: lost. A full
    scan of padded k-space or with partial Fourier shows less than delta itself, a combined image nothing where S is
    zero, and that is no loss of the method's. The feature is either placed (`row` and `column`) or searched for within
    the ROI: with many features in each image and gradients, or as published (Cheng et al. 2020, MIDL), by the published
    loss. Multi-coil complex features, the recovery and the multiplexed search are our own; the published loss is in the
    details of every result.

    The published loss is a mean over all pixels of the image, of an error on T alone, and its threshold was made for
    320x320. The same feature with the same error has (320 / 128)^2 = 6.25 times the loss at 128x128, so success by the
    threshold can be compared between images of one size only; the recovery does not depend on the size.
    """

    id = "fnaf"
    label = "Lost lesion (FNAF)"
    summary = "Insert a small feature, by a click or by a search, and see whether it is still there."
    sources = ("cheng2020", "caliva2021")
    shown = "Lesion inserted"
    needs_budget = False
    place = ("row", "column")
    knobs = (
        Knob(
            name="row",
            label="Row",
            help="Where to place the feature; -1 to search.",
            unit="px",
            minimum=-1,
            maximum=4096,
            default=-1.0,
            least="search",
        ),
        Knob(
            name="column",
            label="Column",
            help="Where to place the feature; -1 to search.",
            unit="px",
            minimum=-1,
            maximum=4096,
            default=-1.0,
            least="search",
        ),
        Knob(
            name="size",
            label="Size",
            help="Diameter of a blob or ring, length of a line; a search tries 0.75 to 1.5 times it.",
            unit="px",
            minimum=1,
            maximum=64,
            scale="log",
            default=5.0,
            only_when=SIZED,
        ),
        Knob(
            name="contrast",
            label="Contrast",
            help="Contrast to the local tissue, negative for darker; a search tries 0.75 to 1.25 times it, both signs.",
            minimum=-0.9,
            maximum=3.0,
            default=0.4,
            only_when=SIZED,
        ),
        Knob(
            name="shape",
            label="Shape",
            help="What is inserted; any: a search tries blobs, lines and rings, a placed feature is a blob. A walk is "
            "the published random walk of ten steps, whatever size and contrast are.",
            kind="choice",
            choices=("any", *SHAPES),
            default="any",
        ),
        Knob(
            name="algorithm",
            label="Algorithm",
            help="How a place is searched for: many features in each image, moved by gradients; or the published "
            "random search or finite differences, with the published loss.",
            kind="choice",
            choices=tuple(ALGORITHMS),
            default="multiplexed",
            only_when=SEARCHED,
        ),
        Knob(
            name="search",
            label="Search effort",
            help="How many reconstructions a search may take (a gradient counts as three); 0 for the algorithm's "
            "own number: 60, of the published ones 11.",
            kind="int",
            minimum=0,
            maximum=10000,
            default=0,
            only_when=SEARCHED,
            least="auto",
        ),
        SENSITIVITIES,
        SEED,
    )

    def inserts(self, knobs: Mapping[str, Any]) -> Insert:
        """The feature at a given place; its place does not matter for a map."""
        return Insert(_shape(knobs), knobs["size"], knobs["contrast"])

    def recalled(self, perturbed: Perturbed) -> Perturbed:
        """The feature comes from the details."""
        support = feature_of(perturbed.details).region(perturbed.measurement.matrix)
        inserted = perturbed.inserted or partial(inserted_change, perturbed.details)
        return replace(perturbed, feature=placed(perturbed.details), support=support, inserted=inserted)

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        if knobs["contrast"] == 0:
            raise InputError("the contrast is 0; give a positive one for a brighter feature or a negative one.")
        rows, columns = setup.measurement.matrix
        row, column = knobs["row"], knobs["column"]
        check_size(knobs["size"], (rows, columns))
        if row < 0 and column < 0:
            return ALGORITHMS[knobs["algorithm"]](setup, knobs).run()
        if row < 0 or column < 0:
            raise InputError("only one of row and column is given; give both to place a feature, or none to search.")
        if row > rows - 1 or column > columns - 1:
            raise InputError(
                f"the place ({row:g}, {column:g}) lies outside the image of {rows}×{columns} pixels; "
                "give a row and a column inside."
            )
        return _place(setup, knobs)


def _shape(knobs: Mapping[str, Any]) -> str:
    """The shape of a feature at a given place."""
    return "blob" if knobs["shape"] == "any" else str(knobs["shape"])


def _place(setup: Setup, knobs: dict[str, Any]) -> Job[list[Perturbed]]:
    insertion = Insertion(setup, keeps_calibration(knobs))
    row, column = knobs["row"], knobs["column"]
    if knobs["shape"] == "walk":
        feature = Feature.walk(row, column, np.random.default_rng(knobs["seed"]))
    else:
        feature = Feature.of(_shape(knobs), row, column, knobs["size"], knobs["contrast"])
    yield Progress(0.0, "Reconstructing without the feature")
    if not setup.measurement.crop(insertion.inside)[feature.region(setup.measurement.matrix)].any():
        raise InputError("there is no tissue at this place; choose one inside the head or limb.")
    _ = insertion.clean  # a step of its own
    yield Progress(0.5, "Reconstructing with the feature")
    return [insertion.perturbed(insertion.trial(feature), how="placed at", complete=True)]
