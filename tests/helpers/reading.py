"""Plans of reader studies, the cases that are read, and a port to read them at."""

import os
import socket
from contextlib import suppress
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.reported import frozen
from napari_recon_robust.cases.record import Case, save_case
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.bundle import Bundle
from napari_recon_robust.reader_studies.freezing import freeze
from napari_recon_robust.reader_studies.plan import Plan

QUALITY = {"id": "sharpness", "kind": "likert", "text": "Sharp?", "words": ["no", "so so", "yes"], "best": "last"}
VOLUMES = [  # two cases of three slices each
    {"id": "v0", "saved": ["c0", "c1", "c2"], "patient": "p0", "lesion": True},
    {"id": "v1", "saved": ["c3", "c4", "c5"], "patient": "p1", "lesion": False},
]
PAIRS = [{"id": "preference", "kind": "forced-choice", "text": "Which?"}]
LESION = [{"id": "lesion", "kind": "lesion", "text": "A lesion?", "place": False}]


def case_of(number: int) -> Case:
    """A sound case whose slice and images differ from those of every other number."""
    case = frozen()
    factor = np.float32(1 + number / 10)
    images, kspace = (
        {name: array if array.dtype == bool else factor * array for name, array in arrays.items()}
        for arrays in (case.images, case.kspace)
    )
    return replace(case, images=images, kspace=kspace)


def under_another_mask(case: Case) -> Case:
    """The same slice, of which other lines were measured; its reference differs by the sensitivities."""
    kspace = {**case.kspace, "mask": ~case.kspace["mask"], "clean": case.kspace["full"] * ~case.kspace["mask"]}
    return replace(case, kspace=kspace, images={**case.images, "reference": 1.01 * case.images["reference"]})


def plan(**changes: Any) -> Plan:
    """Six cases, two arms, two readers and one question on sharpness, unless it is said otherwise."""
    values: dict[str, Any] = {
        "title": "A study",
        "arms": [{"name": "clean", "image": "clean"}, {"name": "attacked", "image": "perturbed"}],
        "cases": [{"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": at % 2 == 0} for at in range(6)],
        "questions": [QUALITY],
        "design": {"readers": 2},
    }
    return Plan.model_validate({**values, **changes})


def opened_study(folder: Path, **changes: Any) -> Answers:
    """Six cases, frozen in a folder, and the answers to them."""
    for number in range(6):
        save_case(case_of(number), folder / "cases" / f"c{number}")
    return Answers(folder / "answers.sqlite", Bundle(freeze(plan(**changes), folder / "study", folder / "cases")))


def draw_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next study that is frozen have the secret and the opaque names 0, 1, 2, ..."""
    numbers = count()
    monkeypatch.setattr("napari_recon_robust.reader_studies.freezing._opaque", lambda: f"{next(numbers):032x}")


# Below those that the system hands out by itself, to another test perhaps before this one listens.
_ports = count(20_000 + os.getpid() % 10_000)


def free_port() -> int:
    """Another port at each call, at which nothing listens."""
    for port in islice(_ports, 1000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")
