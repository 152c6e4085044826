"""The precision of the convolutions in a training: bfloat16 only where the device computes it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch

from .recipe import Preset


def of(preset: Preset, device: torch.device) -> Literal["float32", "bfloat16"]:
    """The precision that a preset has on a device: float32 where bfloat16 would only be emulated.

    A processor without its instructions takes 40 to 100 times longer for a convolution of 48 channels and its gradient
    in bfloat16 than in float32.
    """
    return preset.precision if computes_bfloat16(device) else "float32"


def autocast(preset: Preset, device: torch.device) -> torch.autocast:
    """A context in which convolutions have the precision that the preset has on the device."""
    return torch.autocast(device.type, torch.bfloat16, enabled=of(preset, device) == "bfloat16")


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16: a GPU that says so, an x86-64 processor with AVX-512 or AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # older versions of torch do not tell
    tell: Callable[[], Mapping[str, Any]] = getattr(torch.cpu, "get_capabilities", dict[str, Any])
    return device.type == "cpu" and any(tell().get(name) for name in ("avx512_bf16", "amx_bf16"))
