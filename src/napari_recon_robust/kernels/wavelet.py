"""The undecimated wavelet transform of one image on the CPU, fused row by row.

`reconstructors.classical.wavelet.Details` defines it.

An image is float32 (rows, 2 columns), real and imaginary parts in turn. Its details are (3 levels, rows, 2 columns):
each level has the bands low-high, high-low and high-high (row filter, column filter). Borders are periodic.
"""

import numpy as np
from numpy.typing import NDArray

from .compiler import jit

Float = NDArray[np.float32]

_kernel, _part = jit({"contract", "nsz", "reassoc"})


@_kernel
def analyse(image: Float, low: Float, high: Float, details: Float) -> None:
    """Write W x into `details`."""
    rows, width = image.shape
    here, coarse = image, np.empty_like(image)
    for level in range(details.shape[0] // 3):
        step = 1 << level
        wide = np.empty((2, width + 6 * step), np.float32)
        for r in range(rows):
            x0, x1 = here[r], here[(r + step) % rows]
            x2, x3 = here[(r + 2 * step) % rows], here[(r + 3 * step) % rows]
            _combine(x0, x1, x2, x3, low, wide[0])
            _combine(x0, x1, x2, x3, high, wide[1])
            for side in range(2):
                for i in range(6 * step):
                    wide[side, width + i] = wide[side, i % width]
            _filter(wide[0], 2 * step, low, coarse[r])
            _filter(wide[0], 2 * step, high, details[3 * level, r])
            _filter(wide[1], 2 * step, low, details[3 * level + 1, r])
            _filter(wide[1], 2 * step, high, details[3 * level + 2, r])
        if level == 0:
            here = np.empty_like(image)
        here, coarse = coarse, here


@_kernel
def synthesise(details: Float, low: Float, high: Float, image: Float) -> None:
    """Write W^H p into `image`."""
    rows, width = image.shape
    first, second = np.empty_like(image), np.empty_like(image)
    image[:] = 0
    for level in range(details.shape[0] // 3 - 1, -1, -1):
        step = 1 << level
        wide = np.empty(width + 6 * step, np.float32)
        for r in range(rows):
            _spread(image[r], details[3 * level, r], 2 * step, low, high, wide, first[r])
            _spread(details[3 * level + 1, r], details[3 * level + 2, r], 2 * step, low, high, wide, second[r])
        for r in range(rows):
            a0, a1 = first[r], first[(r - step) % rows]
            a2, a3 = first[(r - 2 * step) % rows], first[(r - 3 * step) % rows]
            b0, b1 = second[r], second[(r - step) % rows]
            b2, b3 = second[(r - 2 * step) % rows], second[(r - 3 * step) % rows]
            out = image[r]
            for i in range(width):
                from_low = low[0] * a0[i] + low[1] * a1[i] + low[2] * a2[i] + low[3] * a3[i]
                out[i] = from_low + high[0] * b0[i] + high[1] * b1[i] + high[2] * b2[i] + high[3] * b3[i]


@_part
def _combine(x0: Float, x1: Float, x2: Float, x3: Float, taps: Float, out: Float) -> None:
    t0, t1, t2, t3 = taps[0], taps[1], taps[2], taps[3]
    for i in range(x0.size):
        out[i] = t0 * x0[i] + t1 * x1[i] + t2 * x2[i] + t3 * x3[i]


@_part
def _filter(wide: Float, step: int, taps: Float, out: Float) -> None:
    _combine(
        wide[: out.size],
        wide[step : step + out.size],
        wide[2 * step : 2 * step + out.size],
        wide[3 * step :],
        taps,
        out,
    )


@_part
def _spread(a: Float, b: Float, step: int, low: Float, high: Float, wide: Float, out: Float) -> None:
    """The adjoint of filtering a row by `low` to a and by `high` to b, with periodic borders."""
    width = out.size
    wide[:] = 0
    for tap in range(4):
        u, v = low[tap], high[tap]
        at = wide[tap * step : tap * step + width]
        for i in range(width):
            at[i] += u * a[i] + v * b[i]
    for i in range(width):
        out[i] = wide[i]
    for i in range(3 * step):
        out[i % width] += wide[width + i]
