"""The inputs of a program in a file: their names say what they are, and the program their shapes and types."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..ground.errors import ModelError, WeightsError
from .model import ModelInput

NAMES = ("kspace", "mask", "sensitivities", "image")


@dataclass(frozen=True)
class Input:
    """One input, with a name of `NAMES`; a size is None if any is accepted.

    Complex inputs may be real with a last axis of 2 (real, imaginary), and all may have a leading batch axis of 1.
    """

    name: str
    sizes: tuple[int | None, ...]
    dtype: torch.dtype

    def of(self, one: ModelInput, label: str) -> Tensor:
        """The slice's value in the form that the program takes; ModelError if the sizes differ."""
        value: Tensor = getattr(one, self.name)
        came = tuple(value.shape)
        paired = value.is_complex() and not self.dtype.is_complex
        if paired:
            value = torch.view_as_real(value.resolve_conj())
        if len(self.sizes) == value.ndim + 1:
            value = value[None]
        unpaired = paired and self.sizes[-1:] != (2,)  # where any size is accepted, the last axis may be columns
        fits = len(self.sizes) == value.ndim and all(
            size in (None, actual) for size, actual in zip(self.sizes, value.shape, strict=True)
        )
        if unpaired or not fits:
            sizes = " × ".join("any" if size is None else str(size) for size in self.sizes)
            axes = "coils × rows × columns" if len(came) == 3 else "rows × columns"
            pair = ", and a last axis of 2 (real, imaginary)" if unpaired else ""
            raise ModelError(
                f"{label} takes {self.name} of {sizes} ({_words(self.dtype)}), and this slice has "
                f"{' × '.join(map(str, came))} ({axes}); export it for this size or with dynamic "
                f"sizes{pair}."
            )
        return value.to(self.dtype)


def checked(inputs: list[Input], label: str) -> list[Input]:
    """The inputs; WeightsError if a name is not among the known ones."""
    unknown = [one.name for one in inputs if one.name not in NAMES]
    if unknown or not inputs:
        asked = ", ".join(one.name for one in inputs) or "nothing"
        raise WeightsError(f"{label} takes {asked}; inputs named {', '.join(NAMES[:-1])} or {NAMES[-1]} were expected.")
    return inputs


def image_of(answer: Any) -> Any:
    """The program's result without its batch axis, with (real, imaginary) as complex numbers."""
    if isinstance(answer, list | tuple) and len(answer) == 1:
        (answer,) = answer
    if not isinstance(answer, Tensor):
        return answer
    if not answer.is_complex() and answer.ndim > 2 and answer.shape[-1] == 2:
        answer = torch.view_as_complex(answer.float().contiguous())
    while answer.ndim > 2 and len(answer) == 1:
        answer = answer[0]
    return answer


def _words(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
