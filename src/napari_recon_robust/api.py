"""The few functions of the public interface that belong to no single module.

A method is a reconstructor, at its defaults, or one with its knobs set: `reconstructor("tv").at(weight=2e-3)`.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from .analyses import diversity, fragility, retention, samples, volume
from .analyses.diversity import Choice
from .analyses.fragility import FragilityMap
from .analyses.quality import comparing
from .analyses.quality import grid as grids
from .analyses.quality.entries import MethodEntry
from .analyses.quality.table import Table
from .analyses.retention import RecoveryTable, RetentionMap
from .analyses.samples import SamplesCurve
from .analyses.volume import Volume
from .cases import making, replay
from .cases.record import Case
from .data.measurement import Measurement, as_measurement
from .data.roi import ROI, as_roi
from .data.scan import Scan
from .evaluation.contrast import Contrasts
from .former import names
from .ground import progress
from .ground.arguments import as_kinds, as_list, as_numbers, as_options, as_texts, as_whole
from .ground.devices import checked_device
from .ground.errors import InputError, one_line
from .ground.guard import to_path
from .io import prewhitening
from .perturbations import registry as perturbations
from .perturbations.base import Perturbed
from .perturbations.outcome import Outcome, evaluate
from .physics.model import data_norm
from .reconstructors import registry
from .reconstructors.base import Method, Reconstructor
from .reconstructors.generative.posterior import Posterior
from .studies import checking, difference, estimate, running
from .studies.beginning import new_plan
from .studies.changed import changed_since_run
from .studies.checking import Extent
from .studies.difference import VOLUMES
from .studies.estimate import Estimate
from .studies.executors.choosing import choose
from .studies.running import Status
from .studies.store import Store
from .studies.work import count_planned, results_of

if TYPE_CHECKING:
    from polars import DataFrame
    from torch import Tensor

    from .figures.studies.all_figures import Figures
    from .physics.sampling import Sampling

OnProgress = Callable[[progress.Progress], object]
P = ParamSpec("P")
T = TypeVar("T")
_BUDGET = 0.01  # of a perturbation, by default
_ROUNDING = 1e-3  # of the k-space's norm
_SINGLE = 8  # bytes of a sample in the precision of cases, complex64

if not TYPE_CHECKING:  # else every name would be found
    __getattr__ = names(__name__)


def _with_knobs_beside(function: Callable[P, T]) -> Callable[P, T]:
    """The function of a reconstructor, with `reconstructor_knobs` beside it as in the version before; for one release.

    Knobs go with their reconstructor now: `reconstructor.at(**knobs)`.
    """

    @wraps(function)
    def called(*arguments: Any, reconstructor_knobs: Mapping[str, Any] | None = None, **options: Any) -> T:
        if reconstructor_knobs is None:
            return function(*arguments, **options)
        _warn_of_knobs_beside("reconstructor_knobs")
        given = signature(function).bind(*arguments, **options)
        given.arguments["reconstructor"] = _method(given.arguments["reconstructor"]).at(**reconstructor_knobs)
        return function(*given.args, **given.kwargs)

    return called


def _warn_of_knobs_beside(name: str) -> None:
    """To the caller of the caller."""
    words = f"{name} beside the reconstructor will go in the next release; give reconstructor.at(**knobs) in its place."
    warnings.warn(words, DeprecationWarning, stacklevel=3)


def _method(given: object) -> Method:
    """The method that is given; InputError for the name of one, which other functions take, and for a function."""
    if isinstance(given, Method | Reconstructor):
        return given.at()
    if isinstance(given, str):
        raise InputError(f"the reconstructor is {given!r}, a name; give rr.reconstructor({given!r}) in its place.")
    raise InputError(
        f"the reconstructor is {one_line(repr(given), 60)}; give rr.reconstructor(...), which also takes a model of "
        'your own, by its file, "file.py:name", or itself.'
    )


def _perturbed(given: object, measurement: Measurement) -> list[Perturbed]:
    """The results of `perturb` that are given; InputError for anything else, and for those of other samples."""
    found = as_kinds(given, Perturbed, "the perturbed", "the list that rr.perturb returns")
    clean = as_measurement(measurement).kspace
    for one in found:
        before = one.measurement.kspace - one.perturbation
        if before.shape != clean.shape or (one.additive and data_norm(before - clean) > _ROUNDING * data_norm(clean)):
            raise InputError(
                "the perturbed are those of another measurement; give the one that rr.perturb was called with."
            )
    return found


def _seed(given: object) -> int:
    """The seed that is given; InputError for anything else."""
    return as_whole(given, "the seed", 0, 2**31 - 1)


def reconstructors() -> list[str]:
    """The ids of all reconstructors, those of other packages included."""
    return registry.ids()


@overload
def reconstructor(id: Method) -> Method: ...
@overload
def reconstructor(id: str | Path | Callable[..., Any]) -> Reconstructor: ...
def reconstructor(id: str | Path | Callable[..., Any] | Method) -> Reconstructor | Method:
    """A reconstructor by its id; called with a measurement and knobs it returns the image, and `at` sets its knobs.

    Or an own model: a file (.pt2, .onnx, a fastMRI checkpoint, .py), "module:function", or "bart:" and a command with
    {kspace}, {sensitivities}, {mask} and {image} in place of its files; or a function or a network itself, which a
    study and a command cannot name. A reconstructor that is given is returned, with the knobs that it has.

    Raises InputError for an unknown id and for what is none of these, WeightsError or ModelError for a model that
    cannot be opened.
    """
    if isinstance(id, Method):
        return id
    if callable(id):
        from .own_models.objects import opened

        return opened(id)
    if not isinstance(id, str | Path):
        raise InputError(
            f"the reconstructor is {one_line(repr(id), 60)}; give an id of rr.reconstructors(), the file of a model, "
            "or a function or network itself (weights alone are none)."
        )
    return registry.get(str(id))


@_with_knobs_beside
def perturb(
    kind: str,
    measurement: Measurement,
    reconstructor: Method | Reconstructor,
    roi: ROI,
    budgets: Sequence[float] | None = None,
    *,
    on_progress: OnProgress | None = None,
    **knobs: Any,
) -> list[Perturbed]:
    """Run a perturbation to its end: one result for each budget eta (a fraction), in their order.

    budgets: 1% by default; of a perturbation without budgets, such as a rotation, they are left out.
    Raises InputError for an unknown kind or knob, a budget outside (0, 1], one that the kind does not have, or an ROI
    outside the image. Warns of samples in double precision, of whose results no case can be made.
    """
    if "budget" in knobs:
        raise InputError(f"budget is {knobs['budget']!r}; give the list budgets in its place, such as [0.01].")
    if as_measurement(measurement).kspace.dtype.itemsize > _SINGLE:
        words = (
            "the k-space is complex128, and no case can be made of what is found in it; to save one, give complex64."
        )
        warnings.warn(words, stacklevel=3)  # to the caller of what takes knobs beside
    perturbation = perturbations.get(kind)
    usual = (_BUDGET,) if perturbation.needs_budget else ()
    etas = as_numbers(usual if budgets is None else budgets, "the budgets")
    if etas and not perturbation.needs_budget:
        raise InputError(f"{kind} has no budgets; leave them out.")
    job = perturbation.run(measurement, _method(reconstructor), as_roi(roi), etas, **knobs)
    return progress.run(job, on_progress)


@_with_knobs_beside
def compare(
    measurement: Measurement,
    reconstructor: Method | Reconstructor,
    roi: ROI,
    perturbed: Sequence[Perturbed],
    *,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> list[Outcome]:
    """Reconstruct clean, perturbed and random control from nothing but the samples, and compare: an outcome for each.

    `outcome.comparison` has the images, the metrics and a sentence; `outcome.to_json()` all that is known.
    """
    job = evaluate(
        measurement, _method(reconstructor), as_roi(roi), _perturbed(perturbed, measurement), seed=_seed(seed)
    )
    return progress.run(job, on_progress)


@_with_knobs_beside
def make_case(
    measurement: Measurement,
    reconstructor: Method | Reconstructor,
    roi: ROI,
    outcomes: Sequence[Outcome],
    *,
    perturbation: str = "",
    perturbation_knobs: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    **mistyped: Any,
) -> Case:
    """All of a perturbation's outcomes as a case for `save_case`.

    measurement, reconstructor, roi: those that `compare` was given. perturbation, perturbation_knobs: the kind and the
    knobs that `perturb` was given, which the outcomes know. source: plain facts about where the slice is from, without
    paths or identifiers; by default those that `scan.measurement` knows (slice number, voxel size, which way up,
    sampling, whether simulated), and the effective acceleration. A measurement that is made without a scan has none.
    Raises InputError for no outcomes, for what they are not of, and for a source that is not plain.
    """
    as_options(mistyped, making.make_case)
    found = as_kinds(outcomes, Outcome, "the outcomes", "the list that rr.compare returns")
    return making.make_case(
        as_measurement(measurement),
        _method(reconstructor),
        as_roi(roi),
        found,
        perturbation=perturbation,
        perturbation_knobs=perturbation_knobs,
        source=source,
    )


def replay_case(
    case: Case | str | Path, reconstructor: Method | Reconstructor | None = None, *, search: bool = False
) -> replay.Replay:
    """A saved case, or its folder, computed again from its k-space alone, and compared: `cases.replay.replay` at once.

    reconstructor: an own model that the case was made with, which is never looked for.
    """
    if reconstructor is not None:
        _method(reconstructor)  # refuses what is none
    return progress.run(replay.replay(case, reconstructor, search=search))


def diverse(
    measurement: Measurement,
    reconstructor: Method | Reconstructor,
    count: int = 4,
    *,
    roi: ROI | None = None,
    on_progress: OnProgress | None = None,
    **knobs: Any,
) -> Choice:
    """The `count` most different plausible images over live knobs, samples or restarts: `diversity.diverse`.

    knobs: of the reconstructor, as in the version before; give `reconstructor.at(**knobs)`.
    A sequence of `Variant`; `found.sentence` says how many were plausible, `found.band` by which residuals.
    """
    method = _method(reconstructor)
    if knobs:
        _warn_of_knobs_beside(", ".join(knobs))
        method = method.at(**knobs)
    region = None if roi is None else as_roi(roi).mask(as_measurement(measurement).matrix)
    number = as_whole(count, "the number of images")
    return progress.run(diversity.diverse(as_measurement(measurement), method, number, region=region), on_progress)


def posterior_contrast(
    measurement: Measurement,
    roi: ROI,
    reference: ROI | None = None,
    *,
    samples: int = 64,
    steps: int = 20,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Contrasts:
    """The contrast of a region to a reference region (its surroundings if None) in samples of the posterior.

    `found.exceeds(0.1)` is the probability that the region is more than 10% brighter, with its Monte-Carlo error;
    `found.values` the histogram. See `reconstructors.generative.posterior.Posterior.contrasts`.
    """
    region = as_roi(roi).mask(as_measurement(measurement).matrix)
    against = None if reference is None else as_roi(reference).mask(measurement.matrix)
    counts = as_whole(samples, "samples", 1, 10_000), as_whole(steps, "steps", 1, 1000), _seed(seed)
    job = Posterior().contrasts(measurement, region, against, *counts)
    return progress.run(job, on_progress)


@_with_knobs_beside
def fragility_map(
    measurement: Measurement,
    reconstructor: Method | Reconstructor,
    *,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> FragilityMap:
    """Where an attack would succeed, before a region is chosen: `fragility.fragility` with its options, to its end.

    `found.expected_change` is the map, `found.noise` the noise amplification; `found.worst(24, 24, 5)` lists regions.
    """
    given = as_options(options, fragility.fragility)
    return progress.run(fragility.fragility(as_measurement(measurement), _method(reconstructor), **given), on_progress)


@_with_knobs_beside
def retention_map(
    measurement: Measurement,
    reconstructor: Method | Reconstructor,
    roi: ROI | None = None,
    *,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> RetentionMap:
    """Where a small feature is kept: `analyses.retention.retention_map` with its options, to its end."""
    given, region = as_options(options, retention.retention_map), None if roi is None else as_roi(roi)
    job = retention.retention_map(as_measurement(measurement), _method(reconstructor), region, **given)
    return progress.run(job, on_progress)


@_with_knobs_beside
def recovery_table(
    measurement: Measurement,
    reconstructor: Method | Reconstructor,
    roi: ROI | None = None,
    *,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> RecoveryTable:
    """How many features are recovered, by size and contrast: `analyses.retention.recovery_table`, to its end.

    `print(table.markdown())` shows it.
    """
    given, region = as_options(options, retention.recovery_table), None if roi is None else as_roi(roi)
    job = retention.recovery_table(as_measurement(measurement), _method(reconstructor), region, **given)
    return progress.run(job, on_progress)


@_with_knobs_beside
def quality_by_samples(
    measurement: Measurement,
    reconstructor: Method | Reconstructor,
    accelerations: Sequence[float],
    *,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> SamplesCurve:
    """The quality of a fixed method over the number of samples: `analyses.samples.quality_by_samples`, to its end.

    measurement: of a fully sampled scan. `curve.levels` has the means at each R, `curve.sentence` whether they fall.
    """
    wanted = as_numbers(accelerations, "the accelerations", "(2, 4, 8)")
    given = as_options(options, samples.quality_by_samples)
    job = samples.quality_by_samples(as_measurement(measurement), _method(reconstructor), wanted, **given)
    return progress.run(job, on_progress)


def reconstruct_scan(
    scan: Scan,
    reconstructor: Method | Reconstructor,
    sampling: "Sampling | Tensor | None" = None,
    *,
    device: str = "cpu",
    on_progress: OnProgress | None = None,
) -> Volume:
    """Every slice of an open scan by one method: `analyses.volume.reconstruct_scan`, to its end.

    sampling: as of `Scan.measurement`. `volume.images` is the stack, `volume.mean_metrics` how close it is to the fully
    sampled one, `volume.missing` says which slices could not be reconstructed; `rr.save_volume(volume, "scan.nii.gz")`
    writes it.
    """
    if not isinstance(scan, Scan):
        raise InputError(f"the scan is {one_line(repr(scan), 60)}; give what rr.open_scan(file) returns.")
    job = volume.reconstruct_scan(scan, _method(reconstructor), sampling, device=checked_device(device))
    return progress.run(job, on_progress)


def prewhiten_scan(
    path: str | Path, output: str | Path, *, on_progress: OnProgress | None = None
) -> prewhitening.CoilNoise:
    """Copy a file in fastMRI's layout with prewhitened coils: `io.prewhitening.prewhiten` at once."""
    return progress.run(prewhitening.prewhiten(path, output), on_progress)


def new_study(plan: str | Path) -> Path:
    """Write a plan to begin with, a YAML file, and beside it its JSON schema: `studies.beginning.new_plan`."""
    return new_plan(to_path(plan))


def check_study(
    plan: str | Path,
    *,
    store: str | Path | None = None,
    trust: bool = False,
    on_progress: OnProgress | None = None,
) -> Extent:
    """Expand and validate the plan of a study without opening k-space: how many trials it has.

    trust: allow methods that run code (.py, module:function, bart:). Raises `studies.mistakes.PlanError`, whose
    `mistakes` are all that was found, with their lines.
    """
    return progress.run(checking.check_study(to_path(plan), store=_folder(store), trust=trust), on_progress)


def estimate_study(
    plan: str | Path,
    *,
    trust: bool = False,
    on_progress: OnProgress | None = None,
) -> Estimate:
    """Hours and gigabytes of a study, from a sample of its trials that is run: `studies.estimate.estimate_study`."""
    return progress.run(estimate.estimate_study(to_path(plan), trust=trust), on_progress)


def run_study(
    plan: str | Path,
    *,
    store: str | Path | None = None,
    trust: bool = False,
    retry: bool = False,
    workers: int | None = 1,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    on_progress: OnProgress | None = None,
) -> Status:
    """Run what is not finished of a study, and say how far it is.

    store: the folder of results, beside the plan by default. retry: run failed trials again. workers: processes on
    this machine, one for each core if None; scheduler: the address of one of Dask's; cluster: a file for
    dask-jobqueue. Several processes need the guard `if __name__ == "__main__"` in a script.
    Raises InputError for what does not fit, WritingError where results cannot be written.
    """
    where = choose(workers, scheduler, None if cluster is None else to_path(cluster))
    job = running.run_study(to_path(plan), store=_folder(store), trust=trust, retry=retry, executor=where)
    return progress.run(job, on_progress)


def study_status(plan: str | Path, *, store: str | Path | None = None, trust: bool = False) -> Status:
    """How far a study is; InputError where it has no results yet."""
    return progress.run(running.study_status(to_path(plan), store=_folder(store), trust=trust))


def study_table(plan: str | Path, *, store: str | Path | None = None) -> "DataFrame":
    """The table of a study, a row for each finished trial, as a DataFrame of polars; `studies.store` says its columns.

    plan: its file, or the folder of its results.
    """
    return _opened(plan, store).table()


def study_report(
    plan: str | Path,
    path: str | Path,
    *,
    store: str | Path | None = None,
    figures: str | Path | None = None,
) -> "Figures":
    """Draw the figures of a study and write its report, one HTML file that works offline; returns the figures.

    plan: its file, or the folder of its results. path: the report, .html. figures: the folder for the figures (SVG) and
    their data (CSV), and for the tables of results (CSV, Markdown, LaTeX), which is made if it is missing; by default
    `figures` in the results. The result also says why other figures were not drawn.
    Raises what `reports.study.write_study_report` raises.
    """
    opened = _opened(plan, store)
    folder = _folder(figures) or opened.folder / "figures"
    trials = opened.table()
    from .figures.studies.all_figures import draw_all  # needs polars, without which there is no table
    from .figures.studies.papers import answer
    from .figures.studies.result_table import write_results
    from .figures.studies.shifts import untuned
    from .io.images import check_suffix
    from .reports.report import SUFFIX
    from .reports.study import write_study_report
    from .studies.keeping import keep_of, kept_cases

    check_suffix(to_path(path), (SUFFIX,))
    found = draw_all(trials, folder)
    drawn = list(found.drawn.values())
    said, inventory = None if trials.is_empty() else answer(trials), opened.inventory(opened.folder)
    write_study_report(
        trials,
        path,
        results=write_results(untuned(trials), folder),
        figures=drawn,
        lacking=found.lacking,
        cases=kept_cases(opened, trials),
        answer=said,
        planned=count_planned(opened),
        keep=keep_of(opened),
        changed=changed_since_run(to_path(plan), opened),
        notes=None if inventory is None else inventory.noted,
        provenance=opened.provenance(),
    )
    return found


def study_difference(
    first: str | Path, second: str | Path, *, metrics: Sequence[str] = (), volumes: Sequence[int] = VOLUMES
) -> "DataFrame":
    """How the trials of a second study differ from the same ones of a first: `studies.difference.study_difference`.

    first, second: files of plans, or folders of results.
    """
    tables = [_opened(plan).table() for plan in (first, second)]
    return difference.study_difference(*tables, metrics=as_texts(metrics, "metrics"), volumes=volumes)


def method_difference(
    plan: str | Path, baseline: str, *, metrics: Sequence[str] = (), volumes: Sequence[int] = VOLUMES
) -> "DataFrame":
    """How the other methods of a study differ from a baseline: `studies.difference.method_difference`.

    plan: the file of a plan, or a folder of results. baseline: a method's label in the study's table, or the id of one
    that has a single setting there.
    """
    trials = _opened(plan).table()
    return difference.method_difference(trials, baseline, metrics=as_texts(metrics, "metrics"), volumes=volumes)


def _opened(plan: str | Path, store: str | Path | None = None) -> Store:
    """The results of a plan; InputError where they are another study's."""
    return results_of(to_path(plan), _folder(store))


def _folder(store: str | Path | None) -> Path | None:
    return None if store is None else to_path(store)


def compare_methods(
    files: Sequence[str | Path] | Mapping[str, str | Path],
    methods: Sequence[str] | None = None,
    *,
    output: str | Path | None = None,
    baseline: str | None = None,
    axes: Sequence[str] | None = None,
    device: str = "cpu",
    whole_volumes: bool = False,
    on_progress: OnProgress | None = None,
    **grid: Any,
) -> Table:
    """Several methods (all by default) on several scans and masks: `analyses.quality.comparing.compare_methods`.

    files: fully sampled k-space, NIfTI volumes to simulate from, or folders of these, by the name of their table; those
    without names are grouped as `analyses.quality.grid.groups` says. methods: ids or own models, with "auto", "oracle"
    or knobs behind a comma ("tv, weight=5e-3"). output: a folder whose results are kept. whole_volumes: all slices of a
    scan are scored together as fastMRI's evaluation does, into the folder `volumes` of the output. grid: of
    `analyses.quality.grid.Grid` (patterns, accelerations, seeds, slices, ...).
    `print(table.markdown())` shows the result; `table.results` has one for each method and case, `table.scans` the
    names of their scans, `table.faults` the errors of the scans that were left out.
    """
    named = as_list(methods or registry.registry.available(), "the methods")
    texts = as_kinds(named, str, "the methods", 'its id, or the file of an own model, such as "my_model.py"')
    job = comparing.compare_methods(
        grids.groups(files),
        [MethodEntry.parse(text) for text in texts],
        grids.Grid(**grid),
        folder=_folder(output),
        baseline=baseline,
        axes=axes,
        device=checked_device(device),
        whole_volumes=whole_volumes,
    )
    return progress.run(job, on_progress)
