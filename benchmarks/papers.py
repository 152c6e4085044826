"""The packaged studies of four papers on open anatomies, small enough for two cores: docs/papers.md from one command.

    python benchmarks/papers.py --output FOLDER [--small] [--page docs/papers.md]

Six people of the shared anatomies are simulated with 8 coils, one slice each, at 320² where the data resolves it;
lesions of known contrast are inserted by the plans. Each packaged plan runs with the fewer settings below; what FOLDER
holds already is not computed again, so that an interrupted run goes on. --small shows at 128², with the least settings,
that all sentences and tables come out. FOLDER also gets each study's report.
"""

import json
import platform
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import click
import numpy as np
import polars as pl
import torch
import yaml

import napari_recon_robust as rr
from napari_recon_robust.figures.studies.all_figures import Figures
from napari_recon_robust.figures.studies.papers import Answer, answer
from napari_recon_robust.ground.progress import run
from napari_recon_robust.ground.writing import write
from napari_recon_robust.io import open_scan
from napari_recon_robust.io.fastmri import SIMULATED, write_fastmri
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.simulation.anatomy import load_volume, slices
from napari_recon_robust.studies.packaged import PACKAGED, packaged_plan
from napari_recon_robust.training.people import Split

# Six: the sign test, which sentences on rates need, has a p of 1/16 at least where there are five.
PEOPLE = ("brain_t1_b", "brain_pd_papaya", "brain_stroke_t1", "brain_t1_a", "brain_t2", "brain_t2_niivue")
RESOLVED = 0.75  # of the matrix's lines, that an anatomy has at least
COILS, NOISE, MATRICES = 8, 0.01, (320, 256, 192)
LESIONS = {"kind": "lesions", "count": 1, "diameters": [8], "contrasts": [0.3]}
LINES = {"pattern": "equispaced", "acceleration": [4]}
KEPT = {"sensitivities": "kept"}
WEIGHTS = [0.001, 0.002, 0.005]

# The figures whose data the page shows, which its sentences are about; the reports have all.
TABLES = {
    "paper-advrec": ("budget", "rotation"),
    "paper-fnaf": ("fnaf", "shifts"),
    "paper-heckel": ("budget", "shifts", "small-features"),
    "paper-hyperrecon": ("calibration", "shifts"),
}

# What is less than in the packaged plans; --small takes SMALL's entries in place of these.
REDUCED: dict[str, dict[str, Any]] = {
    "paper-advrec": {
        "perturbations": [
            "none",
            {"kind": "worst-case", "budgets": [0.005, 0.025],
             "knobs": {"algorithm": ["sphere-ascent", "advrec"], "steps": 5, **KEPT}},
            {"kind": "worst-case", "budgets": [0.025],
             "knobs": {"algorithm": "sphere-ascent", "region": "image", "steps": 5, **KEPT}},
            {"kind": "rotation", "knobs": {"angle": [2, 5], "step": 1.0, **KEPT}},
        ],
    },
    "paper-fnaf": {
        "masks": [{**LINES, "acceleration": [4, 8]}],
        "perturbations": [
            "none",
            *({"kind": "fnaf", "knobs": {"algorithm": algorithm, "shape": "walk", **KEPT}, **more}
              for algorithm, more in (("random-search", {"found_on": ["unet", "irim", "unet-fnaf"]}),
                                      ("finite-differences", {}))),
            {"kind": "fnaf", "knobs": {"algorithm": "multiplexed", **KEPT}},
            {"kind": "fnaf", "knobs": {"algorithm": "random-search", "search": 1, "shape": "walk", **KEPT},
             "seeds": [1, 2, 3, 4, 5]},
        ],
    },
    "paper-heckel": {
        "methods": [
            {"method": "tv", "knobs": {"weight": WEIGHTS}}, "cg-sense", "unet", "varnet", "hqs-supervised", "dagan",
            {"method": "test-time-training", "knobs": {"network": "dagan"}},
        ],
        "perturbations": [
            "none",
            {"kind": "worst-case", "budgets": [0.04],
             "knobs": {"norm": "global", "region": "image", "target": "clean", "evaluations": 2, **KEPT}},
            *({"kind": kind, "knobs": KEPT} for kind in ("noise-level", "contrast")),
        ],
    },
    "paper-hyperrecon": {
        "methods": [
            *({"method": name, "knobs": {"weight": WEIGHTS}} for name in ("hyperrecon", "hqs")),
            "hqs-net", "cascade-net", {"method": "posterior", "knobs": {"steps": 10}},
        ],
        "perturbations": ["none", {"kind": "noise-level", "knobs": {"factor": 2}}],
    },
}  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {
    "paper-advrec": {
        "methods": ["unet", "varnet", "tv"],
        "perturbations": [
            "none",
            {"kind": "worst-case", "budgets": [0.005, 0.025],
             "knobs": {"algorithm": ["sphere-ascent", "advrec"], "steps": 3, **KEPT}},
            {"kind": "worst-case", "budgets": [0.025],
             "knobs": {"algorithm": "sphere-ascent", "region": "image", "steps": 3, **KEPT}},
            {"kind": "rotation", "knobs": {"angle": 2, "step": 1.0, **KEPT}},
        ],
    },
    "paper-fnaf": {"masks": [LINES]},
    "paper-heckel": {
        "methods": [
            {"method": "tv", "knobs": {"weight": WEIGHTS}}, "unet", "varnet", "dagan",
            {"method": "test-time-training", "knobs": {"network": "dagan", "steps": 20}},
        ],
        "perturbations": [
            "none",
            {"kind": "worst-case", "budgets": [0.04], "knobs": {"norm": "global", "region": "image",
             "target": "clean", "evaluations": 2, "steps": 2, **KEPT}},
            {"kind": "noise-level", "knobs": KEPT},
        ],
    },
    "paper-hyperrecon": {
        "methods": [
            *({"method": name, "knobs": {"weight": WEIGHTS[1:]}} for name in ("hyperrecon", "hqs")),
            "hqs-net", "cascade-net", {"method": "posterior", "knobs": {"steps": 10}},
        ],
    },
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Whose scan it is. use: in the training of the networks that ship. size: rows and columns."""

    name: str
    use: str
    size: int


def simulated(data: Path, folder: Path, matrix: int | None) -> list[Person]:
    """Write a scan of one slice for each of the people who have none yet; the same for the same numbers."""
    split, found = Split(people="anatomy"), list[Person]()  # type: ignore[arg-type]
    for seed, name in enumerate(PEOPLE):
        path = folder / f"{name}.h5"
        if not path.exists():
            volume = load_volume(data / "anatomy" / f"{name}.nii.gz")
            lines = 0 if matrix else min(volume.resolved(0), volume.resolved(1))
            size = matrix or next((side for side in MATRICES if lines >= RESOLVED * side), MATRICES[-1])
            folder.mkdir(parents=True, exist_ok=True)
            (image,) = slices(volume, "axial", 1, (size, size))
            kspace = simulate_slice(image, np.random.default_rng(seed), coils=COILS, noise_level=NOISE).kspace
            more = {"acquisition": name, SIMULATED: True}
            write_fastmri(path, kspace[None].numpy(), encoded_mm=(230, 230, 3), matrix=(size, size), attributes=more)
        with open_scan(path) as scan:
            found.append(Person(name, split.use((f"{name}.nii.gz",)), scan.header.matrix[0]))
    return found


def reduced(name: str, folder: Path, *, small: bool) -> Path:
    """The packaged plan of that name with the smaller parts, in a file of the folder."""
    full = run(packaged_plan(name, folder, scans=folder / "scans"))
    values = yaml.safe_load(full.read_text())
    values |= {"slices": "all", "masks": [LINES], "keep": {"worst": 0}, **REDUCED[name]}
    values |= {} if name == "paper-fnaf" else {"regions": [LESIONS]}
    values |= SMALL[name] if small else {}
    values["scans"] = {"files": ["scans/*.h5"]}
    path = folder / f"{name}-reduced.yaml"
    write(path, yaml.safe_dump(values, sort_keys=False).encode())
    return path


def tables(found: Figures, names: Iterable[str]) -> Iterator[str]:
    """The data of each of these figures that is a summary, as a table with n and intervals, below its caption."""
    for drawn in (found.drawn[name] for name in names if name in found.drawn):
        data = pl.read_csv(drawn.data).filter(pl.col("mean").is_not_null())
        columns = [name for name in data.columns if name not in _NUMBERS and data[name].null_count() < len(data)]
        varied = [name for name in columns if data[name].n_unique() > 1]
        heads = [*varied, "mean", "95% interval", "people", "trials"]
        yield _wrapped(f"**{drawn.title}.** {drawn.words}")
        yield f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|"
        for row in data.iter_rows(named=True):
            is_interval = row["kind"].startswith("95%")
            interval = f"{row['low']:.3g} to {row['high']:.3g}" if is_interval else "none"
            numbers = (f"{row['mean']:.3g}", interval, row["volumes"], row["count"])
            yield f"| {' | '.join(map(str, (*(_cell(row[name]) for name in varied), *numbers)))} |"
        yield ""


def robust_loss(found: Figures) -> str:
    """How often finite differences succeed on the robustly trained U-Net and on the plain one, at each R."""
    data = pl.read_csv(found.drawn["fnaf"].data)
    data = data.filter(value="rate", search="finite-differences", threshold="raw")
    sentences = []
    for (acceleration,), rates in data.group_by("acceleration", maintain_order=True):
        rows = {row["method_label"]: row for row in rates.iter_rows(named=True)}
        robust, plain = rows["unet-fnaf"], rows["unet"]
        words = [f"{row['mean']:.3g}% [{row['low']:.3g}, {row['high']:.3g}]" for row in (robust, plain)]
        more = robust["mean"] - plain["mean"]
        order = "more than" if more > 0 else "less than" if more < 0 else "as much as"
        sentences.append(
            f"Under finite differences at R = {acceleration:g} unet-fnaf loses {order} the plain U-Net: features pass "
            f"the published thresholds, raw, in {words[0]} of its trials and in {words[1]} of the U-Net's (each "
            f"{robust['volumes']} volumes, {robust['count']} trials; in brackets: {robust['kind']})."
        )
    return (
        f"{' '.join(sentences)} These differences are among the comparisons counted above; one that is not among the "
        "sentences may be chance."
    )


def _wrapped(words: str, indent: str = "") -> str:
    return fill(words, 120, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


_NUMBERS = {"mean", "low", "high", "kind", "volumes", "count"} | {
    "volume", "slice", "input_mse", "published_loss", "feature_row", "feature_column",
}  # fmt: skip


def section(found: Answer, figures: Figures, names: Iterable[str]) -> Iterator[str]:
    """One paper: what it reports, what holds here, the tables."""
    yield f"\n## {found.paper.title}\n\n{_wrapped(found.paper.reported)}\n"
    yield from (_wrapped(f"- {sentence}", "  ") for sentence in found.sentences)
    yield f"\n{_wrapped(found.counted)}\n"
    if "fnaf" in figures.drawn:
        yield f"{_wrapped(robust_loss(figures))}\n"
    yield "<details><summary>Tables</summary>\n"
    yield from tables(figures, names)
    yield "</details>"


def head(people: list[Person], hours: float, *, small: bool) -> str:
    """How the page came about: version, machine, hours, people, and what may not be concluded from it."""
    described = ["git", "-C", str(Path(__file__).parent), "describe", "--always"]
    version = subprocess.run(described, capture_output=True, text=True, check=True).stdout.strip()
    words = _SMALL if small else ""
    return _HEAD.format(
        options=" --small" if small else "",
        version=version,
        machine=f"{platform.machine()}, without a GPU (torch {torch.__version__})",
        hours=hours,
        small=words,
        count=len(people),
        coils=COILS,
        held=", ".join(one.name for one in people if one.use == "test") or "None",
        others=sum(one.use != "test" for one in people),
        listed="\n".join(f"| {one.name} | {one.use} | {one.size}² |" for one in people),
    )


_SMALL = """
This is the small version: 128², and few settings and steps. It shows that sentences and tables come out, and little
more.
"""
_HEAD = """\
# The papers' studies on open anatomies

Made by `python benchmarks/papers.py --output FOLDER --page docs/papers.md{options}` from the packaged studies of four
papers, with version {version} and the networks that ship in it. The trials took {hours:.1f} hours together on
{machine}, beside other work.
Not for diagnostic use.
{small}
Heads are simulated from anatomies of {count} people, with {coils} coils, one slice each, and inserted lesions of known
contrast. A person is the unit of all intervals. {held} is in no training of the networks here; the other {others}
anatomies were trained on, or chose what was trained, with other coils and noise, so that networks may do better on them
than on new people. None of the papers' networks or data is used: only directions can be compared, not sizes.

| anatomy | use in training | matrix |
|---|---|---|
{listed}

What the papers have and this page leaves out: knees and fastMRI's own data, which may not be redistributed (the
packaged studies run on your copy); single-coil data, which Cheng et al. attack; super-resolution and denoising, which
Wang, Dalca and Sabuncu show beside compressed sensing; real lesions that radiologists marked or read; the papers' own
weights, trained for days, and several seeds of each network. Whether a paper has them or not, modalities other than MRI
(such as CT) and non-Cartesian trajectories (such as radial ones) are left out too.

In the tables η, rates, shares and levels are in percent. `ssim_loss` is the SSIM that is lost, `error_rise` the rise of
the relative RMSE in percent, both of the region unless the row says otherwise.

On scans of your own: `recon-robust study run paper-advrec --scans FOLDER`, and likewise the others
([studies.md](studies.md)).
"""


@click.command()
@click.option("--output", type=click.Path(path_type=Path), required=True)
@click.option("--data", type=click.Path(path_type=Path), default=Path(__file__).parents[2] / "shared" / "data")
@click.option("--page", type=click.Path(path_type=Path), help="Where the page is written; in the output if left out.")
@click.option("--small", is_flag=True, help="At 128², with few settings.")
@click.option("--workers", type=int, default=1, show_default=True)
def main(output: Path, data: Path, page: Path | None, small: bool, workers: int) -> None:
    """Run the four studies, and write the page."""
    output.mkdir(parents=True, exist_ok=True)
    people = simulated(data, output / "scans", 128 if small else None)
    parts, hours = list[str](), 0.0
    for name in (name for name in PACKAGED if name.startswith("paper-")):
        plan = reduced(name, output, small=small)
        click.echo(f"{name}: {rr.run_study(plan, workers=workers).sentence}")
        figures = rr.study_report(plan, plan.with_suffix(".html"), figures=output / f"{name}-figures")
        found = answer(rr.study_table(plan))
        assert found is not None
        parts += section(found, figures, TABLES[name])
        seconds = rr.study_table(plan)["seconds"].sum()
        click.echo(json.dumps({name: {"sentences": len(found.sentences), "of": found.comparisons, "seconds": seconds}}))
        hours += seconds / 3600
    target = page or output / "papers.md"
    write(target, ("\n".join((head(people, hours, small=small), *parts)) + "\n").encode())
    click.echo(f"saved: {target}")


if __name__ == "__main__":
    main()
