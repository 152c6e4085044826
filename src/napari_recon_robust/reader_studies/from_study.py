"""The cases that a study has saved, the worst first, as the cases of a reader study."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ..cases.record import own_region, read_description
from ..data.roi import ROI
from ..ground.errors import InputError, either
from ..ground.specification import Specification
from ..studies.columns import PLACE

if TYPE_CHECKING:
    from polars import DataFrame

Value = str | bool | float | None
Row = dict[str, Any]


class FromStudy(Specification):
    """Cases from a folder of results, to be named in a plan instead of them.

    study: the folder, whose own plan says with `keep` which trials are saved as cases. where: what columns of its table
    must hold, one value or one of several. arms: for each arm what its trials hold beyond that, such as {method: unet};
    then a case is a slice and region of which each arm has a trial. most: so many of them, the worst first. by: the
    column that says which is worse. lesion: whether there is one, where the table does not tell.
    """

    study: str
    where: dict[str, Value | tuple[Value, ...]] = Field(default_factory=dict)
    arms: dict[str, dict[str, Value | tuple[Value, ...]]] = Field(default_factory=dict)
    most: int | None = Field(default=None, gt=0)
    by: str = "ssim_region_perturbed"
    lesion: bool | None = None
    training: bool = False


def with_cases_of_studies(cases: Any, folder: Path) -> tuple[Any, list[int]]:
    """The cases of a plan as it was written, with those of studies in place of the studies; of each its entry's number.

    folder: the plan's, from which paths start. Raises InputError for a folder without results, a column that its table
    does not have, or where nothing is left.
    """
    listed = [cases] if isinstance(cases, Mapping) else cases
    if not isinstance(listed, list):
        return cases, []
    found = [(case, number) for number, one in enumerate(listed) for case in _cases(one, folder)]
    return [case for case, _ in found], [number for _, number in found]


def _cases(one: Any, folder: Path) -> Iterator[Any]:
    if isinstance(one, Mapping) and "study" in one:
        yield from _of_study(FromStudy.model_validate(dict(one)), folder)
    else:
        yield one


def _of_study(wanted: FromStudy, folder: Path) -> Iterator[dict[str, Any]]:
    store = folder / wanted.study
    rows = _worst_first(_saved(store, wanted), wanted.by)
    found = _compared(rows, wanted) if wanted.arms else [(row, _folder(wanted.study, row)) for row in rows]
    if not found:
        arms = " of which each arm has one" if wanted.arms else ""
        raise InputError(
            f"{store.name} has saved no case{arms} for which {_told(wanted.where)}; change the conditions, or let its "
            "plan keep more of the worst."
        )
    for row, saved in found[: wanted.most]:
        yield _entry(row, saved, wanted, store)


def _saved(store: Path, wanted: FromStudy) -> list[Row]:
    """The rows of the trials that are saved as cases and hold what is asked for."""
    from ..studies.rows import polars
    from ..studies.store import Store

    library, table = polars(), Store.open(store).table()
    cases = store / "cases"
    names = {case.name for case in cases.iterdir()} if cases.is_dir() else set()
    if not names:
        raise InputError(f"{store.name} has saved no case; add keep: {{worst: 12}} to its plan, and run it again.")
    _check_columns(table, [wanted.by, *wanted.where, *(name for arm in wanted.arms.values() for name in arm)])
    rows = table.filter(library.col("trial").str.slice(0, 16).is_in(list(names))).to_dicts()
    return [row for row in rows if _holds(row, wanted.where)]


def _check_columns(table: "DataFrame", names: Sequence[str]) -> None:
    usual = ("method", "method_label", "perturbation", "budget", "region_kind", "region_label", "ssim_region_perturbed")
    for name in names:
        if name not in table.columns:
            some = ", ".join(column for column in usual if column in table.columns)
            raise InputError(f"the table of the study has no column {name!r}; it has, for instance, {some}.")


def _holds(row: Row, conditions: Mapping[str, Value | tuple[Value, ...]]) -> bool:
    return all(row[name] in (value if isinstance(value, tuple) else (value,)) for name, value in conditions.items())


def _worst_first(rows: list[Row], by: str) -> list[Row]:
    from ..studies.keeping import larger_is_worse

    sign = -1 if larger_is_worse(by) else 1
    known = [row for row in rows if isinstance(row[by], int | float) and row[by] == row[by]]
    return sorted(known, key=lambda row: (sign * row[by], row["trial"]))


def _compared(rows: Sequence[Row], wanted: FromStudy) -> list[tuple[Row, dict[str, str]]]:
    """Each place of which all arms have a trial, as bad as the first arm's."""
    places: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        place = tuple(row.get(name) for name in PLACE)  # what the arms of one case have in common
        for arm in (arm for arm, conditions in wanted.arms.items() if _holds(row, conditions)):
            if arm in places.setdefault(place, {}):
                raise InputError(
                    f"{row['region']} of {row['scan']} has several saved cases for the arm {arm}; say with where: or "
                    f"arms: which, for instance by {either(['perturbation', 'budget', 'method_label'])}."
                )
            places[place][arm] = row
    first, ranks = next(iter(wanted.arms)), {row["trial"]: at for at, row in enumerate(rows)}
    whole = [found for found in places.values() if set(found) == set(wanted.arms)]
    whole.sort(key=lambda found: ranks[found[first]["trial"]])
    return [(found[first], {arm: _folder(wanted.study, found[arm]) for arm in wanted.arms}) for found in whole]


def _folder(study: str, row: Row) -> str:
    return f"{study.rstrip('/')}/cases/{row['trial'][:16]}"


def _entry(row: Row, saved: str | dict[str, str], wanted: FromStudy, store: Path) -> dict[str, Any]:
    """A case as a plan has it: the patient is the unit of the study's statistics."""
    inserted = row["region_kind"] == "lesions"
    lesion = True if inserted else wanted.lesion
    folders = dict.fromkeys(saved.values() if isinstance(saved, dict) else (saved,))
    described = [read_description(store / "cases" / Path(folder).name) for folder in folders]
    features = [own_region(one["results"]) for one in described]
    feature = features[0] if all(one == features[0] for one in features) else None  # each arm may have its own
    of_region = {"lesions": "simulation", "annotations": "fastmri+"}.get(row["region_kind"], "unknown")
    return {
        "id": f"case-{row['trial'][:12]}",
        "saved": saved,
        "patient": str(row["volume"])[-80:],
        "lesion": lesion,
        "place": _place(feature or described[0]["roi"], described[0]["matrix"]) if lesion else None,
        "source": "simulation" if any(features) and lesion else of_region,
        "training": wanted.training,
    }


def _place(region: dict[str, Any], matrix: Sequence[int]) -> dict[str, Any] | None:
    """The region of a lesion; None for the whole image, which says nothing of its place."""
    return None if ROI.model_validate(region).mask((matrix[0], matrix[1])).all() else region


def _told(where: Mapping[str, Any]) -> str:
    told = [f"{name} is {either([str(one) for one in (value if isinstance(value, tuple) else (value,))])}"
            for name, value in where.items()]  # fmt: skip
    return " and ".join(told) or "anything is asked"
