"""Units of k-space in which single precision holds the squares of its numbers.

Methods, searches and metrics square k-space and images. In single precision the square of 1e-22 is zero, that of 1e30
infinite.
"""

from ..ground.errors import InputError

ORDINARY = 2.0**40  # k-space whose largest number is between 1 / ORDINARY and ORDINARY stays as it is
REPRESENTED = 2.0**120  # beyond it, or its reciprocal, single precision loses digits or overflows
COMPUTED = 2.0**56  # as ORDINARY, with room for what sampling leaves out and perturbations add


def unit_of(largest: float, name: str) -> float:
    """The unit, a power of two, in which k-space whose largest number is `largest` is read; 1 for ordinary numbers.

    Such a unit changes no digit. name: what has the numbers, for the message. InputError for numbers that single
    precision does not represent.
    """
    if not 1 / REPRESENTED <= largest <= REPRESENTED and largest:
        raise InputError(
            f"the largest number in {name} is {largest:.1e}, and single precision represents {1 / REPRESENTED:.1e} to "
            f"{REPRESENTED:.1e}; export the file again in other units."
        )
    if largest > ORDINARY:
        return ORDINARY**2
    return ORDINARY**-2 if 0 < largest < 1 / ORDINARY else 1.0


def check_numbers(largest: float) -> None:
    """InputError for a largest number with which methods cannot compute: NaN, infinity, or one of extreme size."""
    if not largest < float("inf"):
        raise InputError("the k-space holds NaN or infinite values; repair the scan, or choose another slice.")
    if largest and not 1 / COMPUTED <= largest <= COMPUTED:
        raise InputError(
            f"the largest number in the k-space is {largest:.1e}, whose square single precision does not hold; "
            "multiply the k-space by a power of two, as `open_scan` does, so that it comes near 1."
        )


def check_signal(largest: float) -> None:
    """Raise InputError for k-space that is zero everywhere, by the magnitude of its largest number."""
    if largest == 0:
        raise InputError("the k-space is zero everywhere; choose a slice with signal.")
