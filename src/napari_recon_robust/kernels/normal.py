"""The normal operator of sampled lines, A^H A = sum_i conj(S_i) F^H M F S_i, fused row by row on the CPU.

For each coil 16 rows at a time go through the whole chain (sensitivity, transform, mask, transform back, conjugate
sensitivity, sum), so that they stay in the cache. Centred transforms differ from plain ones by circular shifts.
F^H M F commutes with these, so only the mask has to be shifted.

The transform is mixed-radix, in place and without reordering. The forward one, by decimation in frequency, leaves
its output in digit-reversed order. The mask is brought into that order once, and the backward one, by decimation
in time, starts from it. The rows are the lanes of the vector unit, so that no shuffles are needed.

In the layout "columns first" an image is float32 (columns, 2, height), with real and imaginary part, and the rows are
padded with zeros (`padded`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiler import jit
from .lanes import WIDTH, load, store

Float = NDArray[np.float32]
Integer = NDArray[np.int64]

_kernel, _part = jit({"contract", "nsz"})
_LINE = 2 * WIDTH  # numbers of one column of 16 rows
# Of a NumPy type, since numba compiles a function again for each Python number that is written out in a call.
_REAL, _IMAGINARY, _NEIGHBOURS = np.int64(0), np.int64(WIDTH), np.int64(1)


class Rows(NamedTuple):
    """What the kernel needs of a model; `prepare` makes it.

    sensitivities: (blocks of 16 rows, coils, columns, 2, 16). weights: the mask in digit-reversed order, divided by n.
    radices: one for each stage. twiddles: for each stage but the last cos and sin of 2 pi j k / size, for every
    j < size / radix and 0 < k < radix. roots: for each stage cos and sin of 2 pi k / radix. starts: where each stage's
    twiddles and roots begin.
    """

    sensitivities: Float
    weights: Float
    radices: Integer
    twiddles: Float
    roots: Float
    starts: Integer


def prepare(sensitivities: NDArray[np.complex64], mask: NDArray[np.bool_]) -> Rows:
    """The `Rows` of sensitivities (coils, rows, columns) and sampled lines (columns,)."""
    coils, rows, columns = sensitivities.shape
    blocks = -(-rows // WIDTH)
    layout = np.zeros((blocks * WIDTH, coils, columns, 2), np.float32)
    layout[:rows] = sensitivities.view(np.float32).reshape(coils, rows, columns, 2).transpose(1, 0, 2, 3)
    layout = layout.reshape(blocks, WIDTH, coils, columns, 2).transpose(0, 2, 3, 4, 1)
    radices = _radices(columns)
    order = np.zeros(1, np.int64)
    twiddles, roots, starts = [], [], [(0, 0)]
    size = columns
    for radix in radices:
        sub = size // radix
        twiddles.append(_circle(np.outer(np.arange(sub), np.arange(1, radix)) / size))
        roots.append(_circle(np.arange(radix) / radix))
        starts.append((starts[-1][0] + twiddles[-1].size, starts[-1][1] + roots[-1].size))
        order = (order[:, None] + columns // size * np.arange(radix)).ravel()
        size = sub
    return Rows(
        sensitivities=np.ascontiguousarray(layout),
        weights=(np.fft.ifftshift(mask)[order] / columns).astype(np.float32),
        radices=np.array(radices, np.int64),
        twiddles=np.concatenate(twiddles),
        roots=np.concatenate(roots),
        starts=np.array(starts, np.int64),
    )


def _radices(n: int) -> list[int]:
    """Factors of n: fours, then twos, then odd primes."""
    factors = []
    for factor in (4, 2, *range(3, n + 1, 2)):
        while n % factor == 0:
            factors.append(factor)
            n //= factor
    return factors or [1]


def _circle(turns: NDArray[np.float64]) -> Float:
    """Cos and sin of 2 pi turns, side by side."""
    angles = 2 * np.pi * turns
    return np.stack((np.cos(angles), np.sin(angles)), -1).astype(np.float32).ravel()


def to_columns(image: NDArray[np.complex64], height: int) -> Float:
    """An image (rows, columns) in columns-first layout, padded to `height`."""
    rows, columns = image.shape
    out = np.zeros((columns, 2, height), np.float32)
    out[:, 0, :rows] = image.real.T
    out[:, 1, :rows] = image.imag.T
    return out


def from_columns(image: Float, rows: int) -> NDArray[np.complex64]:
    """The inverse of `to_columns`."""
    out = np.empty((rows, image.shape[0]), np.complex64)
    out.real = image[:, 0, :rows].T
    out.imag = image[:, 1, :rows].T
    return out


def padded(rows: int) -> int:
    """The height of an image in columns-first layout: a multiple of 16 with at least one row to spare."""
    return (rows // WIDTH + 1) * WIDTH


def normal_images(images: NDArray[np.complex64], rows: Sequence[Rows]) -> NDArray[np.complex64]:
    """A^H A of a stack of images (batch, rows, columns); `rows` has one item for all or one for each."""
    out = np.empty_like(images)
    height = padded(images.shape[1])
    for index, image in enumerate(images):
        x = to_columns(image, height)
        y = np.empty_like(x)
        normal(x, y, rows[index if len(rows) > 1 else 0])
        out[index] = from_columns(y, images.shape[1])
    return out


def largest_eigenvalue(rows: Rows, iterations: int) -> float:
    """`ForwardModel.largest_eigenvalue`, by power iteration from an image of ones."""
    blocks, _, columns = rows.sensitivities.shape[:3]
    image = np.ones((columns, 2, blocks * WIDTH), np.float32)
    out, norm = np.empty_like(image), 0.0
    for _ in range(iterations):
        image /= np.linalg.norm(image) or 1.0
        normal(image, out, rows)
        image, out = out, image
        norm = float(np.linalg.norm(image))
    return norm


@_kernel
def normal(image: Float, out: Float, rows: Rows) -> None:
    """Write A^H A image into out, both columns first."""
    blocks, coils, columns = rows.sensitivities.shape[:3]
    height = image.shape[2]
    x, y, s = image.ravel(), out.ravel(), rows.sensitivities.ravel()
    work = np.empty(columns * _LINE, np.float32)
    total = np.empty(columns * _LINE, np.float32)
    scratch = np.empty((columns + 1) * _LINE, np.float32)
    for block in range(blocks):
        total[:] = 0
        for coil in range(coils):
            first = (block * coils + coil) * columns * _LINE
            for column in range(columns):
                at, o, c = 2 * column * height + block * WIDTH, column * _LINE, first + column * _LINE
                xr, xi = load(x, at), load(x, at + height)
                sr, si = load(s, c), load(s, c + WIDTH)
                store(work, o, xr * sr - xi * si)
                store(work, o + WIDTH, xr * si + xi * sr)
            _filter(work, columns, rows.weights, rows.radices, rows.twiddles, rows.roots, rows.starts, scratch)
            for column in range(columns):
                o, c = column * _LINE, first + column * _LINE
                xr, xi = load(work, o), load(work, o + WIDTH)
                sr, si = load(s, c), load(s, c + WIDTH)
                store(total, o, load(total, o) + xr * sr + xi * si)
                store(total, o + WIDTH, load(total, o + WIDTH) + xi * sr - xr * si)
        for column in range(columns):
            at, o = 2 * column * height + block * WIDTH, column * _LINE
            store(y, at, load(total, o))
            store(y, at + height, load(total, o + WIDTH))


@_part
def _filter(
    work: Float,
    columns: int,
    weights: Float,
    radices: Integer,
    twiddles: Float,
    roots: Float,
    starts: Integer,
    scratch: Float,
) -> None:
    """F^H M F of 16 rows in place. In the last stage each group of neighbours goes forward and back at once."""
    last = len(radices) - 1
    size = columns
    for stage in range(last):
        radix = radices[stage]
        turns, unit = twiddles[starts[stage, 0] :], roots[starts[stage, 1] :]
        if radix == 4:
            _forward_four(work, columns, size, turns)
        else:
            stride = size // radix
            for start in range(0, columns, size):
                for j in range(stride):
                    _transform(work, start + j, stride, radix, unit, scratch, _REAL, _IMAGINARY)
                    _turn(work, start + j, stride, radix, turns, j, _REAL, _IMAGINARY)
        size //= radix
    unit = roots[starts[last, 1] :]
    for start in range(0, columns, size):
        sampled = False
        for k in range(start, start + size):
            sampled |= weights[k] > 0
        if sampled:
            _transform(work, start, _NEIGHBOURS, size, unit, scratch, _REAL, _IMAGINARY)
            for k in range(start, start + size):
                store(work, k * _LINE, load(work, k * _LINE) * weights[k])
                store(work, k * _LINE + WIDTH, load(work, k * _LINE + WIDTH) * weights[k])
            _transform(work, start, _NEIGHBOURS, size, unit, scratch, _IMAGINARY, _REAL)
        else:
            work[start * _LINE : (start + size) * _LINE] = 0
    for stage in range(last - 1, -1, -1):
        radix = radices[stage]
        size *= radix
        turns, unit = twiddles[starts[stage, 0] :], roots[starts[stage, 1] :]
        if radix == 4:
            _backward_four(work, columns, size, turns)
        else:
            stride = size // radix
            for start in range(0, columns, size):
                for j in range(stride):
                    _turn(work, start + j, stride, radix, turns, j, _IMAGINARY, _REAL)
                    _transform(work, start + j, stride, radix, unit, scratch, _IMAGINARY, _REAL)


# In what follows `re` and `im` say which half of a column is the real part: exchanging them conjugates the
# transform, since swap(x) = i conj(x).


@_part
def _four(ar, ai, br, bi, cr, ci, dr, di):  # type: ignore[no-untyped-def]
    """The Fourier transform of four numbers."""
    pr, pi, qr, qi = ar + cr, ai + ci, ar - cr, ai - ci
    er, ei, fr, fi = br + dr, bi + di, br - dr, bi - di
    return pr + er, pi + ei, qr + fi, qi - fr, pr - er, pi - ei, qr - fi, qi + fr


@_part
def _forward_four(work: Float, columns: int, size: int, turns: Float) -> None:
    stride = size // 4
    step = stride * _LINE
    for start in range(0, columns, size):
        for j in range(stride):
            o = (start + j) * _LINE
            t = 6 * j
            ar, ai, br, bi, cr, ci, dr, di = _four(
                load(work, o),
                load(work, o + WIDTH),
                load(work, o + step),
                load(work, o + step + WIDTH),
                load(work, o + 2 * step),
                load(work, o + 2 * step + WIDTH),
                load(work, o + 3 * step),
                load(work, o + 3 * step + WIDTH),
            )
            store(work, o, ar)
            store(work, o + WIDTH, ai)
            store(work, o + step, br * turns[t] + bi * turns[t + 1])
            store(work, o + step + WIDTH, bi * turns[t] - br * turns[t + 1])
            store(work, o + 2 * step, cr * turns[t + 2] + ci * turns[t + 3])
            store(work, o + 2 * step + WIDTH, ci * turns[t + 2] - cr * turns[t + 3])
            store(work, o + 3 * step, dr * turns[t + 4] + di * turns[t + 5])
            store(work, o + 3 * step + WIDTH, di * turns[t + 4] - dr * turns[t + 5])


@_part
def _backward_four(work: Float, columns: int, size: int, turns: Float) -> None:
    stride = size // 4
    step = stride * _LINE
    for start in range(0, columns, size):
        for j in range(stride):
            o = (start + j) * _LINE
            t = 6 * j
            br, bi = load(work, o + step), load(work, o + step + WIDTH)
            cr, ci = load(work, o + 2 * step), load(work, o + 2 * step + WIDTH)
            dr, di = load(work, o + 3 * step), load(work, o + 3 * step + WIDTH)
            ai, ar, bi, br, ci, cr, di, dr = _four(
                load(work, o + WIDTH),
                load(work, o),
                bi * turns[t] + br * turns[t + 1],
                br * turns[t] - bi * turns[t + 1],
                ci * turns[t + 2] + cr * turns[t + 3],
                cr * turns[t + 2] - ci * turns[t + 3],
                di * turns[t + 4] + dr * turns[t + 5],
                dr * turns[t + 4] - di * turns[t + 5],
            )
            store(work, o, ar)
            store(work, o + WIDTH, ai)
            store(work, o + step, br)
            store(work, o + step + WIDTH, bi)
            store(work, o + 2 * step, cr)
            store(work, o + 2 * step + WIDTH, ci)
            store(work, o + 3 * step, dr)
            store(work, o + 3 * step + WIDTH, di)


@_part
def _turn(work: Float, first: int, stride: int, radix: int, turns: Float, j: int, re: int, im: int) -> None:
    """Multiply the k-th of `radix` columns by exp(-2 pi i j k / size)."""
    for k in range(1, radix):
        o, t = (first + k * stride) * _LINE, 2 * (j * (radix - 1) + k - 1)
        xr, xi = load(work, o + re), load(work, o + im)
        store(work, o + re, xr * turns[t] + xi * turns[t + 1])
        store(work, o + im, xi * turns[t] - xr * turns[t + 1])


@_part
def _transform(work: Float, first: int, stride: int, radix: int, unit: Float, scratch: Float, re: int, im: int) -> None:
    """The transform of `radix` columns in place: X_k, X_-k = sum_j cos(jk) (x_j + x_-j) -+ i sin(jk) (x_j - x_-j)."""
    o, step = first * _LINE, stride * _LINE
    if radix == 4:
        ar, ai, br, bi, cr, ci, dr, di = _four(
            load(work, o + re),
            load(work, o + im),
            load(work, o + step + re),
            load(work, o + step + im),
            load(work, o + 2 * step + re),
            load(work, o + 2 * step + im),
            load(work, o + 3 * step + re),
            load(work, o + 3 * step + im),
        )
        store(work, o + re, ar)
        store(work, o + im, ai)
        store(work, o + step + re, br)
        store(work, o + step + im, bi)
        store(work, o + 2 * step + re, cr)
        store(work, o + 2 * step + im, ci)
        store(work, o + 3 * step + re, dr)
        store(work, o + 3 * step + im, di)
        return
    if radix == 2:
        ar, ai, br, bi = load(work, o + re), load(work, o + im), load(work, o + step + re), load(work, o + step + im)
        store(work, o + re, ar + br)
        store(work, o + im, ai + bi)
        store(work, o + step + re, ar - br)
        store(work, o + step + im, ai - bi)
        return
    half = radix // 2
    zr, zi = load(work, o + re), load(work, o + im)
    sum_r, sum_i = zr, zi
    for j in range(1, half + 1):
        a, b = o + j * step, o + (radix - j) * step
        ar, ai, br, bi = load(work, a + re), load(work, a + im), load(work, b + re), load(work, b + im)
        sum_r, sum_i = sum_r + (ar + br), sum_i + (ai + bi)
        at = 2 * j * _LINE
        store(scratch, at - _LINE - _LINE, ar + br)
        store(scratch, at - _LINE - _LINE + WIDTH, ai + bi)
        store(scratch, at - _LINE, ar - br)
        store(scratch, at - _LINE + WIDTH, ai - bi)
    store(work, o + re, sum_r)
    store(work, o + im, sum_i)
    for k in range(1, half + 1):
        pr, pi = zr, zi
        qr, qi = zr - zr, zi - zi
        turn = 0
        for j in range(half):
            turn += k
            if turn >= radix:
                turn -= radix
            cos, sin = unit[2 * turn], unit[2 * turn + 1]
            at = 2 * j * _LINE
            pr = pr + load(scratch, at) * cos
            pi = pi + load(scratch, at + WIDTH) * cos
            qr = qr + load(scratch, at + _LINE) * sin
            qi = qi + load(scratch, at + _LINE + WIDTH) * sin
        a, b = o + k * step, o + (radix - k) * step
        store(work, a + re, pr + qi)
        store(work, a + im, pi - qr)
        store(work, b + re, pr - qi)
        store(work, b + im, pi + qr)
