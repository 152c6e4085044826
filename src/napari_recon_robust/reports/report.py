"""One self-contained HTML file that shows saved cases to somebody who has nothing but a browser.

The page, its style and its viewer are files in `assets`. The template escapes every string; a content security policy
lets nothing run or load but this style and this viewer, which it names by their hashes.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..cases.record import Case, reading
from ..figures.plots import NOTICE
from ..ground.arguments import as_list
from ..ground.errors import InputError, whole_letters
from ..ground.guard import to_path
from ..ground.writing import write
from ..io.images import check_suffix
from .case_images import CaseImages
from .case_page import CasePage
from .pdf import pdf

SUFFIX = ".html"
SUFFIXES = (SUFFIX, ".pdf")
SCRIPTS = ("pictures.js", "view.js", "panel.js", "input.js", "viewer.js", "page.js")


def write_report(
    cases: Case | str | Path | Sequence[Case | str | Path],
    path: str | Path,
    *,
    window: tuple[float, float] | None = None,
) -> Path:
    """Write a report on one or more cases as a single HTML file, which works offline, or as PDF; returns its path.

    cases: loaded ones or their folders. window: black and white at first, in the scan's units; by default they come
    from the reference of each case. One window holds for all images of a case.
    Raises InputError for no case, another suffix than .html and .pdf, images that are not finite, or a place that
    cannot be written; FileFormatError for a folder that is not a sound case.
    """
    path = to_path(path)
    check_suffix(path, SUFFIXES)
    several = [cases] if isinstance(cases, Case | str | Path) else as_list(cases, "the cases")
    if not several:
        raise InputError("there is no case to report on; name at least one.")
    names = [f"Case {number}" if isinstance(case, Case) else "" for number, case in enumerate(several, 1)]
    with reading():
        opened = [CaseImages(case, name) for case, name in zip(several, names, strict=True)]
        pages = [CasePage(shown, number, window) for number, shown in enumerate(opened, 1)]
        content = pdf(pages) if path.suffix.lower() == ".pdf" else page(pages).encode()
    write(path, content)
    return path


def page(cases: Sequence[CasePage]) -> str:
    """The whole page."""
    title = cases[0].title if len(cases) == 1 else f"{len(cases)} cases of robustness"
    return rendered("report.html", ("report.css",), SCRIPTS, title=title, cases=cases)


def rendered(
    template: str, styles: Sequence[str], scripts: Sequence[str], *, images: bool = False, **values: Any
) -> str:
    """A page from the files in `assets`. images: it holds images as data URLs. values: what the template asks for."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    style, script = "\n".join(map(_asset, styles)), "\n".join(map(_asset, scripts))
    policy = (
        f"default-src 'none'; script-src '{_mark(script)}'; style-src '{_mark(style)}'; "
        f"{'img-src data:; ' if images else ''}base-uri 'none'; form-action 'none'"
    )
    templates = Environment(
        loader=FunctionLoader(_asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = templates.get_template(template).render(
        notice=NOTICE, policy=policy, style=Markup(style), script=Markup(script), **values
    )
    return whole_letters(page)


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _mark(text: str) -> str:
    """The hash by which a content security policy names a style or a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
