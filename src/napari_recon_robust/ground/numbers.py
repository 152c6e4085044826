"""Numbers as people read them."""

from math import isfinite


def written(value: float, form: str = ".3g") -> str:
    """The number in a format of Python's, with a true minus; a dash for one that is not finite.

    A zero has no sign: what is rounded to it may have come from either side.
    """
    if not isfinite(value):
        return "—"
    text = f"{value:{form}}"
    return text.replace("-", "−") if any(digit in text for digit in "123456789") else text.lstrip("+-")
