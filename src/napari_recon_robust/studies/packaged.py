"""The packaged plans: of the packaged sample, and of papers for whoever has scans. Each is a file in `plans`.

A plan of a paper is pointed at a folder: at annotated lesions where there are some, else at lesions of known contrast
that are inserted, else, in scans that are undersampled, at a grid of regions.
"""

import glob
import json
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import read, shown
from ..ground.progress import Job, Progress
from ..ground.table import csv_lines
from ..ground.writing import write
from ..io import FORMATS, open_scan
from ..simulation.packaged import sample_path
from .beginning import with_methods
from .columns import INSIDE, TUNING

if TYPE_CHECKING:
    from ..data.scan import Header

PACKAGED = {
    "demo": "the packaged sample with its 14 lesions",
    "paper-advrec": "worst-case noise on lesions and rotation (Morshuis et al. 2022)",
    "paper-fnaf": "lost features (Cheng et al. 2020)",
    "paper-heckel": "trained, untrained and classical methods under shifts (Darestani, Chaudhari, Heckel 2021)",
    "paper-hyperrecon": "a continuum of weights, and noise at test time (Wang, Dalca, Sabuncu)",
}
DEMO = "demo"
_TABLED = "paper-heckel"  # it has a table of domains
_TUNED = 4  # every so many scans of the distribution are for tuning


def packaged_plan(
    name: str,
    folder: Path,
    *,
    scans: Path | None = None,
    annotations: Path | None = None,
    methods: Sequence[str] = (),
) -> Job[Path]:
    """The packaged plan of that name in a folder, written if it is not there yet.

    scans: a folder of scans, which all plans but the demo's need; one that was written before goes on without.
    annotations: a fastMRI+ table of them, where none lies beside them. methods: ids or own models that are compared
    with the plan's. A table of domains that is there stays as it is, since users mend it. Raises InputError for an
    unknown name, a folder without scans, and a plan of that name with other content.
    """
    if name not in PACKAGED:
        raise InputError(f"there is no packaged plan {name!r}; choose {', '.join(PACKAGED)}.")
    path, table = folder / f"{name}.yaml", folder / f"{name}.csv"
    domains = ""
    if name == DEMO:
        if scans is not None:
            raise InputError("the demo is of the packaged sample; leave the scans out.")
        if annotations is not None:
            raise InputError("the demo's lesions are those of the packaged sample; leave the annotations out.")
        values = {"files": _quoted(sample_path().absolute())}
    elif scans is not None:
        values, headers = yield from _pointed(scans.absolute(), annotations, folder.absolute())
        values["table"] = json.dumps(table.name)
        domains = _domains(headers) if name == _TABLED else ""
    elif path.exists():
        if annotations is not None:
            raise InputError(
                f"{shown(path)} is there and names its annotations; leave them out, or give the scans too."
            )
        if methods:
            raise InputError(f"{shown(path)} is there and names its methods; leave them out, or give the scans too.")
        return path
    else:
        raise InputError(f"{name} is for scans of yours; give their folder, --scans FOLDER.")
    text = with_methods(Template(_template(name)).substitute(values), methods, folder)
    if path.exists() and read(path) != text.encode():
        raise InputError(f"{shown(path)} is there already with other content; remove it, or go to another folder.")
    if domains and not table.exists():
        write(table, domains.encode())
    write(path, text.encode())
    return path


def is_packaged(path: Path) -> bool:
    """Whether a file of that name is a packaged plan; its study ends in the report."""
    return path.suffix == ".yaml" and path.stem in PACKAGED


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("plans", f"{name}.yaml").read_text("utf-8")


def _pointed(scans: Path, annotations: Path | None, folder: Path) -> Job[tuple[dict[str, str], dict[str, "Header"]]]:
    """What a template says of the scans (files, slices, regions and masks), and the headers of those that open.

    Scans below the plan's folder are named from there on, so that both can be moved together. The headers are by the
    paths of the files from the scans' folder on, since files of several patients share names.
    """
    globs = _globs(scans)
    if not globs:
        raise InputError(f"{shown(scans)} holds no scans that name their axes; give a folder of .h5 or .cfl files.")
    paths = sorted(path for one in globs for path in scans.glob(one))
    headers, annotated, sampled = dict[str, "Header"](), annotations is not None, False
    for number, path in enumerate(paths):
        yield Progress(number / len(paths), f"Opening {path.name}")
        try:
            with open_scan(path) as scan:
                sampled = sampled or (not headers and scan.fully_sampled)
                headers[path.relative_to(scans.parent).as_posix()] = scan.header
                annotated = annotated or any(one.box is not None for one in scan.annotations)
        except ReconRobustError:
            continue  # the study says of each why it is left out
    if not headers:
        raise InputError(f"none of the {len(paths)} files in {shown(scans)} can be opened; give a folder of scans.")
    beside = "" if annotations is None else f", file: {_quoted(annotations.absolute())}"
    place = scans.relative_to(folder) if folder in scans.parents else scans
    values = {
        "files": json.dumps([f"{glob.escape(place.as_posix())}/{one}" for one in globs]),
        "slices": "annotated" if annotated else "{take: spaced, count: 3}",
        "regions": f"{{kind: annotations{beside}}}"
        if annotated
        else "{kind: lesions, count: 2, diameters: [6, 10], contrasts: [0.3]}"
        if sampled
        else "{kind: grid, side: 32, margin: 32}",
        "masks": "{pattern: equispaced, acceleration: [4, 8]}" if sampled else "{pattern: acquired}",
    }
    return values, headers


def _globs(scans: Path) -> list[str]:
    """A glob for each kind of file that the folder holds and that a plan can open without being told its axes."""
    named = [format for format in FORMATS if format.names_axes]
    suffixes = dict.fromkeys(one for format in named for one in format.suffixes if one not in format.beside)
    globs = [f"**/*{suffix}" for suffix in suffixes]
    return [one for one in globs if next(scans.glob(one), None) is not None]


def _domains(headers: "dict[str, Header]") -> str:
    """A table of domains: the most frequent contrast and field are the distribution, others are shifts from it."""

    def kind(header: "Header") -> tuple[str, float]:
        return header.contrast or "", round(header.field_strength or 0.0, 1)

    ((contrast, field), _), *_ = Counter(map(kind, headers.values())).most_common()
    inside, rows = 0, [("file", "domain")]
    for name, header in headers.items():
        if kind(header) == (contrast, field):
            inside += 1
            domain = TUNING if inside % _TUNED == 0 else INSIDE
        elif (header.contrast or "") != contrast:
            domain = header.contrast or "another contrast"
        else:
            domain = f"{kind(header)[1]:g} T"
        rows.append((name, domain))
    return csv_lines(rows)


def _quoted(path: Path) -> str:
    return json.dumps(path.as_posix())
