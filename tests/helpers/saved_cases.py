"""Small cases as the window and the command line save them."""

from dataclasses import replace
from pathlib import Path

import torch

from napari_recon_robust.cases.making import make_case
from napari_recon_robust.cases.record import save_case
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.orientation import aspect_of
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground import progress
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.perturbations.outcome import Outcome, evaluate
from napari_recon_robust.physics import fourier
from napari_recon_robust.reconstructors import registry as reconstructors
from napari_recon_robust.reconstructors.base import Method

ROWS, COLUMNS, COILS = 48, 56, 4
ROI_BOX = ROI.box(18, 20, 10, 12)


def slice_of(*, full: bool = True, padded: bool = False) -> Measurement:
    """A structured disc seen by four coils, readout oversampled twice, every other line and 16 central ones.

    padded: with a partial echo and 8 lines that are never measured, and with the calibration estimated from it.
    """
    generator = torch.Generator().manual_seed(0)
    y = torch.linspace(-2, 2, 2 * ROWS)[:, None]
    x = torch.linspace(-1, 1, COLUMNS)[None]
    disc = torch.sigmoid((0.75 - (y**2 + x**2).sqrt()) * 15) * (1 + 0.3 * torch.cos(11 * x) * torch.cos(9 * y))
    angles = torch.arange(COILS) * (torch.pi / 2)
    coils = torch.stack(
        [torch.exp(-((y - a.sin()) ** 2 + (x - a.cos()) ** 2) / 2) * torch.exp(1j * (a + x)) for a in angles]
    )
    noise = 0.01 * torch.randn(COILS, 2 * ROWS, COLUMNS, dtype=torch.complex64, generator=generator)
    kspace = 1e-4 * (fourier.fft(coils * disc).to(torch.complex64) + noise)
    mask = torch.zeros(1, COLUMNS, dtype=torch.bool)
    mask[:, ::2] = True
    mask[:, COLUMNS // 2 - 8 : COLUMNS // 2 + 8] = True
    if not padded:
        return Measurement(kspace * mask, mask, (ROWS, COLUMNS), kspace if full else None)
    measured = (torch.arange(2 * ROWS)[:, None] >= 20) & (torch.arange(COLUMNS) >= 8)
    kspace, mask = kspace * measured, mask & measured
    one = Measurement(kspace * mask, mask, (ROWS, COLUMNS), kspace if full else None, acquired=measured)
    return replace(one, kept=one.calibration)


def saved(
    folder: Path,
    kind: str = "worst-case",
    *,
    full: bool = True,
    padded: bool = False,
    method: str = "zero-filled",
    voxel: tuple[float, float, float] | None = None,
    budgets: tuple[float, ...] = (0.02, 0.01),
    **knobs,
) -> Path:
    """A case of that perturbation on `slice_of`, written to a folder. voxel: in mm. budgets: where it has some."""
    measurement = replace(slice_of(full=full, padded=padded), aspect=aspect_of(voxel))
    reconstructor = reconstructors.get(method)
    budgets = budgets if perturbations.get(kind).needs_budget else ()
    found = progress.run(perturbations.get(kind).run(measurement, reconstructor, ROI_BOX, budgets, **knobs))
    outcomes = progress.run(evaluate(measurement, reconstructor, ROI_BOX, found, seed=knobs.get("seed", 0)))
    case = make_case(
        measurement,
        reconstructor,
        ROI_BOX,
        outcomes,
        perturbation=kind,
        perturbation_knobs=knobs,
        source={"slice": 4, "voxel": voxel and list(voxel)},
    )
    return save_case(case, folder / "case")


def compared(control: int = 0, **knobs) -> tuple[Measurement, Method, list[Outcome]]:
    """A slice, a method, and the outcome of random noise with these knobs. control: the seed of its control."""
    one, method = slice_of(), reconstructors.get("zero-filled").at()
    found = progress.run(perturbations.get("random").run(one, method, ROI_BOX, (0.02,), **knobs))
    return one, method, progress.run(evaluate(one, method, ROI_BOX, found, seed=control))
