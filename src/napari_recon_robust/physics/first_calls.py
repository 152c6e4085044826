"""Each vectorised function of torch is called once in one thread, before several threads call it for the first time.

On Intel and AMD processors torch computes them by oneMKL, which looks for the kernel of a function at its first call.
Where two threads make that call at once, oneMKL 2024.2 may give one of them a kernel of twelve bits: half an image is
wrong by up to 3e-4 of its values, once, and without a word (pytorch issue 188792; oneMKL 2025.0 mends it).
"""

import torch

_FUNCTIONS = (
    *("sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "erf", "erfc", "erfinv"),
)


def make_first_calls() -> None:
    """Let the kernels be looked for now, in this thread: one number has no work for a second one."""
    for dtype in (torch.float32, torch.float64):
        number = torch.full((1,), 0.5, dtype=dtype)
        for name in _FUNCTIONS:
            getattr(torch, name)(number)
