"""What can be done to a file of each type: kinds of mutations.

A kind changes one file of a folder. It is determined by its random generator alone.
"""

import gzip
import io
import json
import os
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from xml.sax.saxutils import escape

from . import odd

Change = Callable[[Path, Random], None]
FEW = 4  # numbers of a kind that has only so many different inputs


@dataclass(frozen=True)
class Kind:
    """change: of one file. suffixes: of the files that it is for. count: how many inputs differ; None for any number.

    later: the change is made between opening and reading.
    """

    name: str
    change: Change
    suffixes: tuple[str, ...] = ("",)
    count: int | None = None
    later: bool = False

    def fits(self, path: Path) -> bool:
        return path.name.lower().endswith(self.suffixes)


def of(paths: Iterable[Path]) -> dict[str, Kind]:
    """The kinds for a folder with these files, by name."""
    files = list(paths)
    return {kind.name: kind for kind in KINDS if any(kind.fits(path) for path in files)}


def apply(kind: Kind, folder: Path, rng: Random) -> None:
    """Change one of the folder's files that the kind is for."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and kind.fits(path))
    path = rng.choice(files)
    try:
        kind.change(path, rng)
    except Exception:  # a library refuses to write such a thing; then the file gets other bytes
        path.write_bytes(path.read_bytes()[:-1] + b"x")


# Any file


def _flip(data: bytearray, rng: Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        end = min(len(data), rng.choice((64, 512, 4096, len(data))))
        data[rng.randrange(end)] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, rng: Random) -> None:
    size = rng.choice((1, 2, 4, 8))
    number = rng.choice((*odd.INTEGERS, rng.getrandbits(64))) & (256**size - 1)
    at = rng.randrange(min(len(data), rng.choice((128, 1024, len(data)))))
    data[at : at + size] = number.to_bytes(size, rng.choice(("little", "big")))


def _cut(data: bytearray, rng: Random) -> None:
    del data[rng.choice((rng.randrange(len(data)), rng.randrange(min(len(data), 600)), len(data) - 1)) :]


def _extended(data: bytearray, rng: Random) -> None:
    data += rng.choice((b"\0", b"\0" * 4096, rng.randbytes(100), bytes(data)))


def _spliced(data: bytearray, rng: Random) -> None:
    size = rng.randrange(1, 300)
    start, end = rng.randrange(len(data)), rng.randrange(len(data))
    block = data[start : start + size]
    if rng.random() < 0.5:
        data[end : end + len(block)] = block
    else:
        del data[end : end + size]


def _zeroed(data: bytearray, rng: Random) -> None:
    at, size = rng.randrange(len(data)), rng.randrange(1, 2000)
    data[at : at + size] = bytes([rng.choice((0, 255))]) * len(data[at : at + size])


def _noise(data: bytearray, rng: Random) -> None:
    data[:] = rng.choice((b"", b"\n", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x1f\x8b\x08", b"{", b"\x93NUMPY")) + (
        rng.randbytes(rng.choice((0, 3, 300)))
    )


def _bytes(change: Callable[[bytearray, Random], None]) -> Change:
    def changed(path: Path, rng: Random) -> None:
        data = bytearray(path.read_bytes())
        if data:
            change(data, rng)
        path.write_bytes(data)

    return changed


def _empty(path: Path, rng: Random) -> None:
    path.write_bytes(b"")


def _sparse(path: Path, rng: Random) -> None:
    """Longer by a hole of some gigabytes."""
    os.truncate(path, path.stat().st_size + rng.choice((3, 5)) * 2**30)


def _fifo(path: Path, rng: Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _device(path: Path, rng: Random) -> None:
    path.unlink()
    path.symlink_to(rng.choice(("/dev/zero", "/dev/urandom", "/dev/full", "/dev/null")))


def _folder(path: Path, rng: Random) -> None:
    path.unlink()
    path.mkdir()


def _missing(path: Path, rng: Random) -> None:
    path.unlink()


def _dangling(path: Path, rng: Random) -> None:
    path.unlink()
    path.symlink_to(rng.choice((path.name, "nothing", f"{path.name}/x")))  # itself, nothing, below itself


def _socket(path: Path, rng: Random) -> None:
    path.unlink()
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket may have 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def _unreadable(path: Path, rng: Random) -> None:
    path.chmod(0)


def _beside(path: Path, rng: Random) -> None:
    """Something hostile that bears the name of a table of annotations."""
    other = path.with_name("other.csv")
    other.write_text("file,slice\n")
    rng.choice((_fifo, _device, _folder, _dangling, _sparse, _socket))(other, rng)


def _half(path: Path, rng: Random) -> None:
    os.truncate(path, path.stat().st_size // rng.choice((2, 10, 10**9)))


def _replaced(path: Path, rng: Random) -> None:
    path.unlink()
    path.write_bytes(rng.randbytes(100))


# Text


def _text(change: Callable[[str, Random], str]) -> Change:
    def changed(path: Path, rng: Random) -> None:
        path.write_text(change(path.read_text("utf-8", "replace"), rng), "utf-8", "surrogatepass")

    return changed


def _words(text: str, rng: Random) -> str:
    """One to three words or numbers are replaced."""
    import re

    for _ in range(rng.choice((1, 1, 2, 3))):
        found = list(re.finditer(r"-?\d[\w.+-]*|\w+", text))
        if found:
            one = rng.choice(found)
            text = text[: one.start()] + str(odd.scalar(rng)) + text[one.end() :]
    return text


def _lines(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = rng.randrange(len(lines))
    act = rng.choice(("gone", "twice", "moved", "indented", "joined"))
    if act == "gone":
        del lines[at]
    elif act == "twice":
        lines.insert(at, lines[at] * rng.choice((1, 1000)))
    elif act == "moved":
        lines.insert(rng.randrange(len(lines)), lines.pop(at))
    elif act == "indented":
        lines[at] = "\t" + lines[at]
    else:
        lines[at] = lines[at].rstrip()
    return "".join(lines)


def _inserted(text: str, rng: Random) -> str:
    at = rng.randrange(len(text) + 1)
    return (
        text[:at] + rng.choice((*odd.WORDS, '"', "'", ",", ":", "{", "[" * 3000, "&", "<", "x" * 200_000)) + text[at:]
    )


def _encoded(path: Path, rng: Random) -> None:
    text = path.read_text("utf-8", "replace")
    coding = rng.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7", "latin"))
    path.write_bytes(b"\xff\xfe\xfa" + text.encode() if coding == "latin" else text.encode(coding, "replace"))


# JSON, YAML


def _json(path: Path, rng: Random) -> None:
    path.write_text(json.dumps(odd.change_tree(json.loads(path.read_text()), rng)), "utf-8")


def _yaml(path: Path, rng: Random) -> None:
    import yaml

    path.write_text(yaml.safe_dump(odd.change_tree(yaml.safe_load(path.read_text()), rng)), "utf-8")


def _yaml_trick(path: Path, rng: Random) -> None:
    text, field = path.read_text(), rng.choice(("arguments", "title", "bank", "presets", "people", "a"))
    levels = rng.choice((6, 9, 12))
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, levels)
    )
    merges = "b0: &b0 {k: 1}\n" + "".join(
        f"b{n}: &b{n} {{<<: [{', '.join([f'*b{n - 1}'] * 9)}]}}\n" for n in range(1, 9)
    )
    path.write_text(
        rng.choice(
            (
                laughs + text,
                f"{text}\n{laughs}{field}: *a{levels - 1}\n",
                f"{text}\n{merges}{field}: *b8\n",
                f"{text}\n{field}: &c [*c]\n",
                f"{text}\n{field}: &c {{c: *c}}\n",
                f"{text}\n{field}: !!python/object/apply:os.getcwd []\n",
                f"{text}\n? [1, 2]\n: 3\n",
                f"{text}\n---\n{text}",
                f"{text}\n{field}: {'[' * 5000}\n",
                f"{text}\n{field}: 0x{'f' * 5000}\n",
                f"{text}\n{field}: 2024-13-45\n",
                f"{text}\n{field}: {'1' * 5000}\n",
                f"{text}\n{field}: {'1:' * 2000}1\n",
                f"{text}\n{field}: !!binary '='\n",
            )
        )
    )


# Tables of studies


def _json_lines(path: Path, rng: Random) -> None:
    lines = path.read_text().splitlines()
    at = rng.randrange(len(lines))
    lines[at] = json.dumps(odd.change_tree(json.loads(lines[at]), rng))
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _parquet(path: Path, rng: Random) -> None:
    """One to three columns get other values, types or names, or go."""
    import polars

    frame = polars.read_parquet(path)
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice(frame.columns)
        act = rng.choice(("cells", "cells", "cells", "cells", "type", "gone", "renamed", "null", "rows", "twice"))
        if act == "cells":
            frame = frame.with_columns(_odd_cells(frame[name], rng))
        elif act == "type":
            frame = frame.with_columns(polars.Series(name, [rng.choice(_ODD_TYPES)] * len(frame)))
        elif act == "gone":
            frame = frame.drop(name)
        elif act == "renamed":
            frame = frame.rename({name: rng.choice(odd.WORDS)})
        elif act == "null":
            frame = frame.with_columns(polars.lit(None).alias(name))
        elif act == "rows":
            frame = rng.choice((frame.clear(), frame.head(1), frame.reverse()))
        else:
            frame = polars.concat([frame] * rng.choice((2, 50)))
    frame.write_parquet(path)


_ODD_TYPES: tuple[Any, ...] = (1, 2.5, "a", b"\xff", True, [1.0], [], {"a": 1}, "2024-01-01", 2**60)


def _odd_cells(column: Any, rng: Random) -> Any:
    """The column with some values of its own type replaced."""
    import polars

    values = column.to_list()
    odd_ones: tuple[Any, ...] = (None, True, False)
    if column.dtype == polars.String:
        odd_ones = (*odd.WORDS, *map(str, odd.INTEGERS), "{", "[1]", "[]", '{"a": 1}', None)
    elif column.dtype.is_numeric():
        odd_ones = (*odd.FLOATS, None) if column.dtype.is_float() else (*odd.INTEGERS, None)
    for at in range(rng.randrange(7), len(values), rng.choice((1, 3, 7, 1000))):
        values[at] = rng.choice(odd_ones)
    return polars.Series(column.name, values, column.dtype, strict=False)


# CSV


def _cells(path: Path, rng: Random) -> None:
    import csv

    with path.open(newline="") as file:
        rows = list(csv.reader(file)) or [[""]]
    for _ in range(rng.choice((1, 1, 2, 3))):
        row = rng.choice(rows)
        act = rng.choice(("value", "value", "value", "value", "gone", "more", "swapped"))
        at = rng.randrange(len(row)) if row else 0
        if act == "more" or not row:
            row += [str(odd.scalar(rng))] * rng.choice((1, 500))
        elif act == "value":
            row[at] = rng.choice((str(odd.scalar(rng)), "y" * 140_000))
        elif act == "gone":
            del row[at]
        else:
            rng.shuffle(row)
    with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.writer(file, escapechar="\\")
        writer.writerows(rows)


# XML


def change_xml(text: str, rng: Random) -> str:
    import re

    act = rng.choice(("number", "number", "number", "number", "tag", "gone", "twice", "deep", "entities", "head"))
    elements = list(re.finditer(r"<(\w+)>([^<>]*)</\1>", text))
    if not elements:
        return _inserted(text, rng)
    one = rng.choice(elements)
    before, after = text[: one.start()], text[one.end() :]
    tag, content = one.groups()
    if act == "number":
        content = escape(str(odd.scalar(rng)))
        return f"{before}<{tag}>{content}</{tag}>{after}"
    if act == "tag":
        return f"{before}<{tag}x>{content}</{tag}>{after}"
    if act == "gone":
        return before + after
    if act == "twice":
        return before + one.group() * rng.choice((2, 3000)) + after
    if act == "deep":
        return before + f"<{tag}>" * 20_000 + f"</{tag}>" * 20_000 + after
    if act == "entities":
        laughs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
        kind = rng.choice((laughs, '<!ENTITY e9 SYSTEM "file:///etc/passwd">', f'<!ENTITY e9 "{"9" * 5000}">'))
        body = f"{before}<{tag}>&e9;</{tag}>{after}".partition("?>")
        return f'<!DOCTYPE a [<!ENTITY e0 "ha">{kind}]>' + (body[2] or body[0])
    return (
        f'<?xml version="1.0" encoding="{rng.choice(("utf-16", "latin-1", "none", "utf-7"))}"?>'
        + text.partition("?>")[2]
    )


# HDF5


def _datasets(file: Any) -> list[str]:
    import h5py

    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def _hdf5(change: Callable[[Any, str, Random], None]) -> Change:
    """change: of the open file and the name of one of its data sets."""

    def changed(path: Path, rng: Random) -> None:
        import h5py

        with h5py.File(path, "r+") as file:
            change(file, rng.choice(_datasets(file)), rng)

    return changed


def _odd_arrays(like: Any, rng: Random) -> Any:
    """Another array or value that HDF5 can store, of the same size where it can be."""
    import h5py
    import numpy as np

    shape = getattr(like, "shape", ())
    words = h5py.string_dtype()
    return rng.choice(
        (
            lambda: np.ones(shape, rng.choice(("i1", "u8", ">f4", "f2", "f8", "?", "c16", ">c8"))),
            lambda: np.full(shape, "a", words),
            lambda: np.full(shape, b"\xff\xfe", "S2"),
            lambda: np.zeros(shape, "V7"),
            lambda: np.zeros(shape, [("r", "f4"), ("j", "f4")]),
            lambda: np.zeros(shape, [("head", "i4"), ("data", "f4")]),
            lambda: h5py.Empty("f4"),
            lambda: odd.scalar(rng) if rng.random() < 0.5 else np.float64(rng.choice(odd.FLOATS)),
            lambda: np.array([rng.choice(odd.FLOATS)]),
            lambda: np.zeros((0,) * max(1, len(shape)), "c8"),
            lambda: np.zeros((3,) * 6, "c8"),
            lambda: np.full(shape, rng.choice(odd.FLOATS), "c8"),
            lambda: np.array([rng.choice(odd.INTEGERS)]),
        )
    )()


def _store(file: Any, name: str, value: Any) -> None:
    if name in file:
        del file[name]
    try:
        file[name] = value
    except (TypeError, ValueError, OverflowError):  # numbers beyond 64 bits, text with NUL
        file[name] = str(value).replace("\0", "0").encode(errors="replace")


def _hdf5_attribute(file: Any, name: str, rng: Random) -> None:
    place = rng.choice((file, file, file[name]))
    key = rng.choice((*place.attrs, "acquisition", "patient_id", "max", "norm", "é"))
    value = _odd_arrays(None, rng) if rng.random() < 0.6 else odd.scalar(rng)
    try:
        place.attrs[key] = value
    except (TypeError, ValueError, OverflowError):
        place.attrs[key] = str(value).replace("\0", "0").encode(errors="replace")


def _hdf5_type(file: Any, name: str, rng: Random) -> None:
    _store(file, name, _odd_arrays(file[name], rng))


def _hdf5_shape(file: Any, name: str, rng: Random) -> None:
    import numpy as np

    old = file[name][()]
    if not isinstance(old, np.ndarray) or old.ndim == 0:
        _store(file, name, [old] * rng.choice((0, 1, 3)))
        return
    axis = rng.randrange(old.ndim)
    _store(
        file,
        name,
        rng.choice(
            (
                lambda: old[..., None],
                lambda: old[None],
                lambda: old[0],
                lambda: old.ravel(),
                lambda: old.T,
                lambda: np.take(old, [], axis),
                lambda: np.take(old, [0], axis),
                lambda: np.concatenate([old, old], axis),
                lambda: np.take(old, range(max(1, old.shape[axis] - 1)), axis),
            )
        )(),
    )


def _hdf5_huge(file: Any, name: str, rng: Random) -> None:
    """Declared, not stored."""
    old = file[name]
    kind = old.dtype
    shape = list(old.shape or (1,))
    shape[rng.randrange(len(shape))] = rng.choice((10**5, 10**7, 3 * 10**9, 2**40))
    if rng.random() < 0.3:
        shape = [rng.choice((10**3, 10**5, 10**9))] * len(shape)
    del file[name]
    options = {"compression": "gzip"} if rng.random() < 0.5 and not kind.hasobject else {}
    file.create_dataset(name, tuple(shape), kind, chunks=tuple(min(n, 16) for n in shape), **options)


def _hdf5_values(file: Any, name: str, rng: Random) -> None:
    import numpy as np

    old = file[name]
    if old.dtype.kind not in "fciub" or not old.size:
        _hdf5_type(file, name, rng)
        return
    values = np.atleast_1d(old[()])
    part = values.reshape(-1)[:: rng.choice((1, 1, 2, 7))]
    with np.errstate(all="ignore"):
        part[...] = np.asarray(rng.choice(odd.FLOATS)).astype(old.dtype)
        if old.dtype.kind in "fc" and rng.random() < 0.4:
            values = values * np.asarray(rng.choice((1e-30, 1e30, 1e-22, 0, -1)), old.dtype)
    _store(file, name, values.reshape(old.shape))


def _hdf5_tree(file: Any, name: str, rng: Random) -> None:
    """Missing, renamed, a group in its place, links that lead elsewhere."""
    import h5py

    act = rng.choice(("missing", "renamed", "group", "itself", "dangling", "external", "other", "circle", "many"))
    old = file[name][()] if act == "renamed" else None
    if act in ("missing", "renamed", "group", "itself", "dangling", "external", "other"):
        others = [one for one in _datasets(file) if one != name]
        del file[name]
    if act == "renamed":
        _store(file, rng.choice(("kspace", "mask", "x", "é", "a/b/c", "reconstruction_rss", "x" * 5000)), old)
    elif act == "group":
        file.create_group(f"{name}/xml")
    elif act == "itself":
        file[name] = h5py.SoftLink(f"/{name}")
    elif act == "dangling":
        file[name] = h5py.SoftLink("/nothing")
    elif act == "external":
        file[name] = h5py.ExternalLink(rng.choice(("/etc/passwd", "other.h5")), "/kspace")
    elif act == "other" and others:
        file[name] = file[rng.choice(others)]
    elif act == "circle":
        file["circle"] = file["/"]
    elif act == "many":
        for number in range(rng.choice((100, 11_000))):
            file[f"more{number}"] = h5py.SoftLink(f"/{name}")


def _hdf5_chunk(file: Any, name: str, rng: Random) -> None:
    """A compressed chunk that is no such thing, or one that expands to far more."""
    old = file[name]
    if old.chunks is None or old.dtype.hasobject:
        _hdf5_huge(file, name, rng)
        return
    bad = rng.choice((b"", b"\0", zlib.compress(bytes(10**7)), rng.randbytes(50), zlib.compress(b"\1" * 7)))
    file[name].id.write_direct_chunk((0,) * old.ndim, bad, rng.choice((0, 0, 1, 3)))


def _hdf5_xml(file: Any, name: str, rng: Random) -> None:
    found = [one for one in _datasets(file) if one.endswith(("xml", "header"))]
    if not found:
        _hdf5_tree(file, name, rng)
        return
    old = file[found[0]][()]
    text = old if isinstance(old, bytes) else old[0]
    changed = change_xml(text.decode(), rng).replace("\0", "&#0;").encode(errors="replace")
    _store(file, found[0], changed if isinstance(old, bytes) else [changed])


def _hdf5_table(file: Any, name: str, rng: Random) -> None:
    """Fields of a table: the heads and samples of acquisitions."""
    import numpy as np

    found = [one for one in _datasets(file) if file[one].dtype.names]
    if not found:
        _hdf5_values(file, name, rng)
        return
    table = file[found[0]][()]
    row = rng.choice((slice(None), rng.randrange(len(table)), slice(None, None, 2)))
    for _ in range(rng.choice((1, 1, 2))):
        part: Any = table
        while part.dtype.names:
            part = part[rng.choice(part.dtype.names)]
        if part.dtype.hasobject:
            sizes = rng.choice((0, 1, 3, 7, 127, 1000))
            for number in range(len(part))[row] if isinstance(row, slice) else [row]:
                part[number] = np.full(sizes, rng.choice((0, 1, np.nan, np.inf)), np.float32)
        else:
            bits = part.dtype.itemsize * 8
            chosen = rng.choice((*odd.INTEGERS, 2**18, 2**19, 2**21, rng.getrandbits(63)))
            number = chosen % 2 ** (bits - 1) if part.dtype.kind in "iu" else rng.choice(odd.FLOATS)
            part[row] = np.asarray(number).astype(part.dtype)
    _store(file, found[0], table)


# NumPy


def _npy_header(path: Path, rng: Random) -> None:
    data = path.read_bytes()
    length = int.from_bytes(data[8:10], "little")
    header, body = data[10 : 10 + length].decode("latin1"), data[10 + length :]
    shape = rng.choice(
        (
            "()",
            "(-1,)",
            "(1,)",
            "(0, 3)",
            "(10**9,)",
            "(3000000000, 4, 16)",
            "(2, 4, 16, 16, 1)",
            "(16, 4, 16, 2)",
            "'a'",
        )
    )
    kind = rng.choice(
        ("|O", "<U9", "<f4", "|b1", "<c16", ">c8", "<M8[s]", "|V8", "<i9", "<f2", "c8" * 1000, "|S0", "<U0")
    )
    header = rng.choice(
        (
            f"{{'descr': '{kind}', 'fortran_order': False, 'shape': (2, 4, 16, 16), }}",
            f"{{'descr': '<c8', 'fortran_order': {rng.choice(('True', '1', 'None'))}, 'shape': {shape}, }}",
            f"{{'descr': [('a', '<f4'), ('b', '{kind}')], 'fortran_order': False, 'shape': {shape}, }}",
            f"{{'descr': [('a', '<f4', {shape})], 'fortran_order': False, 'shape': (2,), }}",
            "(" * rng.choice((50, 3000)),
            "{" * rng.choice((50, 3000)),
            "-" * 9000 + "1",
            "9**9**9",
            header.replace("shape", "form"),
            header.replace("'descr'", "b'descr'"),
            "[]",
            f"{{'descr': '<c8', 'fortran_order': False, 'shape': {shape}, 'more': 1}}",
            str({"descr": odd.value(rng), "fortran_order": odd.value(rng), "shape": odd.value(rng)}),
        )
    )
    text = header.encode("latin1", "replace").ljust(118 if len(header) < 118 else 0)
    version, size = rng.choice(((b"\1\0", 2), (b"\1\0", 2), (b"\2\0", 4), (b"\3\0", 4), (b"\7\0", 2)))
    declared = rng.choice((len(text), len(text), len(text), 0, 2**15)) % 2 ** (8 * size)
    path.write_bytes(b"\x93NUMPY" + version + declared.to_bytes(size, "little") + text + body)


def _npy_values(path: Path, rng: Random) -> None:
    import numpy as np

    array = np.load(path)
    array.reshape(-1)[:: rng.choice((1, 2, 7))] = np.asarray(rng.choice(odd.FLOATS)).astype(array.dtype)
    np.save(path, array)


def _npy_array(path: Path, rng: Random) -> None:
    import numpy as np

    shape = rng.choice(((), (0,), (1,), (2, 0, 3), (16,), (16, 16), (1, 1, 1, 1), (2, 3, 4, 5, 6), (1, 300), (7, 5, 3)))
    kind = rng.choice(("?", "i1", "u8", ">f4", "f2", "c8", "c16", "U3", "S0", "M8[s]", "V3"))
    array = np.zeros(shape, kind)
    if array.dtype.kind in "iufcb" and rng.random() < 0.7:
        array = (np.random.default_rng(rng.getrandbits(32)).normal(size=shape) * 3).astype(kind)
    np.save(path, array)


# ZIP archives: .npz, .pt2, .pt


def _members(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        return [(one.filename, archive.read(one)) for one in archive.infolist()]


def _write_members(path: Path, members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> None:
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore")  # a name twice is meant
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)


def _zip_members(path: Path, rng: Random) -> None:
    members = _members(path)
    at = rng.randrange(len(members))
    name, data = members[at]
    act = rng.choice(("missing", "renamed", "twice", "bytes", "bytes", "bytes", "empty", "more", "swapped", "packed"))
    if act == "missing":
        del members[at]
    elif act == "renamed":
        members[at] = rng.choice(("../x", "/etc/x", "x" * 5000, "", "x\0y", f"{name}x", name.upper())), data
    elif act == "twice":
        members.append((name, rng.choice((data, b""))))
    elif act == "bytes" and data:
        changed = bytearray(data)
        rng.choice((_flip, _overwrite, _cut, _extended, _spliced, _zeroed))(changed, rng)
        members[at] = name, bytes(changed)
    elif act == "empty":
        members[at] = name, b""
    elif act == "more":
        folder = name.split("/")[0]
        members.append((rng.choice((f"{folder}/data/aotinductor/x.so", f"{folder}/x", "x.py", "new.npy")), b"abc"))
    elif act == "swapped":
        members[at] = name, rng.choice(members)[1]
    _write_members(path, members, zipfile.ZIP_DEFLATED if act == "packed" else zipfile.ZIP_STORED)


def _zip_json(path: Path, rng: Random) -> None:
    members = _members(path)
    found = [n for n, (name, _) in enumerate(members) if name.endswith(".json")]
    if not found:
        _zip_members(path, rng)
        return
    name, data = members[
        at := max(found, key=lambda n: len(members[n][1])) if rng.random() < 0.8 else rng.choice(found)
    ]
    members[at] = name, json.dumps(odd.change_tree(json.loads(data), rng)).encode()
    _write_members(path, members)


EXPRESSIONS = (
    "9**9**9",
    "2**(10**9)",
    "factorial(10**6)",
    "s0/0",
    "Max(" * 500,
    "oo",
    "zoo",
    "__import__('os').getcwd()",
)
EXPRESSIONS += (
    "s0**s0**s0",
    "Mod(s0, 0)",
    "binomial(10**7, 10**6)",
    "1e999",
    "-s0",
    "lambda: 0",
    "Sum(1/s0, (s0, 1, 10**9))",
)
EXPRESSIONS += ("exp(exp(exp(exp(9))))", "nextprime(10**40)", "s0+" * 5000 + "1", "(" * 3000, "N(pi, 10**8)", "")


def _zip_expression(path: Path, rng: Random) -> None:
    """Formulas of sizes, and conditions on them, become others."""
    members = _members(path)
    changed = []
    for name, data in members:
        tree = json.loads(data) if name.endswith(".json") else None
        found = [place for place in odd.places(tree) if place[1] in ("expr_str", "guards_code", "range_constraints")]
        if found:
            part, key = rng.choice(found)
            text = rng.choice(EXPRESSIONS)
            part[key] = {"expr_str": text, "guards_code": [text], "range_constraints": {text: part[key]}}[key]
            data = json.dumps(tree).encode()
        changed.append((name, data))
    _write_members(path, changed)


def zeros(gigabytes: float) -> bytes:
    """Raw deflate of so many gigabytes of zeros."""
    block, count = bytes(2**24), max(1, int(gigabytes * 64))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    return one * count + b"\x03\x00"


def _zip_bomb(path: Path, rng: Random) -> None:
    """A member that expands to gigabytes; its check sum is of nothing, which is known only at its end."""
    members = _members(path)
    at = rng.randrange(len(members))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members[:at] + members[at + 1 :]:
            archive.writestr(zipfile.ZipInfo(name), data)
    gigabytes = rng.choice((2.5, 4.9, 30))
    data, size = zeros(min(gigabytes, 5)), min(int(gigabytes * 2**30), 2**32 - 2)
    name = members[at][0].encode()
    whole = out.getvalue()
    end = whole.rindex(b"PK\5\6")
    count, length, offset = struct.unpack("<HII", whole[end + 10 : end + 20])
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, 0, len(data), size, len(name), 0) + name + data
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 33, 0, len(data), size, len(name), 0, 0, 0, 0, 0, offset
    )
    directory = whole[offset : offset + length] + entry + name
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count + 1, count + 1, len(directory), offset + len(local), 0)
    path.write_bytes(whole[:offset] + local + directory + tail)


def _gzip_bomb(path: Path, rng: Random) -> None:
    """What the file holds, and then gigabytes of zeros; its header may ask for them."""
    head = bytearray(gzip.decompress(path.read_bytes()))
    if rng.random() < 0.7:
        head[40:56] = struct.pack("<8h", 3, 1500, 1500, 1500, 1, 1, 1, 1)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(bytes(head)) + packer.flush(zlib.Z_FULL_FLUSH)
    body = first + zeros(rng.choice((3, 6)))
    path.write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + body + struct.pack("<2I", 0, 2**31))


def _gzip_inside(change: Change) -> Change:
    """A change of what is compressed."""

    def changed(path: Path, rng: Random) -> None:
        inside = path.with_name("inside")
        inside.write_bytes(gzip.decompress(path.read_bytes()))
        change(inside, rng)
        path.write_bytes(gzip.compress(inside.read_bytes(), mtime=0))
        inside.unlink()

    return changed


# NIfTI


def _nifti(path: Path, rng: Random) -> None:
    import numpy as np
    from nibabel.nifti1 import header_dtype

    data = bytearray(path.read_bytes())
    header = np.frombuffer(data[:348], header_dtype).copy()
    likely = ("dim", "dim", "dim", "datatype", "bitpix", "vox_offset", "scl_slope", "scl_inter", "pixdim", "magic")
    likely += ("sizeof_hdr", "qform_code", "sform_code", "srow_x", "srow_y", "srow_z", "quatern_b")
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice((*likely, *likely, *header_dtype.names))
        field = header[name].reshape(-1)
        if field.dtype.kind == "S":
            field[0] = rng.choice((b"", b"ni1", b"n+2", b"\xff"))
        else:
            values = odd.INTEGERS if field.dtype.kind in "iu" else odd.FLOATS
            place = rng.choice((slice(None), rng.randrange(len(field))))
            with np.errstate(all="ignore"):
                field[place] = np.asarray(rng.choice((*values, 8, 16, 32, 64, 512, 2048))).astype(field.dtype)
    data[:348] = header.tobytes()
    path.write_bytes(data)


def _nifti_values(path: Path, rng: Random) -> None:
    import nibabel
    import numpy as np

    shape = rng.choice(
        ((16, 18, 14), (1, 1, 1), (2, 2, 2), (16, 1, 16), (8, 8), (4, 4, 4, 1), (4, 4, 4, 3), (40, 3, 3))
    )
    values = np.random.default_rng(rng.getrandbits(32)).normal(size=shape) * rng.choice((0, 1, 1e30, 1e-30))
    with np.errstate(all="ignore"):
        values.reshape(-1)[:: rng.choice((1, 5))] = rng.choice(odd.FLOATS)
        nibabel.save(nibabel.Nifti1Image(values.astype(rng.choice(("f4", "f8", "i2", "c8"))), None), path)


# DICOM


def _dicom(path: Path, rng: Random) -> None:
    import pydicom

    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    image = pydicom.dcmread(path)
    likely = ("Rows", "Columns", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "PixelData")
    likely += ("BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation", "RescaleSlope", "SeriesInstanceUID")
    likely += ("HighBit", "PixelRepresentation", "BitsStored", "NumberOfFrames", "EchoTime", "PatientID")
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(likely)
        many = rng.choice((0, 1, 2, 3, 6, 7))
        kind = rng.choice(("gone", "number", "number", "text", "several"))
        try:
            if kind == "gone":
                delattr(image, name)
            elif name == "PixelData":
                image.PixelData = rng.choice((b"", b"\0", bytes(7), bytes(10**6)))
            elif name in ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "HighBit", "BitsStored"):
                setattr(image, name, rng.choice((0, 1, 2, 7, 8, 12, 32, 64, 65535)))
            elif kind == "several":
                setattr(image, name, [rng.choice((*odd.FLOATS, 1, 2))] * many)
            elif kind == "number":
                setattr(image, name, rng.choice((0, -1, 1e30, 1e-30, float("nan"), float("inf"), 10**9)))
            else:
                setattr(image, name, rng.choice(odd.WORDS))
        except (TypeError, ValueError, AttributeError, OverflowError):
            continue
    if rng.random() < 0.15:
        uids = ("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90", "1.2.3", "")
        image.file_meta.TransferSyntaxUID = pydicom.uid.UID(rng.choice(uids))
    out = io.BytesIO()
    try:
        pydicom.dcmwrite(out, image, implicit_vr=False, little_endian=True, force_encoding=True)
    except Exception:  # what cannot be written is written by hand
        data = bytearray(path.read_bytes())
        _overwrite(data, rng)
        out = io.BytesIO(data)
    path.write_bytes(out.getvalue())


# Weights and checkpoints


def _safetensors(change: Callable[[dict[str, Any], Random], Any]) -> Change:
    def changed(path: Path, rng: Random) -> None:
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        header = change(json.loads(data[8 : 8 + length]), rng)
        text = (header if isinstance(header, str) else json.dumps(header)).encode("utf-8", "surrogatepass")
        text += b" " * (-len(text) % 8)
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])

    return changed


def _described(header: dict[str, Any], rng: Random) -> Any:
    """The metadata change: JSON within JSON."""
    texts = [key for key, value in header.get("__metadata__", {}).items() if value.startswith("{")]
    if not texts:
        return odd.change_tree(header, rng)
    key = rng.choice(texts)
    if rng.random() < 0.2:
        header["__metadata__"][key] = _inserted(header["__metadata__"][key], rng)
    else:
        header["__metadata__"][key] = json.dumps(odd.change_tree(json.loads(header["__metadata__"][key]), rng))
    return header


def _safetensors_length(path: Path, rng: Random) -> None:
    data = path.read_bytes()
    length = rng.choice(
        (0, 1, 2, 10**8, 2**31, 2**63, 2**64 - 1, int.from_bytes(data[:8], "little") + rng.randint(-9, 9))
    )
    path.write_bytes((length % 2**64).to_bytes(8, "little") + data[8:])


def odd_tensor(old: Any, rng: Random) -> Any:
    """Another tensor in place of a tensor, or another value."""
    import torch

    if not isinstance(old, torch.Tensor):
        return odd.value(rng)
    return rng.choice(
        (
            lambda: old.new_zeros(old.shape),
            lambda: old[None],
            lambda: old.flatten()[:-1],
            lambda: old.new_zeros(0),
            lambda: old.new_zeros(()),
            lambda: torch.full_like(old, rng.choice(odd.FLOATS)) if old.is_floating_point() else old,
            lambda: old.to(rng.choice((torch.float16, torch.float64, torch.int8, torch.bool, torch.complex64))),
            lambda: odd.value(rng),
        )
    )()


def _safetensors_tensors(path: Path, rng: Random) -> None:
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    with safe_open(path, "pt") as file:
        about = file.metadata()
    tensors = load_file(path)
    for name in rng.sample(sorted(tensors), min(len(tensors), rng.choice((1, 1, 2, 1000)))):
        value = odd_tensor(tensors[name], rng)
        tensors[name] = value.clone() if isinstance(value, torch.Tensor) else torch.zeros(3)
    save_file(tensors, path, about)


def _pickled(path: Path, rng: Random) -> None:
    """The tree of a checkpoint, changed and written again by torch."""
    import torch

    tree = torch.load(path, weights_only=True)
    torch.save(odd.change_tree(tree, rng, odd_tensor), path)


def _pickle_trick(path: Path, rng: Random) -> None:
    import pickle

    import torch

    class Runs:
        def __reduce__(self) -> Any:
            return os.getcwd, ()

    content = rng.choice(
        (Runs(), {"state_dict": Runs()}, [1] * 1000, odd.deep(900), "", None, {"state_dict": {}}, {1: 2})
    )
    if rng.random() < 0.5:
        path.write_bytes(pickle.dumps(content, rng.choice((0, 2, 4))))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=rng.random() < 0.7)


# ONNX


def _onnx(path: Path, rng: Random) -> None:
    """Fields of the messages change."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    for _ in range(rng.choice((1, 1, 2))):
        messages, waiting = [], [model]
        while waiting:
            message = waiting.pop()
            messages.append(message)
            for field, value in message.ListFields():
                if field.message_type is not None:
                    waiting += list(value) if not hasattr(value, "ListFields") else [value]
        message = rng.choice(messages)
        field = rng.choice(message.DESCRIPTOR.fields)
        try:
            _set(message, field, rng)
        except (TypeError, ValueError, AttributeError):
            continue
    path.write_bytes(model.SerializeToString())


def _set(message: Any, field: Any, rng: Random) -> None:
    if rng.random() < 0.2 or field.message_type is not None:
        message.ClearField(field.name)
        return
    value: Any = rng.choice((*odd.INTEGERS, 11, 17, 5000))
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        value = rng.choice(odd.FLOATS)
    elif field.cpp_type == field.CPPTYPE_STRING:
        value = rng.choice((*odd.WORDS, "Conv", "If", "Loop", "Identity", "ConstantOfShape", "Expand", "Tile", "image"))
        value = value.encode() if field.type == field.TYPE_BYTES else value
    there = getattr(message, field.name)
    if hasattr(there, "append"):
        if there and rng.random() < 0.7:
            there[rng.randrange(len(there))] = value
        else:
            there.append(value)
    else:
        setattr(message, field.name, value)


# Pictures


def _png(path: Path, rng: Random) -> None:
    """Another size or type in the header, with the right check sum."""
    data = bytearray(path.read_bytes())
    width, height = (rng.choice((0, 1, 16, 5000, 60_000, 2**31 - 1, 2**32 - 1)) for _ in range(2))
    head = struct.pack(
        ">2I5B", width, height, *rng.choice(((8, 0, 0, 0, 0), (16, 6, 0, 0, 0), (1, 3, 0, 0, 1), (9, 9, 9, 9, 9)))
    )
    data[16:29] = head
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)


# Python

SCRIPTS = (
    "",
    "def",
    "raise SystemExit(3)",
    "import nothing_of_that_name",
    "reconstruct = 3",
    "reconstruct = None",
    "class reconstruct: pass",
    "1 / 0",
    "raise Exception('a\\nb' * 3000)",
    "def reconstruct(): return 1",
    "def reconstruct(k, m, s): return None",
    "def reconstruct(k, m, s): raise ValueError('a\\nb' * 3000)",
    "def reconstruct(k, m, s): return k",
    "def reconstruct(k, m, s): return s.sum(0) * float('nan')",
    "def reconstruct(k, m, s): raise SystemExit",
    "def f(): f()\nf()",
    "\0",
    "# -*- coding: nothing -*-\n",
    "(" * 300,
    "-" * 100_000 + "1",
    "class A:\n def __getattr__(self, n): raise OSError(n)\nreconstruct = A()",
)


def _script(path: Path, rng: Random) -> None:
    path.write_text(rng.choice(SCRIPTS))


_TEXT = (".json", ".jsonl", ".yaml", ".csv", ".hdr", ".md")
_ZIP = (".npz", ".pt2", ".pt", ".zip")
KINDS = (
    Kind("flipped", _bytes(_flip)),
    Kind("overwritten", _bytes(_overwrite)),
    Kind("cut", _bytes(_cut)),
    Kind("extended", _bytes(_extended)),
    Kind("spliced", _bytes(_spliced)),
    Kind("zeroed", _bytes(_zeroed)),
    Kind("noise", _bytes(_noise)),
    Kind("empty", _empty, count=FEW),
    Kind("sparse", _sparse, count=FEW),
    Kind("fifo", _fifo, count=FEW),
    Kind("device", _device, count=2 * FEW),
    Kind("folder", _folder, count=FEW),
    Kind("missing", _missing, count=FEW),
    Kind("dangling", _dangling, count=2 * FEW),
    Kind("socket", _socket, count=FEW),
    *((Kind("unreadable", _unreadable, count=FEW),) if os.geteuid() else ()),  # root may read all
    Kind("beside", _beside, count=3 * FEW),
    Kind("half-while-open", _half, count=2 * FEW, later=True),
    Kind("replaced-while-open", _replaced, count=FEW, later=True),
    Kind("words", _text(_words), _TEXT),
    Kind("lines", _text(_lines), _TEXT),
    Kind("inserted", _text(_inserted), _TEXT),
    Kind("encoded", _encoded, _TEXT),
    Kind("json", _json, (".json",)),
    Kind("json-lines", _json_lines, (".jsonl",)),
    Kind("parquet", _parquet, (".parquet",)),
    Kind("yaml", _yaml, (".yaml",)),
    Kind("yaml-trick", _yaml_trick, (".yaml",)),
    Kind("cells", _cells, (".csv",)),
    Kind("h5-attribute", _hdf5(_hdf5_attribute), (".h5", ".mrd")),
    Kind("h5-type", _hdf5(_hdf5_type), (".h5", ".mrd")),
    Kind("h5-shape", _hdf5(_hdf5_shape), (".h5", ".mrd")),
    Kind("h5-huge", _hdf5(_hdf5_huge), (".h5", ".mrd")),
    Kind("h5-values", _hdf5(_hdf5_values), (".h5", ".mrd")),
    Kind("h5-tree", _hdf5(_hdf5_tree), (".h5", ".mrd")),
    Kind("h5-chunk", _hdf5(_hdf5_chunk), (".h5", ".mrd")),
    Kind("h5-xml", _hdf5(_hdf5_xml), (".h5", ".mrd")),
    Kind("h5-table", _hdf5(_hdf5_table), (".mrd",)),
    Kind("npy-header", _npy_header, (".npy",)),
    Kind("npy-values", _npy_values, (".npy",)),
    Kind("npy-array", _npy_array, (".npy",)),
    Kind("zip-members", _zip_members, _ZIP),
    Kind("zip-json", _zip_json, (".pt2",)),
    Kind("zip-expression", _zip_expression, (".pt2",)),
    Kind("zip-bomb", _zip_bomb, _ZIP, count=FEW),
    Kind("gzip-bomb", _gzip_bomb, (".gz",), count=FEW),
    Kind("gzip-inside", _gzip_inside(_nifti), (".gz",)),
    Kind("nifti", _nifti, (".nii",)),
    Kind("nifti-values", _nifti_values, (".nii", ".nii.gz")),
    Kind("dicom", _dicom, (".dcm",)),
    Kind("safetensors-header", _safetensors(odd.change_tree), (".safetensors",)),
    Kind("safetensors-described", _safetensors(_described), (".safetensors",)),
    Kind("safetensors-length", _safetensors_length, (".safetensors",)),
    Kind("safetensors-tensors", _safetensors_tensors, (".safetensors",)),
    Kind("pickled", _pickled, (".pt",)),
    Kind("pickle-trick", _pickle_trick, (".pt",)),
    Kind("onnx", _onnx, (".onnx",)),
    Kind("png", _png, (".png",)),
    Kind("script", _script, (".py",)),
)
