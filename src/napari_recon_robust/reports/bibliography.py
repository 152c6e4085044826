"""The papers that methods, perturbations and measures go back to: as citations, as a list, and as BibTeX."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..cases.record import DESCRIPTION, read_description
from ..ground.errors import InputError
from ..ground.guard import shown
from ..ground.knob import stored
from ..perturbations import registry as perturbations
from ..reconstructors import registry as reconstructors
from ..studies.columns import BLACK_BOX
from ..studies.rows import polars
from ..studies.work import results_of

if TYPE_CHECKING:
    from polars import DataFrame

_FILE = "references.bib"
_ENTRY = re.compile(r"^@\w+\{(\w+),\n.*?^\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (\w+) = \{(.*)\},$", re.MULTILINE)
_ACCENT = re.compile(r"\{\\(['\"])(\w)\}")
_ACCENTS = {"'": "\N{COMBINING ACUTE ACCENT}", '"': "\N{COMBINING DIAERESIS}"}
_IDENTIFIERS = {"doi": "doi", "eprint": "arXiv"}
_PLANS = (".yaml", ".yml")
_DEFAULTS: Mapping[str, Any] = MappingProxyType({})
_ALL_NAMED = 2  # authors; of more the first one is

SENSITIVITIES, SSIM, ATTACK_RATES = "uecker2014", "wang2004", "clopper1934"  # of what is no method and no perturbation

_THIS = f"""\
@misc{{napari-recon-robust,
  author = {{{{The napari-recon-robust developers}}}},
  title = {{napari-recon-robust: robustness of {{MRI}} reconstruction, interactively}},
  note = {{Version {__version__}}},
}}"""


@dataclass(frozen=True)
class Reference:
    """One paper. bibtex: its whole entry. fields: those of the entry by name, as text."""

    bibtex: str
    fields: Mapping[str, str]

    @property
    def citation(self) -> str:
        """Authors and year, as they stand in a sentence."""
        names = [author.split(",")[0] for author in self.fields["author"].split(" and ")]
        written = " and ".join(names) if len(names) <= _ALL_NAMED and "others" not in names else f"{names[0]} et al."
        return f"{written} {self.fields['year']}"

    @property
    def words(self) -> str:
        """The paper as a line of a list."""
        fields = self.fields
        where = " ".join(fields[name] for name in ("journal", "booktitle", "volume") if name in fields)
        marks = [f"{mark}:{fields[name]}" for name, mark in _IDENTIFIERS.items() if name in fields]
        return f"{self.citation}. {fields['title']}. {', '.join(filter(None, (where, fields.get('pages'), *marks)))}."


@cache
def bibliography() -> Mapping[str, Reference]:
    """All papers by their keys, in the order of the file."""
    text = (files(__package__) / _FILE).read_text(encoding="utf-8")
    found = {}
    for entry in _ENTRY.finditer(text):
        fields = {name: _plain(value) for name, value in _FIELD.findall(entry[0])}
        found[entry[1]] = Reference(entry[0], fields)
    return found


def bibtex(*names: str | Path) -> str:
    """The BibTeX entries of what was used, with this program and SSIM; those of all papers without names.

    names: ids of methods and perturbations, and folders of saved cases and of studies, whose own models are passed by.
    InputError for any other name, and what opening a case or the results of a study raises.
    """
    keys = {SSIM, *(key for name in names for key in _keys(name))} if names else bibliography()
    return "\n\n".join([_THIS, *(reference.bibtex for reference in listed(keys))])


def sources(kind: Any, knobs: Mapping[str, Any] = _DEFAULTS) -> tuple[str, ...]:
    """The keys of what a reconstructor or a perturbation goes back to, and of coil sensitivities if it needs them.

    knobs: those that are not at their defaults.
    """
    needed = (SENSITIVITIES,) if getattr(kind, "needs_sensitivities", False) else ()
    return (*kind.sources_at(knobs), *needed)


def listed(keys: Iterable[str]) -> list[Reference]:
    """The papers of these keys, each once, in the order of the file."""
    wanted = set(keys)
    return [reference for key, reference in bibliography().items() if key in wanted]


def cited(keys: Iterable[str]) -> str:
    """The citations in brackets, with a space before them; empty without keys."""
    found = "; ".join(bibliography()[key].citation for key in keys)
    return f" ({found})" if found else ""


def _plain(text: str) -> str:
    """A field without the marks of TeX."""
    text = _ACCENT.sub(lambda found: unicodedata.normalize("NFC", found[2] + _ACCENTS[found[1]]), text)
    return re.sub(r"[{}]", "", text).replace("---", "—").replace("--", "–")


def _keys(name: str | Path) -> tuple[str, ...]:
    """The keys of what a method or a perturbation goes back to, or a report on the case or the study in a folder."""
    folder = Path(name)
    if reconstructors.lists(str(name)) or perturbations.lists(str(name)):
        return sources_of(str(name))
    if (folder / DESCRIPTION).is_file():
        known = read_description(folder)
        recipe = known["recipe"]
        changed = as_found(recipe["perturbation_knobs"], known["results"])
        return sources_of(recipe["method"], recipe["method_knobs"]) + sources_of(recipe["perturbation"], changed)
    if folder.is_dir() or folder.suffix in _PLANS:
        trials = results_of(folder).table()
        found = (*sources_in(trials, "method"), *sources_in(trials, "perturbation"))
        return (*found, *([ATTACK_RATES] if len(trials) else []))
    raise InputError(
        f"{shown(folder)} is no method, no perturbation, and no folder of a case or a study; `recon-robust methods` "
        "and `recon-robust perturb --help` list those that there are."
    )


def sources_of(id: str, knobs: Mapping[str, Any] = _DEFAULTS) -> tuple[str, ...]:
    """The keys of the method or the perturbation of that id, at these knobs; none of an own one."""
    for registry in (reconstructors, perturbations):
        if registry.lists(id):
            return sources(registry.get(id), knobs)
    return ()


def as_found(knobs: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The knobs of a case's perturbation, with what its results say was chosen where a knob left the choice open."""
    details = results[0].get("details", {}) if results else {}
    return {name: details.get(name, value) if value == "auto" else value for name, value in knobs.items()}


def sources_in(trials: "DataFrame", of: str) -> tuple[str, ...]:
    """The keys of the methods or perturbations in the table of a study, each at all knobs that it has there.

    of: "method" or "perturbation".
    """
    knobs = "knobs" if of == "method" else "perturbation_knobs"
    library = polars()
    black_box = library.lit(False)
    if "cautions" in trials.columns:  # which tables of earlier versions lack
        black_box = library.col("cautions").cast(library.String).str.contains(BLACK_BOX, literal=True).fill_null(False)
    used = trials.select(of, knobs, black_box.alias("black_box")).drop_nulls(of).unique(maintain_order=True)
    found = list[str]()
    for id, text, searched in used.iter_rows():
        found += sources_of(id, stored(text) | ({"algorithm": "black-box"} if searched else {}))
    return tuple(dict.fromkeys(found))
