"""A plan to begin with, and the JSON schema by which editors check plans."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from ..ground.errors import InputError
from ..ground.guard import shown
from ..ground.writing import write
from ..own_models.opening import absolute_source
from .plan import schema

SCHEMA = "study.schema.json"
_TEMPLATE = """\
# yaml-language-server: $schema={schema}
study: {name}

scans:
  files: scans/*.h5 # globs, relative to this file
  # table: labels.csv # a column `file`; the others become labels of the trials
  # volume: patient # the column of the table that is the unit of statistics; each file by default
  # where: {{contrast: AXT2, field_strength: {{min: 2}}}} # fields of the headers
  # axes: coil,phase,readout # of .npy and plain HDF5 files, where they are guessed wrong

slices: annotated # or all, middle, {{take: spaced, count: 3}}, [3, 5]

regions:
  - kind: annotations # fastMRI+ boxes: of the table beside the scans, or `file: table.csv`
    # labels: [Nonspecific white matter lesion]
    # min_mm2: 10
  # - {{kind: lesions, count: 2, diameters: [4, 8], contrasts: [0.2, -0.2]}} # inserted, of known contrast
  # - {{kind: drawn, boxes: ["120,140,32,28"]}}
  # - {{kind: grid, side: 32, margin: 32}}
  # - {{kind: fragile, count: 2, side: 24, method: tv, budget: 0.01}}
  # - image

masks:
  - {{pattern: equispaced, acceleration: [4, 8], seeds: [0]}}

methods: # every combination of the knobs' values
  - cg-sense
  - {{method: tv, knobs: {{weight: [0.002, 0.005]}}}}
  - hqs-supervised

perturbations:
  - none
  - {{kind: worst-case, budgets: [0.005, 0.01, 0.02], knobs: {{steps: 5}}}}
  - {{kind: rotation, knobs: {{angle: [1, 3]}}}}

metrics: [ssim, psnr, nmse, contrast_recovery, detectability]
seeds: [0]
control: true # random noise of the same size beside each perturbation that has a budget
keep: {{images: none, worst: 2}} # the worst of each method, perturbation and budget become saved cases
"""


def new_plan(path: Path, methods: Sequence[str] = ()) -> Path:
    """Write a plan to begin with, and beside it the schema; InputError for a file that is there already.

    methods: ids or own models that it has beside its own.
    """
    if path.exists():
        raise InputError(f"{shown(path)} is there already; name another file.")
    text = _TEMPLATE.format(name=json.dumps(path.stem), schema=SCHEMA)
    write(path, with_methods(text, methods, path.parent).encode())
    write_schema(path.parent)
    return path


def with_methods(text: str, methods: Sequence[str], folder: Path) -> str:
    """The text of a plan for a folder with methods before its own, on which features are searched for, too.

    methods: ids or own models, whose paths are from the current folder on.
    """
    here = folder.absolute() == Path.cwd()
    names = [json.dumps(one if here else absolute_source(one, Path.cwd())) for one in methods]
    listed, lines = "".join(f"{one}, " for one in names), "".join(f"  - {one}\n" for one in names)
    text = re.sub(r"(?m)^(methods|.*\bfound_on): \[", lambda found: found[0] + listed, text)
    return re.sub(r"(?m)^methods:(| #.*)\n", lambda found: found[0] + lines, text)


def write_schema(folder: Path) -> None:
    """Write the schema into a folder."""
    write(folder / SCHEMA, f"{json.dumps(schema(), indent=1)}\n".encode())
