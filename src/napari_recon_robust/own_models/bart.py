"""A command line of BART as a black box, with files in place of {kspace}, {sensitivities}, {mask} and {image}.

BART: https://github.com/mrirecon/bart. Its axes 0 and 1 are ours (rows, columns), its axis 3 the coils; its unitary
Fourier transform is centred as ours.
"""

import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..ground.cached_property import cached_property
from ..ground.errors import ModelError
from ..ground.progress import Job, Progress
from ..reconstructors.base import Reconstructor
from .model import ModelInput, OwnModel

FILES = ("kspace", "sensitivities", "mask", "image")
AXES = 16
LONGEST = 3600  # s that a command may take
_POLL = 0.1  # s between two looks at the running command


class BARTCommand(OwnModel):
    """x is what the command leaves in {image}. Each image takes one process, and there are no gradients."""

    differentiable = False
    summary = "Own BART command as a black box, without gradients."

    def __init__(self, id: str, words: list[str], program: str) -> None:
        """words: those of the command after `bart`."""
        super().__init__(id)
        self.label = f"BART {words[0]}"
        self.words, self.program = words, program

    def image_steps(self, one: ModelInput) -> Job[Tensor]:
        """Write the files, run the command, read the image; closing the job ends the command."""
        with tempfile.TemporaryDirectory() as folder:
            names = {name: str(Path(folder) / name) for name in FILES}
            for name in FILES[:-1]:
                if any(f"{{{name}}}" in word for word in self.words):
                    array = getattr(one, name).detach().cpu().to(torch.complex64).numpy()
                    _write(Path(names[name]), self._for_pics(array) if name == "kspace" else array)
            command = [self.program, *(_filled(word, names) for word in self.words)]
            status, words = yield from _execute(command, Path(folder))
            image = Path(names["image"])
            if status or not image.with_name("image.cfl").is_file():
                said = re.sub(r"\x1b\[\d*m", "", words).replace(folder, "").strip().splitlines()
                raise ModelError(
                    f"bart {self.words[0]} ended with status {status} and without an image"
                    f"{f' ({said[-1]})' if said else ''}; try the command in a shell."
                )
            return torch.from_numpy(_read(image))

    def _for_pics(self, kspace: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """The k-space turned against what `pics` does wrong along axes of an odd size; unchanged for other commands.

        Up to BART 0.9 pics centres k-space by BART's `fftmod` in place of its inverse. These are the same for even
        sizes. For odd ones the image is shifted by a pixel (https://github.com/mrirecon/bart/pull/328).
        """
        odd = any(size % 2 for size in kspace.shape[-2:])
        if not odd or self.words[0] != "pics" or "-t" in self.words or not self._pics_shifts:
            return kspace
        rows, columns = (_centring(size) ** -2 for size in kspace.shape[-2:])
        return (kspace * rows[:, None] * columns).astype(np.complex64)

    @cached_property
    def _pics_shifts(self) -> bool:
        """Whether this BART's `pics` puts the point in the middle of 5×5 pixels elsewhere.

        It is tried, since builds between two releases have the version of the earlier one.
        """
        flat = np.ones((1, 5, 5), np.complex64)
        with tempfile.TemporaryDirectory() as folder:
            names = {name: str(Path(folder) / name) for name in FILES}
            for name in ("kspace", "sensitivities"):
                _write(Path(names[name]), flat)
            command = [self.program, "pics", "-S", *(names[name] for name in ("kspace", "sensitivities", "image"))]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                return False  # the command itself will say why
            return int(np.abs(_read(Path(names["image"]))).argmax()) != flat.size // 2

    def fingerprint(self) -> dict[str, str]:
        """BART's version."""
        done = subprocess.run([self.program, "version"], capture_output=True, text=True, check=False)
        return {"bart": done.stdout.strip()}


def open_model(source: str) -> Reconstructor:
    """The method of the command after `bart:`; ModelError if BART, {kspace} or {image} is missing."""
    command = source.removeprefix("bart:").strip()
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ModelError(f"the BART command {command!r} cannot be split into words ({error}).") from None
    words = words[1:] if words[:1] == ["bart"] else words
    found = re.findall(r"\{(\w*)\}", " ".join(words))
    if not {"kspace", "image"} <= set(found) <= set(FILES):
        files = ", ".join(f"{{{name}}}" for name in found) or "no files"
        raise ModelError(
            f"the BART command has {files}; {{kspace}} and {{image}} were expected, and {{sensitivities}} and {{mask}} "
            "if it needs them."
        )
    program = shutil.which("bart")
    if program is None:
        raise ModelError("there is no program bart on this machine; install BART (https://mrirecon.github.io/bart).")
    if words[0] == "pics" and "-S" not in words:
        words.insert(1, "-S")  # without it pics leaves the image in units of its own
    return BARTCommand(f"bart:{command}", words, program)


def _execute(command: Sequence[str], folder: Path) -> Job[tuple[int, str]]:
    """The command's exit status and its words; the command is killed if the job is closed or it takes too long."""
    began = time.monotonic()
    with (folder / "said").open("w+b") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                seconds = time.monotonic() - began
                if seconds > LONGEST:
                    raise ModelError(f"bart {command[1]} took more than {LONGEST} s and was ended; simplify it.")
                yield Progress(0.0, f"bart {command[1]} runs since {seconds:.0f} s")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL)
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        return process.returncode, said.read().decode(errors="replace")


def _centring(size: int) -> NDArray[np.complex128]:
    """BART's `fftmod` along one axis: exp(2 pi i (j - c / 2) c / n) for the origin c = n // 2, and 1 for an even n.

    An even n would have signs, which are their own inverse.
    """
    if size % 2 == 0:
        return np.ones(size, np.complex128)
    origin = size // 2
    return np.exp(2j * np.pi * (np.arange(size) - origin / 2) * origin / size)


def _filled(word: str, names: dict[str, str]) -> str:
    for name, path in names.items():
        word = word.replace(f"{{{name}}}", path)
    return word


def _write(base: Path, array: NDArray[np.complex64]) -> None:
    """Write (coils, rows, columns) or (rows, columns) as a pair of .hdr and .cfl, with the first axis fastest."""
    coils = array.reshape(-1, *array.shape[-2:])
    sizes = [*array.shape[-2:], 1, len(coils)] + [1] * (AXES - 4)
    base.with_name(f"{base.name}.hdr").write_text(f"# Dimensions\n{' '.join(map(str, sizes))}\n", encoding="ascii")
    coils.transpose(0, 2, 1).astype(np.complex64).tofile(base.with_name(f"{base.name}.cfl"))


def _read(base: Path) -> NDArray[np.complex64]:
    """The array of a pair of files: its axes that are longer than 1, in BART's order."""
    text = base.with_name(f"{base.name}.hdr").read_text(encoding="utf-8")
    sizes = [int(size) for size in text.split("# Dimensions")[1].split("\n")[1].split()]
    values = np.fromfile(base.with_name(f"{base.name}.cfl"), np.complex64)
    return values.reshape([size for size in sizes if size > 1], order="F")
