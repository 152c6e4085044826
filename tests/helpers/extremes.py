"""Scans at the edges of what a file may hold, by what is extreme in them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.scan import Header, Scan
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics.sampling import Sampling

LINES = Sampling(acceleration=2, centre_fraction=0.34)
POINTS = Sampling(pattern="poisson-disc", acceleration=2, centre_fraction=0.35)
KSpace = NDArray[np.complexfloating]


class Memory(Scan):
    """A scan of an array (slices, coils, readout, phase)."""

    def __init__(self, kspace: KSpace) -> None:
        slices, coils, readout, phase = kspace.shape
        sizes = {"slices": slices, "coils": coils, "readout": readout, "phase": phase}
        super().__init__("memory", Header(format="test", matrix=(readout, phase), **sizes))
        self.array = kspace

    def _read(self, slice: int) -> KSpace:
        return self.array[slice]

    def _release(self) -> None:
        pass


def head(rows: int = 24, columns: int = 24, coils: int = 3, noise: float = 0.01) -> KSpace:
    """A head of ellipses, complex128 (coils, rows, columns), with noise of that deviation."""
    y, x = np.mgrid[-1 : 1 : 1j * rows, -1 : 1 : 1j * columns]
    image = 0.9 * (np.hypot(y / 0.8, x / 0.7) < 1) - 0.4 * (np.hypot(y / 0.6, x / 0.5) < 1)
    image += 0.3 * (np.hypot(y + 0.2, x - 0.2) < 0.2)
    angles = 2 * np.pi * np.arange(coils)[:, None, None] / coils
    maps = np.exp(-((y - np.sin(angles)) ** 2 + (x - np.cos(angles)) ** 2) / 2 + 1j * (angles + 0.5 * x))
    maps /= np.sqrt((np.abs(maps) ** 2).sum(0))
    axes = (1, 2)
    centred = np.fft.fftn(np.fft.ifftshift(maps * image, axes), axes=axes, norm="ortho")
    real, imaginary = np.random.default_rng(0).normal(size=(2, coils, rows, columns))
    return np.fft.fftshift(centred, axes) + noise / 2**0.5 * (real + 1j * imaginary)


def measured(kspace: KSpace, sampling: Sampling | None = LINES) -> Measurement:
    """The first slice of a scan that has this k-space (coils, readout, phase) in single precision."""
    return Memory(kspace[None].astype(np.complex64)).measurement(0, sampling)


def air(sampling: Sampling) -> Measurement:
    """A slice in which nothing was received, of a scan whose middle slice shows a head."""
    slices = np.stack([0 * head(), head()]).astype(np.complex64)
    return Memory(slices).measurement(0, sampling)


def noiseless(sampling: Sampling) -> Measurement:
    """A head whose noise is known to be zero."""
    one = measured(head(noise=0.0), sampling)
    return replace(one, kept=Calibration(one.calibration.sensitivities, 0 * one.calibration.noise))


def dead_coil() -> Measurement:
    """A head of which one coil received nothing."""
    kspace = head()
    kspace[1] = 0
    return measured(kspace)


def spoiled() -> Measurement:
    """A head with NaN in one sample, as a program makes it that opens no scan."""
    one = measured(head())
    kspace = one.kspace.clone()
    kspace[1, 3, 4] = float("nan")
    return replace(one, kspace=kspace)


def scaled(exponent: int) -> Measurement:
    """A head times a power of two, as a program makes it that opens no scan."""
    one = measured(head())
    return replace(one, kspace=one.kspace * 2.0**exponent, full=None)


def once(scans: dict[str, Callable[[], Measurement]]) -> dict[str, Callable[[], Measurement]]:
    """The scans, each made and calibrated once for all methods."""
    return {name: cache(make) for name, make in scans.items()}


# What every method reconstructs, by name.
SOUND = once(
    {
        "air": lambda: air(LINES),
        "air, points": lambda: air(POINTS),
        "constant": lambda: measured(np.ones((3, 24, 24))),
        "without noise": lambda: noiseless(LINES),
        "without noise, points": lambda: noiseless(POINTS),
        "one coil": lambda: measured(head()[:1]),
        "dead coil": dead_coil,
        "6x6": lambda: measured(head()[:, 9:15, 9:15], None),
        "17x23": lambda: measured(head(17, 23)),
        "9x30": lambda: measured(head(9, 30)),
    }
)
MANY_COILS = once({"1,024 coils": lambda: measured(head(12, 12, coils=1024), None)})
# What has too few lines for coil sensitivities.
TINY = once(
    {
        "1x1": lambda: measured(np.ones((2, 1, 1)), None),
        "2x3": lambda: measured(head()[:, 11:13, 11:14], None),
    }
)
# What every method refuses, with words of the sentence.
UNSOUND: dict[str, tuple[Callable[[], Measurement], str]] = {
    "NaN": (spoiled, "holds NaN or infinite values"),
    "1e-30": (lambda: scaled(-100), "e-30, whose square"),
    "1e30": (lambda: scaled(100), r"e\+30, whose square"),
}
POWERS = (-100, -73, 99)  # of two: about 1e-30, 1e-22 and 6e29


def refusal(expected: str = "") -> AbstractContextManager[object]:
    """A block that ends in an InputError, whose sentence has these words and no second line."""
    return pytest.raises(InputError, match=rf"\A[^\n]*{expected}[^\n]*\Z")
