"""A command line of BART as a black box, files in place of {kspace}, {sensitivities}, {mask} and {image}.

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

from ..ground.errors import ModelError
from ..ground.progress import Job, Progress
from ..reconstructors.base import Reconstructor
from .model import OwnModel, Slice

FILES = ("kspace", "sensitivities", "mask", "image")
AXES = 16
LONGEST = 3600  # s that a command may take
_POLL = 0.1  # s between two looks at it


class BART(OwnModel):
    """x = what the command leaves in {image}; one process for each image, without gradients."""

    differentiable = False
    summary = "Own BART command as a black box, without gradients."

    def __init__(self, id: str, words: list[str], program: str) -> None:
        """words: of the command, after `bart`."""
        super().__init__(id)
        self.label = f"BART {words[0]}"
        self.words, self.program = words, program

    def image_steps(self, one: Slice) -> Job[Tensor]:
        """Write the files, run the command, read the image; closing the job ends the command."""
        with tempfile.TemporaryDirectory() as folder:
            names = {name: str(Path(folder) / name) for name in FILES}
            for name in FILES[:-1]:
                if any(f"{{{name}}}" in word for word in self.words):
                    _write(Path(names[name]), getattr(one, name).detach().cpu().to(torch.complex64).numpy())
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

    def fingerprint(self) -> dict[str, str]:
        """BART's version."""
        done = subprocess.run([self.program, "version"], capture_output=True, text=True, check=False)
        return {"bart": done.stdout.strip()}


def open_model(source: str) -> Reconstructor:
    """The command after `bart:`; ModelError where BART is missing or the command has no {kspace} or {image}."""
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
    return BART(f"bart:{command}", words, program)


def _execute(command: Sequence[str], folder: Path) -> Job[tuple[int, str]]:
    """Its exit status and what it said; it is killed when the job is closed or it takes too long."""
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


def _filled(word: str, names: dict[str, str]) -> str:
    for name, path in names.items():
        word = word.replace(f"{{{name}}}", path)
    return word


def _write(base: Path, array: NDArray[np.complex64]) -> None:
    """(coils, rows, columns) or (rows, columns) as a pair of .hdr and .cfl, the first axis fastest."""
    coils = array.reshape(-1, *array.shape[-2:])
    sizes = [*array.shape[-2:], 1, len(coils)] + [1] * (AXES - 4)
    base.with_name(f"{base.name}.hdr").write_text(f"# Dimensions\n{' '.join(map(str, sizes))}\n", encoding="ascii")
    coils.transpose(0, 2, 1).astype(np.complex64).tofile(base.with_name(f"{base.name}.cfl"))


def _read(base: Path) -> NDArray[np.complex64]:
    """The axes that are longer than 1, in BART's order."""
    text = base.with_name(f"{base.name}.hdr").read_text(encoding="utf-8")
    sizes = [int(size) for size in text.split("# Dimensions")[1].split("\n")[1].split()]
    values = np.fromfile(base.with_name(f"{base.name}.cfl"), np.complex64)
    return values.reshape([size for size in sizes if size > 1], order="F")
