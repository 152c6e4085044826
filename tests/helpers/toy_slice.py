"""A small slice, and methods that need nothing but the physics, for perturbations and replay."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import root_sum_of_squares
from napari_recon_robust.reconstructors.base import Reconstructor

COILS, ROWS, COLUMNS = 4, 32, 36
SIGMA = 0.01


class Combined(Reconstructor):
    """A^H y: linear, coil-combined."""

    id = "combined"
    label = "Combined"
    summary = "Coil-combined zero-filled image."

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        return measurement.crop(measurement.model.adjoint(measurement.data))


class Rss(Reconstructor):
    """RSS of the zero-filled coil images."""

    id = "rss"
    label = "RSS"
    summary = "Root sum of squares."
    needs_sensitivities = False
    reference_kind = "rss"

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        coil_images = fourier.ifft(measurement.data, measurement.dims)
        return measurement.crop(root_sum_of_squares(coil_images)).to(torch.complex64)


def simulate(scale: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Sensitivities, image and noisy full k-space of a disc with structure, (coils, rows, columns)."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.linspace(-1, 1, ROWS)[:, None]
    x = torch.linspace(-1, 1, COLUMNS)[None, :]
    angles = torch.arange(COILS) * (2 * torch.pi / COILS)
    sensitivities = torch.stack(
        [torch.exp(-((y - a.sin()) ** 2 + (x - a.cos()) ** 2) / 2) * torch.exp(1j * (a + 0.5 * x)) for a in angles]
    )
    sensitivities = sensitivities / root_sum_of_squares(sensitivities)
    disc = torch.sigmoid((0.85 - (y**2 + x**2).sqrt()) * 12)
    image = disc * (1 + 0.3 * torch.cos(9 * x) * torch.cos(7 * y)) * torch.exp(0.4j * (x + y))
    noise = SIGMA / 2**0.5 * torch.randn(2, COILS, ROWS, COLUMNS, generator=generator)
    kspace = fourier.fft(sensitivities * image) + torch.complex(noise[0], noise[1])
    return sensitivities.to(torch.complex64), image.to(torch.complex64), (scale * kspace).to(torch.complex64)


def line_mask() -> Tensor:
    """Every third line and 8 central ones, bool (1, columns)."""
    mask = torch.zeros(1, COLUMNS, dtype=torch.bool)
    mask[:, ::3] = True
    mask[:, COLUMNS // 2 - 4 : COLUMNS // 2 + 4] = True
    return mask


def make(scale: float = 1.0, *, full: bool = True) -> Measurement:
    """Undersampled lines with the true sensitivities and noise as its calibration."""
    sensitivities, _, kspace = simulate(scale)
    mask = line_mask()
    calibration = Calibration(sensitivities, torch.full((COILS,), SIGMA * scale))
    return Measurement(kspace * mask, mask, (ROWS, COLUMNS), kspace if full else None, calibration)


# Rows and columns that the scanner measures: of padded k-space, with partial Fourier, and with a partial echo.
PARTS = {
    "padded": (slice(8, 24), slice(9, 27)),
    "partial Fourier": (slice(0, ROWS), slice(12, COLUMNS)),
    "partial echo": (slice(10, ROWS), slice(0, COLUMNS)),
}


def fully_sampled_part(rows: slice, columns: slice) -> Measurement:
    """A scan that leaves out nothing of the part of k-space which it measures."""
    sensitivities, _, kspace = simulate()
    acquired = torch.zeros(ROWS, COLUMNS, dtype=torch.bool)
    acquired[rows, columns] = True
    calibration = Calibration(sensitivities, torch.full((COILS,), SIGMA))
    return Measurement(kspace * acquired, acquired, (ROWS, COLUMNS), kspace * acquired, calibration)


@pytest.fixture(params=PARTS)
def part(request: pytest.FixtureRequest) -> Measurement:
    return fully_sampled_part(*PARTS[request.param])


@pytest.fixture
def measurement() -> Measurement:
    return make()


@pytest.fixture
def make_measurement() -> Callable[..., Measurement]:
    return make


@pytest.fixture
def roi() -> ROI:
    return ROI.box(10, 12, 9, 10)


@pytest.fixture
def combined() -> Reconstructor:
    return Combined()


@pytest.fixture
def rss() -> Reconstructor:
    return Rss()
