"""A study of the packaged sample: a few methods attacked on its lesions, in minutes."""

from pathlib import Path

from ..ground.errors import InputError
from ..ground.guard import read, shown
from ..ground.writing import write
from ..simulation.sample import sample_path

NAME = "demo"
_PLAN = """\
# The packaged sample: one simulated head with 14 lesions. Its spread is over lesions, not over people.
study: demo

scans: {path}
slices: annotated
regions: [{{kind: annotations}}]
masks: [{{pattern: equispaced, acceleration: 4}}]
methods: [cg-sense, unet, cascade-net]
perturbations:
  - none
  - {{kind: worst-case, budgets: [0.01], knobs: {{steps: 3, sensitivities: kept}}}}
metrics: [ssim, psnr, nmse, contrast_recovery, detectability]
keep: {{worst: 1}}
"""


def demo_plan(folder: Path) -> Path:
    """The plan of the demo in a folder, written if it is not there yet; InputError for another file of that name."""
    path = folder / f"{NAME}.yaml"
    text = _text()
    if path.exists() and not is_demo(path):
        raise InputError(f"{shown(path)} is there already with other content; remove it, or go to another folder.")
    write(path, text)
    return path


def is_demo(path: Path) -> bool:
    """Whether a file is the plan of the demo."""
    return path.name == f"{NAME}.yaml" and read(path) == _text()


def _text() -> bytes:
    return _PLAN.format(path=sample_path().absolute().as_posix()).encode()
