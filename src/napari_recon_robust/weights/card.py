"""Cards: what a person reads about a set of weights, a Markdown file beside them."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from ..ground.table import markdown
from ..ground.writing import write
from .metadata import Metadata, SeenFile

_CURVE_POINTS = 8


def card_text(name: str, metadata: Metadata, parameters: int, content: bytes) -> str:
    """The card of a set of weights in Markdown. content: the file of weights, whose hash and size it states."""
    domain = metadata.trained_for
    patterns = ", ".join(domain.patterns) or "lines of its own"
    lines = [
        f"# {name}: {metadata.title}",
        "",
        f"{parameters:,} parameters, {len(content) / 1e6:.2f} MB, SHA-256 `{hashlib.sha256(content).hexdigest()}`.",
        "Not for diagnostic use.",
        *(["Published by the network's authors; the method runs them as they do."] if metadata.published else []),
        "",
        "## Trained for",
        "",
        f"- acceleration {domain.acceleration[0]:g} to {domain.acceleration[1]:g}, {patterns}",
        f"- noise {domain.noise[0]:g} to {domain.noise[1]:g} of the image's scale",
        f"- {domain.coils[0]} to {domain.coils[1]} coils, {domain.matrix[0]} to {domain.matrix[1]} pixels",
        f"- {domain.anatomy}",
        "",
        "## Training",
        "",
        f"- command: `{metadata.command}`",
        f"- data: {metadata.data}",
        f"- hardware and time: {metadata.hardware}, {metadata.seconds / 60:.0f} minutes"
        + (f" ({_hours(metadata.core_seconds)} core hours)" if metadata.core_seconds else "")
        + f", {metadata.steps} steps"
        + (f", {metadata.skipped} of them skipped for a loss that was not finite" if metadata.skipped else ""),
        *_course(metadata),
        *_ancestors(metadata),
        *_volumes(metadata.volumes),
    ]
    if metadata.scores:
        measures = list(dict.fromkeys(measure for case in metadata.scores.values() for measure in case))
        rows = [
            [case, *(f"{values[measure]:.4g}" if measure in values else "" for measure in measures)]
            for case, values in metadata.scores.items()
        ]
        lines += ["", "## Scores on data held out of training", "", markdown(["case", *measures], rows)]
    if metadata.notes:
        lines += ["", metadata.notes]
    return "\n".join(lines) + "\n"


def _course(metadata: Metadata) -> list[str]:
    """Lines on the validation's loss, and on where the training went on from another call or other weights."""
    lines = [f"- version: {metadata.version}"] if metadata.version else []
    if metadata.curve:
        every = max(1, -(-len(metadata.curve) // _CURVE_POINTS))
        points = [*metadata.curve[::-1][::every]][::-1]
        curve = ", ".join(f"{loss:.4g} after {hours:.2g} h" for hours, loss, _ in points)
        lines.append(f"- validation: {curve}")
    for one in metadata.history:
        if one.start:
            lines.append(f"- started from {one.start}")
        elif one.first:
            changes = ", ".join(f"{name} {before} → {after}" for name, (before, after) in one.changed.items())
            lines.append(f"- went on from step {one.first}{f' with {changes}' if changes else ''}")
    return lines


def _ancestors(metadata: Metadata) -> list[str]:
    """A table of the weights that the training began with, and how long all took together."""
    if not metadata.ancestors:
        return []
    rows = [
        [f"`{one.sha256[:12]}`", one.command and f"`{one.command}`", f"{one.steps or ''}", _hours(one.core_seconds)]
        for one in metadata.ancestors
    ]
    table = markdown(["SHA-256", "command", "steps", "core hours"], rows)
    together = metadata.core_seconds + sum(one.core_seconds for one in metadata.ancestors)
    return ["", "## The weights before", "", table, "", f"With these, {_hours(together)} core hours are recorded."]


def _hours(core_seconds: float) -> str:
    return f"{core_seconds / 3600:.2f}" if core_seconds else "not recorded"


def _volumes(volumes: Sequence[SeenFile]) -> list[str]:
    """A table of the volumes for training and validation, with the number of people."""
    if not volumes:
        return []
    people = {use: len({one.person for one in volumes if one.use == use}) for use in ("training", "validation")}
    counted = ", ".join(f"{count} for {use}" for use, count in people.items())
    rows = [[v.name, v.person, v.use, v.kind, v.licence, f"`{v.sha256}`"] for v in volumes]
    table = markdown(["file", "person", "for", "source", "licence", "SHA-256"], rows)
    return ["", "## Volumes", "", f"{len(volumes)}, of people: {counted}.", "", table]


def stated_hash(card: str) -> str | None:
    """The SHA-256 of the weights that a card states; None if it states none."""
    match = re.search(r"SHA-256 `([0-9a-f]{64})`", card)
    return match and match[1]


def annotate(card: Path, heading: str, text: str) -> None:
    """Write a section of a card, in place of the one with that heading; the weights and their hash stay.

    `store.save` makes a card anew, without sections that were measured on other weights. Raises WritingError.
    """
    parts = card.read_text(encoding="utf-8").rstrip("\n").split("\n## ")
    section = f"{heading}\n\n{text.strip()}\n"
    places = [n for n, part in enumerate(parts) if part.partition("\n")[0] == heading]
    if places:
        parts[places[0]] = section
    else:
        parts.append(section)
    write(card, ("\n\n## ".join(part.strip("\n") for part in parts) + "\n").encode())
