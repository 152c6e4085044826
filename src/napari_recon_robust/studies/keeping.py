"""The worst trials of a study as saved cases, which the gallery opens and a replay checks."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ..cases.making import make_case
from ..cases.record import DESCRIPTION, Case, array_hash, save_case
from ..data.roi import ROI
from ..evaluation.metrics import LARGER_IS_WORSE
from ..ground.documents import read_yaml
from ..ground.guard import opening
from ..ground.progress import Job, Progress
from ..perturbations.outcome import Outcome
from ..physics.sampling_values import as_values
from .columns import CLEAN
from .devices import claimed
from .expand import Study
from .measure import outcome_of
from .mistakes import Unfit
from .plan import METRICS, Keep
from .rows import against, polars
from .shared import OpenScan, SharedSlice
from .store import Store
from .table import NUMBER, columns_of
from .trial import Trial
from .work import computing

if TYPE_CHECKING:
    from polars import DataFrame

_PLAN = "the plan of a study", "run the study again"  # what is opened, and what to do where it is damaged


def larger_is_worse(column: str) -> bool:
    """Whether the largest values of a column of the table are the worst."""
    return column.removeprefix("start_").startswith(LARGER_IS_WORSE)


def check_columns(study: Study) -> None:
    """Raise Unfit where a plan keeps by a column that its table does not have."""
    keep, columns = study.plan.keep, columns_of(study.inventory)
    for keys, name in ((("keep", "by"), keep.by), *((("keep", "group", n), one) for n, one in enumerate(keep.group))):
        if name not in columns:
            some = ", ".join(name for name in columns if name.endswith("_perturbed"))
            raise Unfit(keys, f"the table has no column {name!r}; it has, for instance, {some}.")
    if columns[keep.by] != NUMBER:
        raise Unfit(("keep", "by"), f"the column {keep.by!r} has no numbers to be worst by; name one of a metric.")
    metric = next((one for one in METRICS if keep.by.removeprefix("start_").startswith(f"{one}_")), None)
    if keep.worst and metric is not None and metric not in study.plan.metrics:
        raise Unfit(("keep", "by"), f"{keep.by} is not measured; add {metric} to the metrics, or name another column.")


def worst_of(keep: Keep, table: "DataFrame") -> list[str]:
    """The trials of each group with the worst values, as the part `keep` of a plan asks; worst first within each.

    Undersampled scans are groups of their own where their images are measured against the clean ones. What was found
    for another method is left out: a replay that searches again could not find it.
    """
    library = polars()
    falls = larger_is_worse(keep.by)
    found = table.filter(
        library.col("error").is_null()
        & (library.col("perturbation") != CLEAN)
        & ~library.col("control")
        & (library.col("found_for").is_null() | (library.col("found_for") == library.col("method_label")))
        & library.col(keep.by).is_not_nan()
    )
    found = found.sort(keep.by, "trial", descending=[falls, False], nulls_last=True)
    groups = found.group_by(*keep.group, against(found, keep.by).alias("against"), maintain_order=True)
    worst: list[str] = groups.head(keep.worst)["trial"].to_list()
    return worst


def folder_of(trial: str) -> str:
    """The name of the folder of a trial's case."""
    return trial[:16]


def keep_of(store: Store) -> Keep:
    """Which images the plan keeps; no method of it is opened. Raises FileFormatError for a damaged plan."""
    plan = store.folder / "plan.yaml"
    with opening(plan, *_PLAN):
        return Keep.model_validate(read_yaml(plan).get("keep") or {})


def kept_cases(store: Store, table: "DataFrame") -> list[Path]:
    """The saved cases of the worst trials in the table of a store, by its plan, the worst of all of them first.

    Those that were the worst before the study was extended are left out. Raises FileFormatError for a damaged plan.
    """
    keep = keep_of(store)
    with opening(store.folder / "plan.yaml", *_PLAN):
        worst = table.filter(table["trial"].is_in(worst_of(keep, table)))
        ordered = worst.sort(keep.by, "trial", descending=[larger_is_worse(keep.by), False])
    places = (store.folder / "cases" / folder_of(id) for id in ordered["trial"])
    return [place for place in places if (place / DESCRIPTION).exists()]


def keep_worst(study: Study, store: Store) -> Job[list[Path]]:
    """Save the worst trials as cases that are not there yet; the folders of all of them.

    Each is run once more: it is determined by its identity.
    """
    if not study.plan.keep.worst:
        return []
    wanted = {id: store.folder / "cases" / folder_of(id) for id in worst_of(study.plan.keep, store.table())}
    if all(place.exists() for place in wanted.values()):
        return list(wanted.values())
    done = 0
    with claimed(study.plan.device) as device, closing(OpenScan(study, device)) as opened:
        for group in study.groups():
            trials = [trial for trial in group.trials() if trial.id in wanted and not wanted[trial.id].exists()]
            shared = SharedSlice(opened, group)
            for trial in trials:
                done += 1
                yield Progress(done / len(wanted), f"Saving the worst, {done} of {len(wanted)}")
                with computing(study.plan.threads):
                    roi = labelled(shared, trial)
                    save_case(case_of(shared, trial, roi, outcome_of(shared, trial, roi)), wanted[trial.id])
    return list(wanted.values())


def labelled(shared: SharedSlice, trial: Trial) -> ROI:
    """The region of a trial, which has a label in its case."""
    roi = shared.of(trial.region)[1]
    return roi if roi.label else roi.model_copy(update={"label": trial.region.label or trial.region.id})


def case_of(shared: SharedSlice, trial: Trial, roi: ROI, outcome: Outcome) -> Case:
    """The case of a trial, as it is saved."""
    measurement = shared.of(trial.region)[0]
    facts = {
        "acceleration": measurement.acceleration,
        "sampling": as_values(trial.mask.sampling),
        "trial": trial.id,
    }
    full = shared.measurement.full
    if measurement is not shared.measurement and full is not None:  # its own full samples have the lesion
        facts["anatomy"] = array_hash(full.cpu().numpy())
    return make_case(
        measurement,
        shared.method(trial.setting),
        roi,
        [outcome],
        perturbation=trial.change.kind,
        perturbation_knobs=trial.change.knobs,
        source={**shared.facts(), **facts},
    )
