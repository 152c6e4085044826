"""The words in the titles of panels: what was done to an image, how much of it, and SSIM."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..ground.numbers import written
from ..workbench.perturbing import Result

if TYPE_CHECKING:
    from ..analyses.lineup import LineupEntry
    from ..evaluation.metrics import Metrics
    from ..perturbations.base import Perturbed
    from ..perturbations.outcome import Outcome
    from ..reconstructors.base import Method

_ZERO_FILLED = "Zero-filled"
BETWEEN = " · "  # parts of a title
_WHERE = {"roi": "ROI ", "image": "image "}  # before SSIM in a title


def computing(key: str) -> str:
    """The title of a panel whose image of this slice is not there yet."""
    return f"{key.capitalize()} · computing…"


def former(slice: int, title: str, turned_to: int) -> str:
    """The title of an image of a slice that is seen until that of the slice which is turned to is there."""
    return joined(f"Slice {slice}", title, f"reading slice {turned_to}…")


def too_early(slice: int, turned_to: int) -> str:
    """Say why nothing is drawn on an image of a slice while another one is turned to."""
    return f"This is slice {slice}; draw when slice {turned_to} is seen."


def stand_in(method: "Method", given_up: bool) -> str:
    """The title of the zero-filled image that is shown until a method's is computed, or instead of it."""
    itself = method.id == "zero-filled"  # which would be named twice
    if itself:
        return _ZERO_FILLED if given_up else f"{_ZERO_FILLED} · computing…"
    return awaited(_ZERO_FILLED, method, given_up)


def awaited(name: str, method: "Method", given_up: bool) -> str:
    """The title of a panel of that name until the image of a method is computed, or given up."""
    return f"{name} · {f'no image of {method.label}' if given_up else f'computing {method.label}…'}"


def joined(*parts: str) -> str:
    """The parts of a title that there are as one."""
    return BETWEEN.join(filter(None, parts))


def named(result: Result) -> str:
    """What was done to the samples, and how much of it."""
    from ..perturbations import registry

    perturbed, name = result.outcome.perturbed, registry.get(result.setting.perturbation).shown
    if perturbed.additive and result.outcome.comparison.judged_by == "clean":
        return f"{name} {percent(spent(perturbed))}"
    return name


def spent(perturbed: "Perturbed") -> float:
    """The budget that was allowed, or what was spent where none was set."""
    budget = perturbed.budget
    return budget.achieved if budget.nominal is None else budget.nominal


def percent(fraction: float) -> str:
    """A budget as it is read on the screen."""
    return f"{100 * fraction:.3g}%"


def score(measured: "Mapping[str, Metrics] | None") -> str:
    """SSIM of the foreground with its separator, as it follows a name; empty where it is not measured."""
    return "" if measured is None or "foreground" not in measured else f" · {_ssim(measured['foreground'])}"


def judged(outcome: "Outcome", name: str) -> str:
    """SSIM of an outcome's image of that name in words, and where: the ROI, or around what was inserted.

    Without a truth it is SSIM to the clean image, of which nothing is said, and nothing of a changed object but the
    recovery of what was inserted.
    """
    where, alone = outcome.comparison.judged_on, outcome.comparison.reference is None
    if alone and name == "clean":
        return ""
    if name == "perturbed" and not outcome.comparison.judges:
        recovery = outcome.comparison.recovery
        return "" if recovery is None else f"recovery {written(recovery, '.2f')}"
    around = where == "roi" and outcome.perturbed.roi is not None
    place, to = "local " if around else _WHERE[where], " to clean" if alone else ""
    return f"{place}{_ssim(outcome.comparison.metrics[name][where], to)}"


def _ssim(measured: "Metrics", to: str = "") -> str:
    return f"SSIM{to} {written(measured.ssim, '.3f')}"


def origin(entry: "LineupEntry", result: Result) -> str:
    """Say on which method the attack was found."""
    if entry.method == result.setting.method:
        return "found on it"
    return "attacked anew" if entry.origin == entry.method else f"found on {entry.origin.label}"


def elsewhere(method: "Method", result: Result) -> str:
    """Say with its separator what else an attack was found on; empty where it was found on this, or not searched."""
    found = result.setting.method
    if method == found or not result.outcome.comparison.searched:
        return ""
    return f"{BETWEEN}found {'at other knobs' if method.id == found.id else f'on {found.label}'}"


def reference(kind: str, name: str = "Reference") -> str:
    """The title of the fully sampled image of a method's kind, which is combined unless it says otherwise."""
    return joined(name, "RSS" if kind == "rss" else "")


def in_one_line(title: str) -> str:
    """A title without breaks."""
    return title.replace("\n", BETWEEN)


def in_lines(title: str, room: int) -> str:
    """A title in lines of at most `room` letters: broken between its parts, and within one only if it must be.

    What is in a line of its own stays so. There are no more lines than are needed, and those are of like lengths: a
    single word below a full line looks as if it belonged to the image. A part has two lines at most.
    """
    return "\n".join(line for whole in shortened(title, room).split("\n") for line in _even(whole, room))


def shortened(title: str, room: int) -> str:
    """A title without the ends of those of its parts that two lines of `room` letters do not hold."""
    return "\n".join(
        BETWEEN.join(" ".join(_wrapped(part, room, most=2)) for part in whole.split(BETWEEN))
        for whole in title.split("\n")
    )


def _wrapped(part: str, room: int, most: int | None = None) -> list[str]:
    """A part of a title in lines, `most` of them at most; words stay whole."""
    lines = textwrap.wrap(part, room, max_lines=most, placeholder="…", break_long_words=False, break_on_hyphens=False)
    return lines or [part]


def _even(whole: str, room: int) -> list[str]:
    """A title in as few lines as there can be, the longest as short as it can be with these."""
    lines = _filled(whole, room)
    parts = BETWEEN.join(lines).count(BETWEEN)  # those that are broken within count as several
    for narrower in range(room - 1, 0, -1):
        others = _filled(whole, narrower)
        if len(others) > len(lines) or BETWEEN.join(others).count(BETWEEN) > parts:
            break
        lines = others
    return lines


def _filled(whole: str, room: int) -> list[str]:
    """A title in lines, each as full as it can be."""
    lines, line = [], ""
    for part in whole.split(BETWEEN):
        beside = f"{line}{BETWEEN}{part}" if line else part
        if len(beside) <= room:
            line = beside
            continue
        *full, line = [*filter(None, [line]), *_wrapped(part, room)]
        lines += full
    return [*lines, line]
