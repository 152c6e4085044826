"""The packaged sample, a simulated multi-coil brain in fastMRI's layout, and how it is made from its recipe."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.random import default_rng
from numpy.typing import NDArray
from pydantic import Field

from ..data.roi import Box
from ..ground.documents import read_yaml
from ..ground.errors import InputError
from ..ground.guard import opening, shown
from ..ground.progress import Job, Progress
from ..ground.specification import Specification
from ..ground.table import csv_lines
from ..ground.writing import keep, write
from ..physics import fourier
from ..physics.model import root_sum_of_squares
from .acquisition import CoilArray, SimulatedSlice, simulate_slice
from .head import CONTRASTS, Head, Lesion, Template, axial_points
from .packaged import sample_path

if TYPE_CHECKING:
    from ..data.scan import Scan

_RENDERED = 2  # the head is rendered at this many times the resolution that is acquired
_FINE = 3  # slices averaged over the slice's thickness
_SHOWN = 1 / 3  # of a lesion's signal, from which a pixel shows it
_LABEL = "Nonspecific white matter lesion"
_SCALE = 3e-4  # brightest tissue, as in fastMRI's files


class SimulationRecipe(Specification):
    """How a volume is simulated; the same recipe, versions and machine give the same file.

    heights: z of the slices in the template's mm. thickness, field_of_view: in mm. noise: sigma relative to the
    brightest tissue. phase_detail: in radians (`simulation.acquisition.phase`).
    """

    seed: int = Field(default=0, ge=0)
    contrast: Literal["t2", "t1", "flair"] = "t2"
    heights: tuple[float, ...] = Field(default=(2.0, 12.0, 20.0, 28.0, 36.0, 46.0), min_length=1)
    thickness: float = Field(default=3.0, gt=0)
    field_of_view: float = Field(default=230.0, gt=0)
    matrix: int = Field(default=320, ge=32)
    oversampling: int = Field(default=2, ge=1, le=4)
    coils: int = Field(default=8, ge=1)
    noise: float = Field(default=0.01, gt=0)
    phase_detail: float = Field(default=0.18, ge=0)
    shading: float = Field(default=0.4, ge=0, le=1)
    lesions: int = Field(default=14, ge=0)

    @classmethod
    def read(cls, path: str | Path) -> "SimulationRecipe":
        """The recipe in a YAML file; InputError if the file holds something else or a value does not fit."""
        path = Path(path)
        values = read_yaml(path, InputError)
        if not isinstance(values, dict):
            raise InputError(f"{shown(path)} holds no recipe; a YAML file with lines like 'seed: 0' is expected.")
        with opening(path, "a recipe", "mend it", InputError):
            return cls(**{str(name): value for name, value in values.items()})


def open_sample() -> "Scan":
    """The packaged sample as an open scan (a context manager)."""
    from ..io import open_scan

    return open_scan(sample_path())


def simulate_volume(recipe: SimulationRecipe, path: str | Path, *, template: Template | None = None) -> Job[Path]:
    """Simulate a head and write it in fastMRI's layout to `path` (.h5), and its lesions beside it (.csv, fastMRI+).

    The file says that it is simulated. template: the brain to start from, by default MNI152 (needs nilearn). Returns
    `path`; yields after every slice.
    """
    from ..io.fastmri import SIMULATED, write_fastmri

    path = Path(path)
    count = len(recipe.heights)
    yield Progress(0.0, "Making the head")
    head = Head(template or Template.mni152(), default_rng([recipe.seed, 0]))
    lesions = head.place_lesions(recipe.lesions, recipe.heights, default_rng([recipe.seed, 1]))
    acquired = []
    for number in range(count):
        yield Progress((number + 0.5) / (count + 1), f"Simulating slice {number + 1} of {count}")
        acquired.append(acquire(recipe, number, render(recipe, number, head, lesions)))
    yield Progress((count + 0.5) / (count + 1), "Writing")
    kspace = torch.stack([each.kspace for each in acquired])
    matrix = (recipe.matrix, recipe.matrix)
    reference = fourier.centre_crop_image(root_sum_of_squares(fourier.ifft(kspace)), matrix).numpy()
    boxes = lesion_boxes(recipe, head, lesions)

    def save(place: Path) -> None:
        write_fastmri(
            place,
            kspace.numpy(),
            reference,
            encoded_mm=(recipe.field_of_view * recipe.oversampling, recipe.field_of_view, recipe.thickness),
            matrix=matrix,
            attributes={"acquisition": f"AX{recipe.contrast.upper()}", SIMULATED: True},
            rounding=acquired[0].sigma.numpy() / 4,
        )
        _write_annotations(place.with_suffix(".csv"), recipe, boxes)

    keep(path, save)
    return path


def render(recipe: SimulationRecipe, number: int, head: Head, lesions: tuple[Lesion, ...]) -> NDArray[np.float32]:
    """The magnitude of one slice at the rendered resolution, averaged over its thickness, as fastMRI stores it."""
    contrast = _contrast(recipe)
    thin = _points(recipe, recipe.heights[number], recipe.matrix * _RENDERED)
    image: NDArray[np.float32] = np.mean([head.signal(points, contrast, lesions) for points in thin], axis=0)
    return image


def acquire(recipe: SimulationRecipe, number: int, magnitude: NDArray[np.float32]) -> SimulatedSlice:
    """Acquire one slice; all slices have the same coils and noise level, and each its own phase and noise."""
    height = recipe.heights[number] - float(np.mean(recipe.heights))
    return simulate_slice(
        magnitude * (_SCALE / max(_contrast(recipe).values())),
        default_rng([recipe.seed, 4, number]),
        coils=CoilArray.random(recipe.coils, default_rng([recipe.seed, 3])),
        height=height / (recipe.field_of_view / 2),
        noise_level=recipe.noise,
        scale=_SCALE,
        detail=recipe.phase_detail,
        shading=recipe.shading,
        oversampling=recipe.oversampling,
        matrix=(recipe.matrix, recipe.matrix),
    )


def _contrast(recipe: SimulationRecipe) -> dict[str, float]:
    """The signal of each tissue for the sequence, changed a little from scan to scan."""
    rng = default_rng([recipe.seed, 2])
    return {name: value * float(rng.uniform(0.92, 1.08)) for name, value in CONTRASTS[recipe.contrast].items()}


def _points(recipe: SimulationRecipe, height: float, matrix: int) -> Iterator[NDArray[np.float32]]:
    """The points of the thin slices that make up one slice; fastMRI stores its images upside down."""
    for offset in (np.arange(_FINE) + 0.5) / _FINE - 0.5:
        yield axial_points(height + offset * recipe.thickness, matrix, recipe.field_of_view)[:, ::-1]


def lesion_boxes(recipe: SimulationRecipe, head: Head, lesions: Sequence[Lesion]) -> list[tuple[int, Box]]:
    """(slice, box) of every lesion in each slice that shows it, in stored-array coordinates.

    The box is that around a third of its signal, or around half of its largest where that is less in its own slice,
    plus 1 pixel.
    """
    # The centre of the acquired image is that of the rendered one.
    first = recipe.matrix * _RENDERED // 2 - recipe.matrix // 2 * _RENDERED
    boxes = []
    for lesion, (number, height) in product(lesions, enumerate(recipe.heights)):
        fine = [head.lesion(lesion, points) for points in _points(recipe, height, recipe.matrix * _RENDERED)]
        signal = np.mean(fine, axis=0)[first::_RENDERED, first::_RENDERED]
        own = height == lesion.centre[2]
        inside = signal > (min(_SHOWN, float(signal.max()) / 2) if own else _SHOWN)
        rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
        if len(rows):
            row, column = int(rows[0]) - 1, int(columns[0]) - 1
            box = Box(row=row, column=column, height=int(rows[-1]) + 2 - row, width=int(columns[-1]) + 2 - column)
            boxes.append((number, box))
    return boxes


def _write_annotations(path: Path, recipe: SimulationRecipe, boxes: Sequence[tuple[int, Box]]) -> None:
    """A fastMRI+ table, by slice; its y runs from the last stored row, the top of the picture."""
    from ..io.annotations import COLUMNS

    rows: list[Sequence[object]] = [COLUMNS]
    for number, box in sorted(boxes, key=lambda item: (item[0], item[1].column)):
        y = recipe.matrix - box.row - box.height
        rows.append([path.stem, number, "No", box.column, y, box.width, box.height, _LABEL])
    write(path, csv_lines(rows).encode())
