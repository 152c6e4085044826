"""One trial of a study: a method, a region of a slice under a mask, and a change; and its identity."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ..physics.sampling import Sampling
from ..physics.sampling_values import as_values
from .plan import ACQUIRED
from .regions import Region

ALGORITHM = 3  # of trials: one more whenever the same trial would give other numbers


def canonical(value: Any) -> str:
    """JSON of one form: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Setting:
    """A method at knobs. id: as the plan names it. label: short, unique in a plan. text: canonical, with weights.

    reference_kind: the fully sampled image that it is measured against, "combined" or "rss".
    """

    number: int
    id: str
    label: str
    knobs: Mapping[str, Any]
    text: str
    reference_kind: str

    @property
    def files(self) -> dict[str, str]:
        """Versions and SHA-256 of the weights and the code behind the method, by their names."""
        files: dict[str, str] = json.loads(self.text)["with"]
        return files


@dataclass(frozen=True, slots=True)
class Change:
    """A perturbation at knobs, a budget (None without one) and a seed, or its random control.

    found_on: the method that it is searched for on, None for the trial's own.
    """

    kind: str
    knobs: Mapping[str, Any]
    budget: float | None
    seed: int
    control: bool
    found_on: Setting | None
    text: str

    @classmethod
    def of(
        cls,
        kind: str,
        knobs: Mapping[str, Any],
        budget: float | None,
        seed: int,
        control: bool,
        found_on: Setting | None = None,
    ) -> "Change":
        """The change with its canonical text."""
        values = {"budget": budget, "control": control, "kind": kind, "knobs": dict(knobs), "seed": seed}
        if found_on is not None:
            values["found_on"] = json.loads(found_on.text)
        return cls(kind, knobs, budget, seed, control, found_on, canonical(values))

    @property
    def search(self) -> str:
        """What it shares with its random control, as canonical JSON."""
        return canonical({**json.loads(self.text), "control": False})


@dataclass(frozen=True, slots=True)
class Mask:
    """A sampling mask as the table names it; `sampling` is None for the scan as it was acquired."""

    sampling: Sampling | None

    @property
    def pattern(self) -> str:
        """The pattern's name."""
        return ACQUIRED if self.sampling is None else self.sampling.pattern

    def determining(self) -> Any:
        """All that determines it, as JSON values."""
        return as_values(self.sampling)


@dataclass(frozen=True, slots=True)
class Trial:
    """One row of a study's table.

    scan: its number in the inventory. id: SHA-256 of the canonical JSON `text`, which holds all that determines the
    result. Device and versions do not belong to it: they are provenance.
    """

    scan: int
    slice: int
    mask: Mask
    region: Region
    setting: Setting
    change: Change
    text: str

    @property
    def id(self) -> str:
        """SHA-256 of the text, in hexadecimal digits."""
        return sha256(self.text.encode("ascii")).hexdigest()


def text_of(acquired: str, change: Change, measures: str, region: str, setting: Setting) -> str:
    """The canonical JSON of a trial from those of its parts; keys are in their order.

    acquired: file, slice and mask. measures: metrics, and whether starts are measured.
    """
    return (
        f'{{"acquired":{acquired},"algorithm":{ALGORITHM},"change":{change.text},"measures":{measures},'
        f'"method":{setting.text},"region":{region}}}'
    )
