"""A report on paper: the same images, numbers and words as the page for a browser, on sheets of A4."""

import textwrap
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..cases.gallery.thumbnails import around
from ..data.roi import bounds
from ..evaluation.difference import coloured, gain
from ..figures.plots import NOTICE
from ..ground.errors import whole_letters
from .case_images import CaseImage
from .case_page import CasePage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHEET = (11.69, 8.27)  # inches: A4, landscape
_LETTERS, _LINES = 150, 58  # of a sheet of text
_HEAD = 16  # letters that fit a column of metrics
_TOP, _BELOW, _LINE = 0.84, 0.875, 0.0185  # of a sheet: where images begin at most, below how many lines of words


def pdf(cases: Sequence[CasePage]) -> bytes:
    """The report as a PDF: for every result a sheet of images and metrics, for every case sheets of words."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    file = BytesIO()
    title = cases[0].title if len(cases) == 1 else f"{len(cases)} cases of robustness"
    told = {"Title": whole_letters(title), "Subject": NOTICE, "CreationDate": None, "ModDate": None}
    with rc_context({"text.parse_math": False, "pdf.fonttype": 42}), PdfPages(file, metadata=told) as sheets:
        for case in cases:
            for draw in _drawn(case):
                figure = Figure(figsize=_SHEET)
                draw(figure)
                for text in figure.findobj(Text):
                    text.set_text(whole_letters(text.get_text()))
                sheets.savefig(figure)
    return file.getvalue()


def _drawn(case: CasePage) -> Iterator[Any]:
    for number in range(len(case.results)):
        yield lambda figure, number=number: _images(figure, case, number)
    if case.charts:
        yield lambda figure: _curves(figure, case)
    lines = [*_words(case)]
    for first in range(0, len(lines), _LINES):
        yield lambda figure, first=first: _text(figure, case, lines[first : first + _LINES])


def _head(figure: "Figure", case: CasePage, further: str = "") -> None:
    figure.text(0.04, 0.955, f"{case.number}. {_short(case.title, 110)}{further}", size=13, weight="bold", va="center")
    figure.text(0.04, 0.025, NOTICE, size=8, color="0.35")


def _images(figure: "Figure", case: CasePage, number: int) -> None:
    """All images in one window, below them the region with its surroundings and its change; then the metrics."""
    shown = case.shown
    strength = shown.strength(number)
    _head(figure, case, f", {strength}" if strength else "")
    label = f"Region: {case.label}. " if case.label else ""
    outcome = textwrap.fill(f"{label}{case.results[number]['sentence']}", 165)
    figure.text(0.04, 0.925, outcome, size=9, va="top")
    images = shown.images(number)
    top = min(_TOP, _BELOW - _LINE * len(outcome.splitlines()))
    grid = figure.add_gridspec(
        2, len(images) + 1, left=0.04, right=0.98, top=top, bottom=0.36, hspace=0.12, wspace=0.05
    )
    region = shown.turn.shown(case.region(number))
    box = bounds(region)
    assert box is not None, "a region has pixels"
    part = around(box)
    row, column = (shown.seen_voxel or (1.0, 1.0, 1.0))[:2]
    for place, case_image in enumerate(images):
        whole = figure.add_subplot(grid[0, place])
        _show(whole, case, shown.turn.shown(case_image.image), row / column, _title(case_image))
        whole.contour(region, [0.5], colors="#ffd23f", linewidths=0.6)
        crop = figure.add_subplot(grid[1, place])
        _show(crop, case, shown.turn.shown(case_image.image)[part], row / column, "")
        crop.contour(region[part], [0.5], colors="#ffd23f", linewidths=0.8)
    _differences(figure, grid, case, number, part, row / column)
    _table(figure, case, number)


def _differences(figure: "Figure", grid: Any, case: CasePage, number: int, part: Any, aspect: float) -> None:
    """The change from the first to the second image of the pair, if there are two."""
    first, second = (case.shown.image(name, number) for name in case.shown.pair)
    if first.name == second.name:
        return
    change = case.shown.turn.shown(second.image) - case.shown.turn.shown(first.image)
    full = case.window.high - case.window.low
    factor = gain([change], full)
    for line, values in ((0, change), (1, change[part])):
        axes = figure.add_subplot(grid[line, -1])
        axes.imshow(coloured(factor * values, full), aspect=aspect, interpolation="none")
        axes.set_axis_off()
        if not line:
            axes.set_title(f"{second.name.capitalize()} − {first.name} ×{factor}\norange +, blue −", size=8)


def _show(axes: "Axes", case: CasePage, image: Any, aspect: float, title: str) -> None:
    axes.imshow(image, cmap="gray", vmin=case.window.low, vmax=case.window.high, aspect=aspect, interpolation="none")
    axes.set_axis_off()
    if title:
        axes.set_title(title, size=8)


def _title(case_image: CaseImage) -> str:
    return f"{case_image.title}\n{', '.join(case_image.marks)}"


def _table(figure: "Figure", case: CasePage, number: int) -> None:
    axes = figure.add_axes((0.04, 0.06, 0.94, 0.27))
    axes.set_axis_off()
    regions = [textwrap.fill(region, _HEAD) for region in case.regions.values()]
    heads = [f"{measure}\n{region}" for region in regions for measure in case.measures]
    rows = [[row.title, row.against, *row.cells] for row in case.table(number)]
    widths = [0.16, 0.1, *[0.74 / len(heads)] * len(heads)]
    labels = ["Image", "against", *heads]
    table = axes.table(rows, colLabels=labels, colWidths=widths, loc="upper center", cellLoc="center")
    table.auto_set_font_size(False)
    table.set_fontsize(6.5)
    table.scale(1, 1.15)
    for (row, _), cell in table.get_celld().items():
        cell.set_linewidth(0.3)
        if not row:
            cell.set_text_props(weight="bold")
            cell.set_height((1 + max(head.count("\n") for head in heads)) * cell.get_height())
    changes = "   ".join(f"{name}: {value}" for name, value in case.changes(number))
    figure.text(0.04, 0.06, textwrap.fill(changes, 190), size=7, va="bottom")


def _curves(figure: "Figure", case: CasePage) -> None:
    _head(figure, case, ": curves")
    for place, axes in enumerate(figure.subplots(1, len(case.charts), squeeze=False)[0]):
        chart = case.charts[place]
        columns, rows = ([at for at, _ in ends] for ends in (chart.columns, chart.rows))
        for line in chart.lines:
            style = "-o" if line.role == "found" else "--s"
            axes.plot(*zip(*line.points, strict=True), style, label=line.name, markersize=4)
        axes.set_xticks(columns, [words for _, words in chart.columns])
        axes.set_yticks(rows, [words for _, words in chart.rows])
        axes.set_xlim(min(columns), max(columns))
        axes.set_ylim(max(rows), min(rows))  # the chart's rows are counted from its top
        axes.set_xlabel(chart.across, size=8)
        axes.set_ylabel(chart.up, size=8)
        axes.legend(fontsize=7)
    figure.subplots_adjust(left=0.08, right=0.97, top=0.88, bottom=0.12, wspace=0.3)


def _words(case: CasePage) -> Iterator[str]:
    """The paragraph of methods, then recipe, versions and hashes, in lines that fit a sheet."""
    images = case.images
    yield from textwrap.wrap(case.methods, _LETTERS)
    for title, rows in (("Recipe", case.facts), ("Versions", case.versions), ("SHA-256", case.hashes(images))):
        yield ""
        yield title.upper()
        for name, value in rows:
            yield from textwrap.wrap(f"{name}: {value}", _LETTERS, subsequent_indent="    ") or [f"{name}:"]


def _text(figure: "Figure", case: CasePage, lines: Sequence[str]) -> None:
    _head(figure, case, ": methods")
    figure.text(0.04, 0.92, "\n".join(lines), size=7.5, va="top", family="DejaVu Sans", linespacing=1.35)


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
