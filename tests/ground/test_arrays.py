"""Arrays read by file reads: every part equals NumPy's, and a file that changes gives a sentence."""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import napari_recon_robust as rr
from napari_recon_robust.ground import arrays
from napari_recon_robust.ground.arrays import StoredArray, open_npy, read_npy, read_npz
from napari_recon_robust.ground.errors import FileFormatError


@pytest.mark.slow
@given(data=st.data(), block=st.sampled_from([1, 100, 2**16]), order=st.sampled_from("CF"))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_part_is_that_of_numpy(tmp_path: Path, data: Any, block: int, order: Any) -> None:
    shape = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    array = np.asarray(np.random.default_rng(0).standard_normal(shape), order=order)
    index = tuple(
        data.draw(st.one_of(st.integers(0, n - 1), st.slices(n).filter(lambda s: (s.step or 1) > 0))) for n in shape
    )[: data.draw(st.integers(0, len(shape)))]
    np.save(tmp_path / "a.npy", array)
    whole, arrays._BLOCK = arrays._BLOCK, block
    try:
        stored = open_npy(tmp_path / "a.npy")
        np.testing.assert_array_equal(stored[index], array[index])
        stored.close()
    finally:
        arrays._BLOCK = whole


def test_headers_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.ones((4, 8), np.complex64))
    sound = path.read_bytes()
    for old, new in (
        (b"(4, 8)", b"(4,-8)"),
        (b"(4, 8)", b"(9**9,"),
        (b"'<c8'", b"'|O8'"),
        (b"'<c8'", b"'|V0'"),
        (b"\x93NUMPY\x01", b"\x93NUMPY\x09"),
        (b"{", b"["),
        (sound[10:], b""),
        (sound, b""),
    ):
        path.write_bytes(sound.replace(old, new))
        with pytest.raises(FileFormatError, match="a.npy cannot be read as a NumPy array"):
            open_npy(path)
    huge = sound.replace(b"(4, 8), }        ", b"(4, 800000000), }")
    path.write_bytes(huge)
    with pytest.raises(FileFormatError, match="so it is truncated"):
        read_npy(path)


@pytest.mark.parametrize("name", ["scan.npy", "scan.cfl"])
def test_a_scan_that_becomes_shorter_while_it_is_open(tmp_path: Path, name: str) -> None:
    """With a memory map the process would end."""
    path = tmp_path / name
    kspace = np.ones((3, 4, 64, 64), np.complex64)
    if name.endswith("npy"):
        np.save(path, kspace)
    else:
        path.with_suffix(".hdr").write_text("# Dimensions\n64 64 1 4 1 1 1 1 1 1 1 1 1 3\n", encoding="ascii")
        kspace.tofile(path)
    axes = ("slice", "coil", "readout", "phase") if name.endswith("npy") else None
    with rr.open_scan(path, axes) as scan:
        assert scan.kspace(0).shape == (4, 64, 64)
        os.truncate(path, 200_000)
        with pytest.raises(FileFormatError, match=f"{name} has become shorter since it was opened"):
            scan.kspace(2)


@pytest.mark.slow
def test_archives_of_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    given = {"images": np.arange(12.0).reshape(3, 4), "turned": np.asfortranarray(np.ones((2, 5))), "none": np.zeros(0)}
    np.savez_compressed(path, **given)
    read = read_npz(path)
    assert read.keys() == given.keys()
    assert all(np.array_equal(read[name], array) for name, array in given.items())
    read["images"][0] = 1  # is not read-only
    np.savez(path, objects=np.array([{}], object))
    with pytest.raises(FileFormatError, match="Python objects"):
        read_npz(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.npy", bytes(10**8))
    with pytest.raises(FileFormatError, match="a.npz"):
        read_npz(path)
    (tmp_path / "b.npy").write_bytes(b"")
    np.save(path.with_suffix(".npy"), np.ones((4, 8)))
    content = path.with_suffix(".npy").read_bytes().replace(b"(4, 8), }        ", b"(4, 800000000), }")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("large.npy", content)
    with pytest.raises(FileFormatError, match="large.npy is truncated"):
        read_npz(path)


def test_a_stored_array_says_what_it_is(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((4, 8), np.complex64))
    stored = open_npy(tmp_path / "a.npy")
    assert isinstance(stored, StoredArray)
    assert (stored.shape, stored.ndim, stored.dtype) == ((4, 8), 2, np.complex64)
    stored.close()
