"""A training case: a calibrated acquisition, fully sampled or as the scanner left it, which is kept in a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from numpy.random import Generator
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from ..data.points import without_gaps
from ..data.quantile import upper_quantile
from ..ground.errors import InputError
from ..ground.guard import check_length, opening
from ..ground.writing import WritingError, write
from ..physics import coils, fourier, unexplained
from ..physics.acs import lines_outside_acs
from ..physics.model import coil_combined, root_sum_of_squares
from .bank_specification import BankSpecification
from .contents import Acquisition

FEWEST_OUTSIDE = 2
"""Sampled lines outside the ACS, at least: of a single one none could be held out."""

_USUAL_ACCELERATION = 4


@dataclass(frozen=True, eq=False)
class TrainingCase:
    """One acquisition; intensities relative to the truth's 99.5th percentile.

    coil_images: complex64 (coils, rows, columns), noisy, fully sampled. sensitivities: the same shape, by ESPIRiT
    from the ACS. truth: complex64 (rows, columns), sum conj(S_i) x_i of the coil images x_i as they should be
    (noise-free in simulations). magnitude: float32 (rows, columns), the root sum of squares of these. acquired: bool
    (columns,), the lines that exist: scans may be padded.
    """

    coil_images: Tensor
    sensitivities: Tensor
    truth: Tensor
    magnitude: Tensor
    noise: float
    centre_lines: int
    acquired: Tensor


def calibrated(acquired: Acquisition, specification: BankSpecification, rng: Generator) -> TrainingCase:
    """An acquisition with a random ACS and the sensitivities that follow from it.

    Raises InputError if the slice has fewer lines than the ACS shall have, if fewer central lines were acquired than
    the smallest ACS has, and for a slice that is zero or not finite.
    """
    magnitude = root_sum_of_squares(acquired.wanted)
    scale = float(upper_quantile(magnitude.flatten(), 0.995))
    if not 0 < scale < np.inf or not bool(torch.isfinite(acquired.hybrid.abs()).all()):
        raise InputError("a slice is zero or not finite.")
    columns = acquired.hybrid.shape[-1]
    lines = round(rng.uniform(*specification.centre_fraction) * columns)
    lines = max(lines, specification.minimum_centre_lines)
    if lines > columns:
        raise InputError(
            f"a slice has {columns} lines, and {lines} in its centre are wanted; give a smaller centre_fraction or "
            "minimum_centre_lines."
        )
    while not bool(acquired.acquired[fourier.central_lines(columns, lines)].all()):
        lines -= 1
    if lines < specification.minimum_centre_lines:
        raise InputError(
            f"a scan has {lines} adjacent lines in the centre; {specification.minimum_centre_lines} are needed."
        )
    outside = len(lines_outside_acs(acquired.acquired[None]))
    if not without_gaps(acquired.acquired[None]) and outside < FEWEST_OUTSIDE:
        raise InputError(
            f"an undersampled scan has {outside} sampled line(s) outside its ACS; {FEWEST_OUTSIDE} are needed."
        )
    sigma = acquired.hybrid.real.new_full(acquired.hybrid.shape[:1], acquired.sigma)
    acs = fourier.central_lines(columns, lines)[None]
    found = coils.espirit_by_length(acquired.hybrid, acs, (-1,), sigma)
    # The mask is drawn later, again and again: which of them a user would have is asked under a usual one.
    usual = acs | ~acquired.acquired
    usual[:, ::_USUAL_ACCELERATION] = True
    maps = unexplained.explaining_most(found, usual * acquired.hybrid, usual, (-1,))
    return TrainingCase(
        coil_images=fourier.ifft(acquired.hybrid, (-1,)) / scale,
        sensitivities=maps,
        truth=coil_combined(acquired.wanted, maps) / scale,
        magnitude=magnitude / scale,
        noise=acquired.sigma / scale,
        centre_lines=lines,
        acquired=acquired.acquired,
    )


class Cases(Sequence[TrainingCase]):
    """Cases in files, read one at a time."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = sorted(paths)
        self._columns: dict[Path, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> TrainingCase:  # type: ignore[override]
        return load_case(self.paths[index])

    def of_width(self, columns: int) -> list[int]:
        """The indices of the cases of so many columns, also of such as were replaced meanwhile."""
        return [index for index, path in enumerate(self.paths) if self._width(path) == columns]

    def _width(self, path: Path) -> int:
        """The number of a case's columns, which is read again where the file is another one."""
        written = path.stat().st_mtime_ns
        if self._columns.get(path, (0, 0))[0] != written:
            with opened(path) as file:
                self._columns[path] = written, file.get_slice("coil_images").get_shape()[2]
        return self._columns[path][1]


def is_whole(path: Path) -> bool:
    """Whether a case is there, and of the length that its header says."""
    try:
        with opened(path):
            return True
    except InputError:
        return False


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file of a case; InputError if it is damaged, also for what goes wrong with its content."""
    with opening(path, "a training case", "delete it and start the training again: it is made again", InputError):
        check_length(path, error=InputError)
        with safe_open(path, "pt") as file:
            yield file


def save_case(path: Path, case: TrainingCase, metadata: dict[str, str]) -> None:
    """Save a case in half precision. Images are below a few, so this costs 1e-4 of them, far below the noise."""
    tensors = {
        name: torch.view_as_real(getattr(case, name)).half().contiguous()
        for name in ("coil_images", "sensitivities", "truth")
    }
    tensors["magnitude"] = case.magnitude.half().contiguous()
    tensors["acquired"] = case.acquired
    tensors["numbers"] = torch.tensor([case.noise, case.centre_lines], dtype=torch.float64)
    write_whole(path, save(tensors, metadata | {"checksum": _checksum(tensors)}))


def load_case(path: Path) -> TrainingCase:
    """Read a case; InputError for one that is damaged. Banks of earlier versions have no checksums to tell by."""
    with opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        if (file.metadata() or {}).get("checksum") not in (None, _checksum(tensors)):
            raise ValueError("it is damaged")
        noise, lines = tensors["numbers"].tolist()
        images = {
            name: torch.view_as_complex(tensors[name].float()) for name in ("coil_images", "sensitivities", "truth")
        }
        everywhere = torch.ones(images["truth"].shape[-1], dtype=torch.bool)
        case = TrainingCase(
            **images,
            magnitude=tensors["magnitude"].float(),
            noise=noise,
            centre_lines=int(lines),
            acquired=tensors.get("acquired", everywhere),  # banks with only simulations used to lack it
        )
        _check_sizes(case)
        return case


def _check_sizes(case: TrainingCase) -> None:
    """Raise ValueError for arrays that do not fit each other, or hold nothing."""
    coils, rows, columns = case.coil_images.shape
    sizes = (case.sensitivities.shape, case.truth.shape, case.magnitude.shape, case.acquired.shape)
    fitting = sizes == ((coils, rows, columns), (rows, columns), (rows, columns), (columns,))
    if not (fitting and case.coil_images.numel() and 0 < case.centre_lines <= columns and case.acquired.any()):
        raise ValueError("its arrays do not fit each other")


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    """A CRC-32, by which chance damage is noticed at a few milliseconds a case."""
    value = 0
    for name in sorted(tensors):
        value = crc32(tensors[name].numpy().data, value)
    return f"{value:08x}"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file completely or keep the old one; WritingError if that fails."""
    try:
        write(path, content)
    except WritingError as error:
        raise WritingError(
            f"{path.name} cannot be written to {path.parent} ({error.reason}); make room there and start again: what "
            "has been made is kept.",
            error.reason,
        ) from None
