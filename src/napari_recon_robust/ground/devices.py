"""What this machine computes on."""

from .errors import InputError


def checked_device(name: str) -> str:
    """The device if this machine has it, else InputError."""
    if not has_device(name):
        raise InputError(f"the device {name!r} is not available here; use the device cpu.")
    return name


def has_device(name: str) -> bool:
    """Whether PyTorch can compute on a device of that name here."""
    import torch

    try:
        torch.zeros(1, device=name).item()  # which one that holds no values cannot
    except (RuntimeError, AssertionError):
        return False
    return True
