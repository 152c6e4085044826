"""Plans, stores and tables of studies for the fuzz: small sound ones, and all that is done with them.

`python -m fuzz.studies` makes the stored one anew, of a study with a trial of each kind, an interrupted attempt,
kept images and a saved worst case.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from napari_recon_robust.cases.record import load_case
from napari_recon_robust.figures.studies.all_figures import draw_all
from napari_recon_robust.ground.ending import Asked
from napari_recon_robust.ground.errors import ReconRobustError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.reports.study import write_study_report
from napari_recon_robust.studies.checking import check_study
from napari_recon_robust.studies.difference import sentences, study_difference
from napari_recon_robust.studies.executors import inline
from napari_recon_robust.studies.executors.cluster import Queued
from napari_recon_robust.studies.expand import Shard, Study
from napari_recon_robust.studies.exporting import export_table
from napari_recon_robust.studies.running import run_study, study_status
from napari_recon_robust.studies.store import Store

STORED = Path(__file__).parent / "seeds" / "study.zip"
RESULTS = "plan.results"
SHARDS, ROWS = 2, 2  # that are run of a mutated plan; trials that the interrupted attempts of the stored study hold
_PLAN = {
    "study": "small",
    "scans": {"files": ["scan.h5"], "table": "labels.csv", "volume": "patient", "where": {"coils": {"min": 1}}},
    "slices": [0],
    "regions": [
        {"kind": "annotations", "min_pixels": 2},
        {"kind": "drawn", "file": "drawn.json"},
        {"kind": "drawn", "boxes": ["4,4,6,5"]},
        {"kind": "grid", "side": 8, "margin": 1},
        {"kind": "fragile", "side": 6, "method": "model.py", "budget": 0.05},
        {"kind": "lesions", "diameters": [3], "contrasts": [0.3]},
        "image",
    ],
    "masks": [{"pattern": "equispaced", "acceleration": [2], "minimum_centre_lines": 6, "seeds": [0, "file"]}],
    "methods": ["zero-filled", {"method": "model.py", "label": "mine"}, "model.onnx"],
    "perturbations": [
        "none",
        {"kind": "random", "budgets": [0.05]},
        {"kind": "noise-level", "knobs": {"factor": [2.0]}},
    ],
    "metrics": ["ssim", "psnr", "nmse", "contrast_recovery", "detectability"],
    "seeds": [0, 1],
    "keep": {"images": "none", "worst": 1, "by": "ssim_region_perturbed", "group": ["method_label", "budget"]},
}


def plan(scan: Callable[[Path], Path], models: Iterable[Callable[[Path], Path]]) -> Callable[[Path], Path]:
    """Writes a plan with all kinds of parts, a scan, its labels and regions, and the models that it names."""

    def write(folder: Path) -> Path:
        for one in (scan, *models):
            one(folder)
        (folder / "labels.csv").write_text("file,patient,domain\nscan.h5,p1,in\nother.h5,p2,out\n")
        region = '{"shapes": [{"kind": "polygon", "vertices": [[2, 2], [2, 9], [9, 5]]}]}'
        (folder / "drawn.json").write_text(f'[{{"scan": "scan.h5", "slice": 0, "roi": {region}}}]')
        (folder / "plan.yaml").write_text(yaml.safe_dump(_PLAN, sort_keys=False))
        return folder / "plan.yaml"

    return write


def open_plan(path: Path) -> Path:
    """As `study check` does."""
    run(check_study(path, trust=True))
    return path


def use_plan(path: Path) -> None:
    """As `study run` begins."""
    run(run_study(path, trust=True, executor=_first))


def _first(study: Study, store: Store, shards: Iterable[Shard], stop: Asked) -> Iterator[tuple[int, int]]:
    return inline.run(study, store, islice(shards, SHARDS), stop)


def store(folder: Path) -> Path:
    """The stored study, with its plan and scan beside it."""
    with zipfile.ZipFile(STORED) as archive:
        archive.extractall(folder)
    return folder / RESULTS


def open_store(path: Path) -> Path:
    """As `study export` does."""
    export_table(Store.open(path).table(), path.parent / "table.csv")
    return path


def use_store(path: Path) -> None:
    """What reads a store besides: how far it is, going on with it, cases."""
    each(
        lambda: run(study_status(path.with_name("plan.yaml"))),
        lambda: run(run_study(path.with_name("plan.yaml"), executor=_first, retry=True)),
        *(lambda one=one: load_case(one) for one in path.glob("cases/*")),
    )


def table(folder: Path) -> Path:
    """The table of the stored study alone."""
    store(folder)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "store.json" and path.parent.name != "trials":
            path.unlink()
    return folder / RESULTS


def use_table(path: Path) -> None:
    """As `study export`, `study diff` and `study report` do."""
    with tempfile.TemporaryDirectory() as beside:
        other = Store.open(store(Path(beside))).table()
    found = Store.open(path).table()
    each(
        lambda: export_table(found, path.parent / "table.parquet"),
        lambda: list(sentences(study_difference(other, found))),
        lambda: write_study_report(found, path.parent / "report.html"),
    )


def draw_table(path: Path) -> None:
    """As `study report` does before."""
    draw_all(Store.open(path).table(), path.parent / "figures")


def cluster(folder: Path) -> Path:
    """What names a batch system."""
    options = {"kind": "slurm", "jobs": 2, "wait": 5, "cores": 1, "memory": "2GB", "walltime": "01:00", "queue": "gpu"}
    (folder / "cluster.yaml").write_text(yaml.safe_dump(options))
    return folder / "cluster.yaml"


def open_cluster(path: Path) -> None:
    """As `study run --cluster` does, without jobs that are submitted."""
    _ = Queued.read(path).script


def each(*steps: Callable[[], Any]) -> None:
    """Take all steps, also after one that was refused; the first refusal goes on."""
    refused: ReconRobustError | None = None
    for step in steps:
        try:
            step()
        except ReconRobustError as error:
            refused = refused or error
    if refused is not None:
        raise refused


def _remake() -> None:
    from . import formats

    parts: dict[str, Any] = {
        **_PLAN,
        "scans": "scan.h5",
        "regions": ["image", {"kind": "lesions", "diameters": [3], "contrasts": [0.3]}],
        "masks": [{"acceleration": [2, 3], "minimum_centre_lines": 6}],
        "methods": ["zero-filled", "cg-sense"],
        "perturbations": [
            "none",
            {"kind": "random", "budgets": [0.05, 0.1]},
            {"kind": "rotation", "knobs": {"angle": [2.0, 5.0], "step": 5.0}},
            {"kind": "fnaf", "knobs": {"search": 3}},
        ],
        "seeds": [0],
        "keep": {"images": "all", "worst": 1, "group": ["plan"]},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        formats._fastmri(folder)
        (folder / "plan.yaml").write_text(yaml.safe_dump(parts, sort_keys=False))
        status = run(run_study(folder / "plan.yaml"))
        assert status.ended, status.sentence
        results = folder / RESULTS
        _interrupt(results)
        for one in sorted(results.glob("images/*/*"))[1:]:
            one.unlink()
        for one in sorted(results.glob("cases/*"))[1:]:
            shutil.rmtree(one)
        with zipfile.ZipFile(STORED, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder))


def _interrupt(results: Path) -> None:
    """Let some trials be lines of an attempt that was killed, and a part that is not merged."""
    import polars

    (part,) = results.glob("trials/*")
    every = polars.read_parquet(part)
    attempt = every["attempt"][0]
    lines, apart = every[:ROWS], every[ROWS : 2 * ROWS]
    every[2 * ROWS :].write_parquet(part)
    (results / "rows").mkdir(exist_ok=True)
    lines.write_ndjson(results / "rows" / f"00000-0000-000-000000-{attempt}.jsonl")
    apart.write_parquet(results / "rows" / f"00000-0000-000-000001-{attempt}-0.parquet")
    with suppress(FileNotFoundError):
        (results / "run.json").unlink()


if __name__ == "__main__":
    _remake()
