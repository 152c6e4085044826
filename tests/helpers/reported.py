"""Cases for reports: the frozen ones, and one whose images say where they are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_recon_robust.cases.record import Case, load_case
from napari_recon_robust.data.orientation import AS_STORED, FIRST_ROW_BELOW, Turn
from napari_recon_robust.data.roi import ROI

# As stored, as fastMRI stores images, and two ways that change rows for columns.
TURNS = [AS_STORED, FIRST_ROW_BELOW, Turn(quarters=1), Turn(quarters=3, mirrored=True)]
FROZEN = Path(__file__).parents[1] / "golden" / "inputs" / "cases"


def frozen(kind: str = "worst-case") -> Case:
    """A small case of that perturbation, 18×22 pixels."""
    return load_case(FROZEN / kind)


def pictured(rows: int = 40, columns: int = 56, label: str = "", turn: Turn = AS_STORED, **source: Any) -> Case:
    """Two budgets with images of many grey levels on (rows, columns), none of which is symmetric."""
    rng = np.random.default_rng(0)
    down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    reference = 2e-4 * (0.7 * down + 0.3 * across**2)
    noise = 2e-5 * np.abs(rng.standard_normal((4, rows, columns)))
    images = {
        "reference": reference,
        "clean": reference + noise[0],
        "perturbed": np.stack([reference + noise[1], 0.5 * reference + noise[2]]),
        "random": np.stack([reference + noise[3], reference]),
        "foreground": reference > 1e-4,
    }
    case = frozen()
    roi = ROI.box(8, 30, 6, 9, label=label)
    return replace(
        case,
        matrix=(rows, columns),
        kspace={name: _padded(array, rows, columns) for name, array in case.kspace.items()},
        roi=roi,
        images={
            name: np.asarray(image, bool if name == "foreground" else np.float32) for name, image in images.items()
        },
        recipe=case.recipe.model_copy(update={"source": {"upright": turn.model_dump(), **source}}),
    )


def _padded(array: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Samples, sensitivities or a mask, (..., rows or 1, columns), with zeros up to the size of the images."""
    if array.ndim < 2:
        return array
    down = rows - array.shape[-2] if array.shape[-2] > 1 else 0
    return np.pad(array, [(0, 0)] * (array.ndim - 2) + [(0, down), (0, columns - array.shape[-1])])
