"""What a file is that no format here reads, and what can be done about it."""

import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..ground.guard import head, opening, status
from ..ground.hdf5 import described, is_hdf5, open_hdf5

_LONGEST, _PACKED = 352, 4096  # bytes that are looked at: those of a NIfTI header, and of a packed file
_GZIP, _WITH_HEADER = b"\x1f\x8b", 31  # zlib's number for what has gzip's header


class Kind(NamedTuple):
    """A kind of file that people have beside their k-space: it has one of the marks at a place of its content."""

    place: int
    marks: tuple[bytes, ...]
    words: str


KINDS = (
    Kind(344, (b"n+1\0", b"ni1\0"), "a NIfTI image, which has no k-space"),
    Kind(128, (b"DICM",), "a DICOM image, which has no k-space"),
    Kind(0, (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*"), "a picture, which has no k-space"),
    Kind(0, (_GZIP, b"BZh", b"\xfd7zXZ\0"), "a packed file: unpack it first"),
    Kind(0, (b"PK\x03\x04",), "a ZIP archive (.npz files are): unpack it first"),
    Kind(0, (b"MATLAB 5.0",), "of MATLAB's older format: save its k-space with -v7.3"),
)
RAW = {
    ".dat": "perhaps raw data of Siemens: convert it with siemens_to_ismrmrd",
    ".7": "perhaps raw data of GE: convert it with ge_to_ismrmrd",
    ".raw": "perhaps raw data of Philips: convert it with philips_to_ismrmrd",
    ".mat": "perhaps of MATLAB's oldest format: save its k-space with -v7.3",
    ".lab": "perhaps raw data of Philips: convert it with philips_to_ismrmrd",
}
MODELS = (".pt2", ".onnx", ".pt", ".pth", ".ckpt", ".safetensors", ".py")
"""The suffixes that a model of one's own has, which is above this package."""


def what_it_is(path: Path) -> str:
    """What a file or folder is, in a few words that follow its name; FileFormatError if it is not there."""
    if os.path.isdir(path):  # False for a name that no file can have
        return "a folder"
    if not status(path).st_size:
        return "empty"
    if is_hdf5(path):
        with opening(path), open_hdf5(path) as file:
            return f"an HDF5 file with {described(file)}"
    if path.suffix.lower() in MODELS:  # some of them are ZIP archives
        return "a model by its name, which is opened as a method: Own model… in the window, --method elsewhere"
    begin = head(path, _PACKED)
    unpacked = _unpacked(begin)
    for place, marks, words in KINDS:
        if any(one[place:].startswith(marks) for one in (begin, unpacked)):
            return words
    return RAW.get(path.suffix.lower(), "of no format that is known here")


def _unpacked(begin: bytes) -> bytes:
    """The beginning of what gzip has packed, as images often are; nothing for any other file."""
    if not begin.startswith(_GZIP):
        return b""
    with suppress(zlib.error):
        return zlib.decompressobj(_WITH_HEADER).decompress(begin, _LONGEST)
    return b""
