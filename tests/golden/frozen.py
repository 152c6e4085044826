"""Reading, writing and comparing what is frozen."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
INPUTS, DATA, INDEX = FOLDER / "inputs", FOLDER / "data", FOLDER / "index.json"
TOLERANCE = 1e-5  # of an array's largest magnitude
_TEXTS = (".txt", ".json", ".yaml")
_BITS = 20  # kept below that magnitude; the rest is zero and costs no space

Arrays = dict[str, NDArray[Any]]


def read_arrays(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, allow_pickle=False, **{name: _rounded(array) for name, array in arrays.items()})


def golden(id: str) -> Arrays | str | None:
    """What is frozen of an id: arrays, a text, or nothing."""
    arrays, text = _places(id)
    if arrays.exists():
        return read_arrays(arrays)
    return text.read_text(encoding="utf-8") if text.exists() else None


def write_golden(id: str, made: Arrays | str | None) -> None:
    """Freeze it, or with None remove it."""
    arrays, text = _places(id)
    arrays.unlink(missing_ok=True)
    text.unlink(missing_ok=True)
    if isinstance(made, str):
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text(made, encoding="utf-8", newline="\n")
    elif made is not None:
        write_arrays(arrays, made)


def golden_ids() -> list[str]:
    return [name_of(path) for path in files() if DATA in path.parents]


def differences(frozen: Mapping[str, NDArray[Any]], now: Mapping[str, NDArray[Any]], tolerance: float) -> list[str]:
    """What differs, a line for each array; nothing where all agree."""
    found = [f"{name} is missing" for name in frozen.keys() - now.keys()]
    found += [f"{name} is new" for name in now.keys() - frozen.keys()]
    for name in sorted(frozen.keys() & now.keys()):
        old, new = frozen[name], np.asarray(now[name])
        if old.shape != new.shape or old.dtype.kind != new.dtype.kind:
            found.append(f"{name} was {old.dtype} {old.shape} and is {new.dtype} {new.shape}")
        elif old.dtype.kind in "fc":
            size = _largest(old)
            if not np.allclose(new, old, rtol=0, atol=tolerance * size, equal_nan=True):
                off = _largest(new - old) / size if size else np.inf
                found.append(f"{name} differs by {off:.1e} of its largest value; {tolerance:g} is allowed")
        elif not np.array_equal(old, new):
            found.append(f"{name} is another: it was {_short(old)} and is {_short(new)}")
    return found


def read_index() -> dict[str, dict[str, Any]]:
    index: dict[str, dict[str, Any]] = json.loads(INDEX.read_text(encoding="utf-8")) if INDEX.exists() else {}
    return index


def write_index(weights: Mapping[str, list[str]]) -> None:
    """Of all files as they are now; `weights` replaces what is known of these ids."""
    known = {name: entry["weights"] for name, entry in read_index().items() if "weights" in entry} | dict(weights)
    entries = {name_of(path): _entry(path) for path in files()}
    for name in entries.keys() & known.keys():
        if known[name]:
            entries[name]["weights"] = known[name]
    lines = (f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items()))
    INDEX.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="\n")


def altered() -> list[str]:
    """Files that are not those of the index."""
    index, found = read_index(), {name_of(path): _entry(path) for path in files()}
    marks = {name: {key: entry[key] for key in ("bytes", "sha256")} for name, entry in index.items()}
    return sorted(name for name in marks.keys() | found.keys() if marks.get(name) != found.get(name))


def files() -> Iterable[Path]:
    return sorted(path for folder in (INPUTS, DATA) for path in folder.rglob("*") if path.is_file())


def name_of(path: Path) -> str:
    """The id of what a file holds: data/methods/tv.npz is methods/tv, and inputs keep their whole path."""
    if DATA in path.parents:
        return path.relative_to(DATA).with_suffix("").as_posix()
    return path.relative_to(FOLDER).as_posix()


def _places(id: str) -> tuple[Path, Path]:
    return DATA / f"{id}.npz", DATA / f"{id}.txt"


def _entry(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    if path.suffix in _TEXTS:  # git may have given them other line ends
        content = content.replace(b"\r\n", b"\n")
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _rounded(array: NDArray[Any]) -> NDArray[Any]:
    """Single precision, to 2^-20 of the largest magnitude."""
    if array.dtype.kind not in "fc" or not (size := _largest(array)):
        return array
    single = array.astype(np.complex64 if array.dtype.kind == "c" else np.float32)
    unit = np.float32(2.0 ** (np.ceil(np.log2(size)) - _BITS))
    return np.where(np.isfinite(single), np.round(single / unit) * unit, single).astype(single.dtype)


def _largest(array: NDArray[Any]) -> float:
    magnitude = np.abs(array[np.isfinite(array)])
    return float(magnitude.max()) if magnitude.size else 0.0


def _short(array: NDArray[Any]) -> str:
    return str(array) if array.size < 20 else f"{array.dtype} {array.shape}"
