"""The TV solver for one slice of sampled lines on the CPU: the iterations of `sparsity.FISTA`, fused.

Images have the layout "columns first" (`kernels.normal`). The dual is float32 (columns + 1, 4, height): the real and
imaginary parts of the down and the right difference. A column of zeros comes first, so that no border needs a branch.
The dual is stored times the step, so that x = v - D^H p.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compiler import jit
from .lanes import WIDTH, inverse_root, load, minimum, store
from .normal import Rows, normal

Float = NDArray[np.float32]

_kernel, _part = jit({"contract", "nsz", "reassoc"})
_ZERO: Any = np.float32(0)  # sums stay in float32 along a column, and so in the vector unit
_EIGHTH = np.float32(0.125)  # 1 / `Differences.bound`


@_kernel
def fista(
    b: Float,
    x: Float,
    p: Float,
    model: Rows,
    support: Float,
    step: np.float32,
    radius: np.float32,
    rows: int,
    inner: int,
    outer: int,
    tolerance: float,
    kept: float,
) -> int:
    """Continue from image x and dual p, in place, until recent changes of x are below `tolerance` of its norm.

    kept: how much a change still counts in the next step. support: (columns, height), one where any coil is sensitive
    and zero elsewhere; there steps have no momentum and do not count (`sparsity.FISTA`). Returns the number of
    steps taken, at most `outer`.
    """
    z, v, last, s = x.copy(), x.copy(), x.copy(), p.copy()
    momenta = np.empty(inner, np.float32)
    t = 1.0
    for k in range(inner):
        following = _following(t)
        momenta[k] = (t - 1) / following
        t = following
    t, recent = 1.0, 0.0
    for iteration in range(outer):
        normal(z, v, model)
        _gradient_step(v, z, b, step)
        _proximal(v, p, s, momenta, radius, rows)
        uphill, change, size = _primal(v, p, z, x, last, support, rows)
        recent = max(change, kept * kept * recent)
        if recent <= tolerance * tolerance * size:
            return iteration + 1
        if uphill > 0:
            t = 1.0
        following = _following(t)
        _extrapolate(z, x, last, support, np.float32((t - 1) / following))
        t = following
    return outer


@_part
def _following(t: float) -> float:
    return (1 + np.sqrt(1 + 4 * t * t)) / 2


@_part
def _proximal(v: Float, p: Float, s: Float, momenta: Float, radius: np.float32, rows: int) -> None:
    """Steps of fast gradient projection on the dual p, in place; s is work space.

    All steps go over the image together, each one column behind the one before it, so that their data stay in
    the cache.
    """
    columns, _, height = v.shape
    inner = len(momenta)
    vf, pf, sf = v.ravel(), p.ravel(), s.ravel()
    for i in range(pf.size):
        sf[i] = pf[i]
    inside = np.zeros(height, np.float32)
    inside[:rows] = 1
    plane = height + WIDTH
    x = np.zeros(inner * 4 * plane, np.float32)  # of each step, two columns of the image that belongs to s
    for front in range(-1, columns + inner - 1):
        for k in range(inner):
            c = front - k
            if -1 <= c < columns - 1:
                _column(vf, sf, c + 1, height, x, (4 * k + 2 * ((c + 1) & 1)) * plane, plane, rows)
            if c < 0 or c >= columns:
                continue
            here = (4 * k + 2 * (c & 1)) * plane
            right = (4 * k + 2 * ((c + 1) & 1)) * plane if c + 1 < columns else here
            for i in range(0, height, WIDTH):
                o0 = 4 * (c + 1) * height + i
                o1, o2, o3 = o0 + height, o0 + 2 * height, o0 + 3 * height
                xr, xi = load(x, here + i), load(x, here + plane + i)
                w0 = load(sf, o0) + (load(x, here + i + 1) - xr) * _EIGHTH
                w1 = load(sf, o1) + (load(x, here + plane + i + 1) - xi) * _EIGHTH
                w2 = load(sf, o2) + (load(x, right + i) - xr) * _EIGHTH
                w3 = load(sf, o3) + (load(x, right + plane + i) - xi) * _EIGHTH
                factor = inverse_root(w0 * w0 + w1 * w1 + w2 * w2 + w3 * w3) * radius
                factor = minimum(load(inside, i), factor)
                w0, w1, w2, w3 = w0 * factor, w1 * factor, w2 * factor, w3 * factor
                store(sf, o0, w0 + (w0 - load(pf, o0)) * momenta[k])
                store(sf, o1, w1 + (w1 - load(pf, o1)) * momenta[k])
                store(sf, o2, w2 + (w2 - load(pf, o2)) * momenta[k])
                store(sf, o3, w3 + (w3 - load(pf, o3)) * momenta[k])
                store(pf, o0, w0)
                store(pf, o1, w1)
                store(pf, o2, w2)
                store(pf, o3, w3)


@_part
def _column(v: Float, p: Float, c: int, height: int, out: Float, at: int, plane: int, rows: int) -> None:
    """Column c of v - D^H p, real and imaginary part `plane` apart; the row below the last repeats it."""
    for part in range(2):
        a, down = (2 * c + part) * height, (4 * (c + 1) + part) * height
        right, o = down + 2 * height, at + part * plane
        left = right - 4 * height
        for i in range(0, height, WIDTH):
            down_part = load(p, down + i) - load(p, down + i - 1)
            store(out, o + i, load(v, a + i) + down_part + (load(p, right + i) - load(p, left + i)))
        out[o + rows] = out[o + rows - 1]


@_part
def _primal(
    v: Float, p: Float, z: Float, x: Float, last: Float, support: Float, rows: int
) -> tuple[float, float, float]:
    """Write x = v - D^H p, and the old x into `last`; returns <z - x, x - last>, |x - last|^2, |x|^2 in the support."""
    columns, _, height = v.shape
    vf, pf = v.ravel(), p.ravel()
    column = np.empty(2 * height, np.float32)
    uphill = change = size = 0.0
    for c in range(columns):
        _column(vf, pf, c, height, column, 0, height, rows)
        for part in range(2):
            u, d, e = _ZERO, _ZERO, _ZERO
            old, new, ahead, before = column[part * height :], x[c, part], z[c, part], last[c, part]
            seen = support[c]
            for i in range(rows):
                difference = seen[i] * (old[i] - new[i])
                u += (ahead[i] - old[i]) * difference
                d += difference * difference
                e += seen[i] * old[i] * old[i]
                before[i] = new[i]
                new[i] = old[i]
            uphill, change, size = uphill + u, change + d, size + e
    return uphill, change, size


@_part
def _gradient_step(v: Float, z: Float, b: Float, step: np.float32) -> None:
    """The step v = z - step (v - b), where v holds A^H A z."""
    vf, zf, bf = v.ravel(), z.ravel(), b.ravel()
    for i in range(vf.size):
        vf[i] = zf[i] - step * (vf[i] - bf[i])


@_part
def _extrapolate(z: Float, x: Float, last: Float, support: Float, momentum: np.float32) -> None:
    for c in range(x.shape[0]):
        seen = support[c]
        for part in range(2):
            zf, xf, lf = z[c, part], x[c, part], last[c, part]
            for i in range(xf.size):
                zf[i] = xf[i] + momentum * seen[i] * (xf[i] - lf[i])
