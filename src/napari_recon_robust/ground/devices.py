"""What this machine computes on."""


def has_device(name: str) -> bool:
    """Whether PyTorch can compute on a device of that name here."""
    import torch

    try:
        torch.zeros(1, device=name).item()  # which one that holds no values cannot
    except (RuntimeError, AssertionError):
        return False
    return True
