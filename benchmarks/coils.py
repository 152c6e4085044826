"""Coil sensitivities: ours against BART's `ecalib` and sigpy's `EspiritCalib`, time and quality in one run.

    python benchmarks/coils.py --data ../shared/data --threads 2

Cases: the real 16-coil brain at R = 2, 3, 4 (12 central lines) and slices of the held-out anatomy (`cases.py`).
Agreement: the median of |<S, S_BART>| on the foreground where BART has maps. NMSE: CG-SENSE (20 iterations) at the
best of 7 weights, magnitude against the RSS of the fully sampled data, on the foreground, as a ratio to BART's.
Support: the part of the foreground that has maps. Seconds on the clock and of processor time: the least of three runs,
sigpy's of one; BART's with its start and files. sigpy crops at BART's eigenvalue (its own 0.95 cuts out tissue).
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from cases import slices_of
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.acs import acs_lines
from napari_recon_robust.physics.model import ForwardModel, root_sum_of_squares
from napari_recon_robust.physics.sampling import Sampling

WEIGHTS = torch.from_numpy(np.geomspace(1e-4, 5e-2, 7).astype(np.float32))[:, None, None]


def cases(data: Path) -> Iterator[tuple[str, Measurement]]:
    """Name and measurement."""
    for acceleration in (2, 3, 4):
        yield f"brain, 16 coils, 128, R = {acceleration}", real_brain(data, acceleration)
    for acceleration in (4, 8):
        for number, one in enumerate(slices_of(data, 320, 2, acceleration=acceleration, noise=0.005)):
            yield f"anatomy {number}, 8 coils, 320, R = {acceleration}", one


def real_brain(data: Path, acceleration: float, seed: int = 0) -> Measurement:
    """The real scan's slice with 12 central lines."""
    full = torch.from_numpy(np.load(data / "kspace" / "brain_16coil_128x128_full.npy")).mT.contiguous()
    mask = Sampling(acceleration=acceleration, centre_fraction=12 / 128, seed=seed).mask(128, 128)
    return Measurement(full * mask, mask, (128, 128), full)


def ours(measurement: Measurement) -> Tensor:
    """With the estimate of the noise that they need."""
    return replace(measurement, kept=None).calibration.sensitivities


def bart(measurement: Measurement) -> Tensor:
    """`bart ecalib -m1`."""
    array = measurement.kspace.movedim(0, -1)[:, :, None].numpy()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "k.hdr").write_text("# Dimensions\n" + " ".join(map(str, array.shape)) + "\n")
        array.ravel(order="F").tofile(folder / "k.cfl")
        subprocess.run(["bart", "ecalib", "-m1", "k", "s"], check=True, capture_output=True, cwd=folder)
        maps = np.fromfile(folder / "s.cfl", np.complex64).reshape(array.shape, order="F")[:, :, 0]
    return torch.from_numpy(maps).movedim(-1, 0).contiguous()


def sigpy(measurement: Measurement) -> Tensor:
    from sigpy.mri.app import EspiritCalib  # type: ignore[import-untyped]

    lines = acs_lines(measurement.mask)
    width = min(24, lines.stop - lines.start)
    maps = EspiritCalib(measurement.kspace.numpy(), calib_width=width, crop=0.8, show_pbar=False).run()
    return torch.from_numpy(np.asarray(maps, np.complex64))


def timed(
    method: Callable[[Measurement], Tensor], measurement: Measurement, runs: int = 3
) -> tuple[Tensor, float, float]:
    """Maps, and the least time of some runs on the clock and of the processor, child processes included."""
    seconds, processor = [], []
    for _ in range(runs):
        start, before = time.perf_counter(), sum(os.times()[:4])
        maps = method(measurement)
        seconds.append(time.perf_counter() - start)
        processor.append(sum(os.times()[:4]) - before)
    return maps, min(seconds), min(processor)


def dot(a: Tensor, b: Tensor) -> Tensor:
    return (a.conj() * b).real.sum((-2, -1), keepdim=True)


def least_nmse(maps: Tensor, measurement: Measurement, reference: Tensor, where: Tensor) -> float:
    """Of CG-SENSE over all weights at once."""
    model = ForwardModel(maps, measurement.mask, measurement.dims)
    residual = model.adjoint(measurement.data).expand(len(WEIGHTS), -1, -1)
    image, direction = torch.zeros_like(residual), residual
    for _ in range(20):
        normal = model.normal(direction) + WEIGHTS * direction
        power = dot(residual, residual)
        step = power / dot(direction, normal)
        image, residual = image + step * direction, residual - step * normal
        direction = residual + dot(residual, residual) / power * direction
    errors = (image.abs() - reference)[:, where].square().sum(-1) / reference[where].square().sum()
    return float(errors.min())


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    if shutil.which("bart") is None:
        parser.error("the program bart is not installed; it is what the figures are compared with.")

    print(f"{'':36}{'':8}{'seconds':>9}{'CPU s':>7}{'agreement':>11}{'support':>9}{'NMSE':>10}{'ratio':>7}")
    for name, measurement in cases(options.data):
        assert measurement.full is not None
        reference = root_sum_of_squares(fourier.ifft(measurement.full))
        where = foreground(reference)
        peer = timed(bart, measurement)
        theirs = peer[0]
        baseline = least_nmse(theirs, measurement, reference, where)
        both = where & (theirs.abs().sum(0) > 0)
        rows = {"BART": peer, "ours": timed(ours, measurement), "sigpy": timed(sigpy, measurement, 1)}
        for method, (maps, clock, processor) in rows.items():
            agreement = float((maps.conj() * theirs).sum(0).abs()[both].median())
            support = float((maps.abs().sum(0) > 0)[where].float().mean())
            error = least_nmse(maps, measurement, reference, where)
            print(
                f"{name:36}{method:8}{clock:9.2f}{processor:7.2f}{agreement:11.4f}{support:9.3f}"
                f"{error:10.5f}{error / baseline:7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
