"""The store of a study: a folder that holds the truth on what was run, and that other programs read.

    store.json              version of the layout, the study's name
    plan.yaml               the plan as it was run last
    inventory.json          what is known of its scans
    plan.parquet            the trials that the plan has, in its order, with the columns that it and the scans' labels
                            tell; these count, as what was measured earlier may have other labels beside it
    provenance/*.json       when each attempt began, with what versions, device and threads, the SHA-256 of this
                            package's code (`code`), and those of the weights and the own code of each method by its
                            label; by the column `attempt`
    trials/part-*.parquet   the table: a row for each trial; pandas, polars and DuckDB read the folder
    rows/                   rows that are not in the table yet: a Parquet file for each shard and attempt, or the lines
                            of an attempt that is under way or was killed
    images/                 kept images, one Zarr archive for each trial
    cases/                  the worst trials as saved cases, which the gallery opens
    logs/                   of the elements of a job array, and of a run that was started in the window
    runs/                   who runs the study at the moment, see `lease`; more of it and progress.json see `watching`

A trial is in the table once. Trials that the plan no longer has, or of files that have changed since, stay in trials/
for a plan that has them again; reports, exports and comparisons are of the plan's trials. The columns:

    trial                   its identity, SHA-256 of all that determines the result
    plan, scan, volume, slice   the study; the file as in the plan; the unit of statistics (by default the file); from 0
    chosen                  why the plan's filter chose the slice: filtered, random or both; else null
    label_<name>            each column of the table of labels
    mask, acceleration, mask_seed   the pattern, the nominal R, its seed (a number, or the name of the file)
    centre_fraction, minimum_centre_lines   of the mask: the share of lines in its centre, and how many at least
    region, region_kind, region_label, region_pixels, region_mm2    its id in the slice, image / annotations / drawn /
                            grid / fragile / lesions, its label, its size
    region_digest           the beginning of the SHA-256 of all that determines the region's place, whatever its id
    method, knobs, method_label     as in the plan; all knobs as JSON; a short text that is unique in the plan
    reference_kind          the fully sampled image, if there is one, that the method is measured against: combined by
                            the sensitivities (combined), or the root sum of squares of its coil images (rss)
    perturbation, perturbation_knobs, budget, control, seed     its id ("none" for clean samples), all knobs as JSON, a
                            fraction or null, whether it is the random control of the same size, the seed
    found_for               the label of the method that it was searched for on; null for the trial's own
    <metric>_<where>_<state>    ssim, psnr (dB), nmse in region, foreground, image, clean and perturbed; of a control,
                            perturbed is under that random noise; of an undersampled scan clean is null, and perturbed
                            is against the method's own clean image; contrast_recovery and detectability in region;
                            of a region that was not inserted, contrast_recovery is null where the reference's
                            contrast is below 5% of what lies around it
    detectability_region_<state>    (a - b) / s of the mean magnitudes a in the region and b around it, s the standard
                            deviation around it; no signal-to-noise ratio in the samples, as `details` of FNAF have
    detectability_region_reference  that of the fully sampled image, the sign of which the others are relative to
    coverage_<level>_foreground_clean   the share of the foreground whose reference lies in the interval of that level
                            (percent), of methods that draw their image
    start_<metric>_<where>_clean    the same of the method that a training started from
    worst_angle, floor_ssim_region_perturbed    the worst rotation (°), the region's SSIM in its fully sampled image,
                            turned back
    published_loss, input_mse, image_pixels, feature_row, feature_column    of FNAF's feature; the size of the image,
                            over which both are means; its place relative to it, 0 to 1
    effective_acceleration  what a full scan measures, over what was sampled: of a scan that was undersampled by the
                            scanner only those points of a mask that it measured
    budget_reached          ||M z|| / ||k||, measured on the perturbed samples
    cautions                reasons to doubt its images, name to words as JSON; null if there are none: second_set (a
                            folded field of view), loud_coil, dc_offset, few_coils, transformed (no k-space), split
                            (an image over its ends), spike, interference, covered_noise and no_imaginary of the
                            samples, disagreement of an own model with them, nondeterministic of one that gives another
                            image when it is asked again, amplified_noise of a method, and what a search says of itself
    seconds, error, device, attempt, code   the time it took; the sentence of a trial that failed, else null; where it
                            ran; which file of provenance/ says with what versions; the beginning of the SHA-256 of this
                            package's code

Files appear under unique names and completely or not at all; one writer merges them. Of two rows of a trial the first
that is valid (without an error) counts, so that whatever is killed loses only the trials under way.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from ..cases.record import versions
from ..ground.documents import read_json
from ..ground.errors import FileFormatError, InputError
from ..ground.guard import read, shown
from ..ground.machine import has_ended, machine
from ..ground.writing import WritingError, append, remove_leftovers, said, write
from .inventory import Inventory
from .lease import Lease
from .remarks import REMARKS
from .row_files import LINES, RowFiles
from .rows import Row, batches, columns_in, frame_of, once, packed, polars, read_lines, read_rows
from .table import NEEDED, ORDER, columns_of, planned_columns

if TYPE_CHECKING:
    from polars import DataFrame

T = TypeVar("T")

VERSION = 1
_LOOKS = 20  # at files that are merged meanwhile
_PART = 100_000  # rows of a part of the table, about
_OLD = 24 * 3600.0  # seconds after which an attempt that wrote nothing is over, whatever is known of its process


class Store:
    """The store in a folder. columns: of its rows, with their types. run: the number of the run that it serves.

    Workers may outlive their run, on other machines too. Once a later one has begun they keep nothing any more, and it
    takes over what they have kept. Without a number, as for whoever takes part in another's run, that does not hold.
    """

    def __init__(self, folder: Path, columns: Mapping[str, str], run: int | None = None) -> None:
        self.folder, self.columns, self.run = folder, dict(columns), run
        self._files = RowFiles(folder)

    @staticmethod
    def begin(folder: Path, name: str) -> None:
        """Make the folder of a store with its head, unless it is there; raises what `prepare` raises."""
        polars()
        check_place(folder, name)
        if not os.path.lexists(folder / "store.json"):
            head = {"version": VERSION, "study": name, "note": "Not for diagnostic use."}
            write(folder / "store.json", _json(head))

    @classmethod
    def prepare(
        cls,
        folder: Path,
        name: str,
        plan: bytes,
        inventory: Inventory,
        columns: Mapping[str, str],
        planned: Iterable[Row] = (),
    ) -> "Store":
        """Make the store, or go on with the one that is there. planned: a row for each trial of the plan, in its order.

        Killed at any point it leaves the former plan, or all of the new one: by `plan.yaml`, which is written last, it
        is seen whether the results are of the plan. Raises InputError for a folder that holds something else, or a
        store of another version or study.
        """
        cls.begin(folder, name)
        write(folder / "plan.parquet", packed(_planned(planned, columns)))
        write(folder / "inventory.json", inventory.model_dump_json().encode())
        write(folder / "plan.yaml", plan)
        return cls(folder, columns)

    @staticmethod
    def check(folder: Path, name: str = "") -> None:
        """Raise InputError for a folder that is no store, or one of another version or study."""
        if not os.path.lexists(folder / "store.json"):
            raise InputError(f"{shown(folder)} holds no results of a study yet; run the study first.")
        head = read_json(folder / "store.json", InputError)
        if not isinstance(head, dict) or head.get("version") != VERSION:
            found = head.get("version", "no number") if isinstance(head, dict) else "no number"
            raise InputError(
                f"the results in {shown(folder)} have the layout {found}, and {VERSION} is read here; go on with the "
                "version that wrote them, or name another folder by --store."
            )
        if name and head.get("study") != name:
            raise InputError(
                f"{shown(folder)} holds the study {head.get('study')!r}, and this plan is {name!r}; name another folder"
                " by --store, or give the plan that name."
            )

    @staticmethod
    def inventory(folder: Path) -> Inventory | None:
        """The inventory of a store; None where there is none yet."""
        path = folder / "inventory.json"
        return Inventory.read(path) if os.path.lexists(path) else None

    @classmethod
    def open(cls, folder: Path, run: int | None = None) -> "Store":
        """A store that is there already; InputError for a folder that holds none."""
        cls.check(folder)
        return cls(folder, columns_of(cls.inventory(folder)), run)

    @property
    def digest(self) -> str:
        """SHA-256 of the plan and the inventory, which tell what the numbers of scans, masks and trials stand for."""
        return sha256(b"".join(read(self.folder / name) for name in ("plan.yaml", "inventory.json"))).hexdigest()

    @property
    def superseded(self) -> bool:
        """Whether a later run has begun than the one that it serves."""
        return self.run is not None and self.run < Lease(self.folder).last

    def attempt(self, facts: Mapping[str, Any]) -> str:
        """A new attempt, whose provenance is written: versions and what the caller knows."""
        name = uuid4().hex[:12]
        known = {**facts, "machine": machine(), "process": os.getpid(), "run": self.run, "versions": versions()}
        write(self.folder / "provenance" / f"{name}.json", _json(known))
        return name

    def provenance(self) -> dict[str, dict[str, Any]]:
        """What each attempt has kept of itself, by its name; those whose file is damaged are left out."""
        found = dict[str, dict[str, Any]]()
        for path in sorted((self.folder / "provenance").glob("*.json")):
            with suppress(FileFormatError, OSError):
                found[path.stem] = read_json(path)
        return found

    def add(self, shard: str, attempt: str, row: Row) -> None:
        """Keep the row of a trial at once, in the lines of its shard and attempt.

        Raises WritingError where that fails, or where the folder of the store has gone.
        """
        path = self._files.lines(shard, attempt)
        if not path.parent.exists():
            if not os.path.lexists(self.folder / "store.json"):  # else the rest would lie there without its plan
                raise WritingError(
                    f"the results in {shown(self.folder)} have gone while the study ran; bring them back, or run it "
                    "again into another folder by --store.",
                    "the results have gone",
                )
            with said(path):
                path.parent.mkdir(parents=True, exist_ok=True)
        append(path, json.dumps(row) + "\n")

    def publish(self, shard: str, attempt: str) -> None:
        """Turn the lines of a shard and attempt into their Parquet file; nothing where there are none."""
        lines = self._files.lines(shard, attempt)
        rows = list(read_lines(lines)) if lines.exists() else []
        if rows:
            write(lines.with_name(f"{lines.stem}-{uuid4().hex[:8]}.parquet"), packed(frame_of(rows, self.columns)))
        with suppress(FileNotFoundError):
            lines.unlink()

    def finished(self, *, failed: bool = True) -> set[str]:
        """The trials that have a row. failed: also those whose rows have an error, which else are to be run again."""
        return _reading(lambda: _finished(self._files.all, failed))

    def kept(self, shard: str) -> set[str]:
        """The trials of a shard that have a row which is not merged yet, of an earlier attempt at it."""

        def look() -> set[str]:
            return _finished([path for path in self._files.unmerged if path.name.startswith(f"{shard}-")], True)

        return _reading(look)

    @property
    def is_merged(self) -> bool:
        """Whether no shard that has ended waits for being merged."""
        return not self._files.ended

    def table(self) -> "DataFrame":
        """The rows of the plan's trials, each once, in its order: by scan, slice, mask, method, region, perturbation.

        Of a store of a version that did not keep which these are, all rows, in the alphabet's order.
        """
        found: DataFrame = _reading(self._table)
        return found

    def planned(self) -> list[str]:
        """The trials that the plan had when it was run last; InputError for a store that does not keep them."""
        path = self.folder / "plan.parquet"
        if not os.path.lexists(path):
            raise InputError(f"the results in {shown(self.folder)} do not name their trials; run the study again.")
        return list(read_rows(path)["trial"].to_list())

    def remarks(self) -> "DataFrame":
        """Of every trial that has a row its scan, method, error and cautions, whatever the plan."""
        found: DataFrame = _reading(self._remarks)
        return found

    def _remarks(self) -> "DataFrame":
        kinds = {name: self.columns[name] for name in REMARKS}
        return self._every(kinds, lambda path: read_rows(path, *kinds))

    def _every(self, columns: Mapping[str, str], read: Callable[[Path], "DataFrame"]) -> "DataFrame":
        """A row for each trial that has one, whatever the plan. read: opens a Parquet file with rows."""
        unmerged, parts = self._files.unmerged, self._files.parts  # in this order, as rows move from those to these
        lines = [row for path in unmerged if path.suffix == LINES for row in read_lines(path)]
        frames = [read(path) for path in (*parts, *unmerged) if path.suffix != LINES]
        return once(polars().concat([*frames, frame_of(lines, columns)], how="diagonal_relaxed"))

    def _table(self) -> "DataFrame":
        every = self._every(self.columns, partial(read_rows, types=self.columns, needed=NEEDED))
        path = self.folder / "plan.parquet"
        found: DataFrame
        if not os.path.lexists(path):
            found = every.sort(ORDER, maintain_order=True, nulls_last=True)
            return found
        told = read_rows(path).drop("error")
        former = {name for name in every.columns if name.startswith("label_") and name not in self.columns}
        measured = every.select("trial", *(name for name in every.columns if name not in {*told.columns, *former}))
        both = told.join(measured, on="trial", how="inner", maintain_order="left")
        found = both.select(name for name in dict.fromkeys((*self.columns, *both.columns)) if name in both.columns)
        return found

    def compact(self) -> None:
        """Merge what is finished into the table, and remove the files that are merged: by one writer at a time.

        Killed at any point it leaves every row in one file at least. What killed writers have left is removed.
        """
        library = polars()
        for folder in (self.folder, *self.folder.glob("*/"), *self.folder.glob("images/*/")):
            remove_leftovers(folder)
        for path in self._files.journals:
            shard, attempt = path.stem.rsplit("-", 1)
            if self._is_over(attempt, path):
                self.publish(shard, attempt)
        known = self._identities()
        valid = set(known.filter(library.col("error").is_null())["trial"].to_list())
        for some in batches(self._files.ended, _PART):
            rows = library.concat(
                [read_rows(path, types=self.columns, needed=NEEDED) for path in some], how="diagonal_relaxed"
            )
            new = once(rows).filter(~library.col("trial").is_in(list(valid)))
            if len(new):
                new = new.sort(ORDER, maintain_order=True, nulls_last=True)
                number = 1 + max((int(path.stem.split("-")[1]) for path in self._files.parts), default=0)
                part = self._files.part(number, uuid4().hex[:12])
                write(part, packed(new))
                valid |= set(new.filter(library.col("error").is_null())["trial"].to_list())
            for path in some:
                path.unlink(missing_ok=True)
        self._heal()
        _align(self._files.parts, set(self.columns.values()))

    def _identities(self) -> "DataFrame":
        """Trial and error of every row of the table, and which part it is in."""
        library = polars()
        frames = [
            read_rows(path, "trial", "error").with_columns(part=library.lit(number))
            for number, path in enumerate(self._files.parts)
        ]
        empty = library.DataFrame(schema={"trial": library.String, "error": library.String, "part": library.Int32})
        found: DataFrame = library.concat([empty, *frames], how="vertical_relaxed")
        return found

    def _heal(self) -> None:
        """Leave of each trial one row: the first valid one, or of failed ones the last."""
        library, known, parts = polars(), self._identities(), self._files.parts
        if known["trial"].n_unique() == len(known):
            return
        failed = known["error"].is_not_null()
        order = known.with_columns(failed=failed, age=library.when(failed).then(-library.col("part")).otherwise("part"))
        owned = order.sort("failed", "age", maintain_order=True).unique("trial", keep="first", maintain_order=True)
        for number, path in enumerate(parts):
            mine = owned.filter(part=number)
            if len(mine) < len(known.filter(part=number)):
                kept = read_rows(path).join(mine.select("trial"), on="trial", maintain_order="left", how="semi")
                if len(kept):
                    write(path, packed(kept))
                else:
                    path.unlink(missing_ok=True)

    def _is_over(self, attempt: str, lines: Path) -> bool:
        """Whether nobody adds to the lines of an attempt any more."""
        with suppress(FileFormatError, OSError, TypeError, KeyError):
            known = read_json(self.folder / "provenance" / f"{attempt}.json")
            if self.run is not None and known.get("run") is not None and known["run"] < self.run:
                return True
            name, process = str(known["machine"]), known["process"]
            if (name, process) == (machine(), os.getpid()) or has_ended(name, process):
                return True
            # also on this machine, where another process may have the number by now
            return time.time() - lines.stat().st_mtime > _OLD
        return False


def check_place(folder: Path, name: str) -> None:
    """Raise InputError where the store of a study of that name can neither be made nor gone on with."""
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise InputError(f"{shown(folder)} is no folder; name another one by --store.")
    # Looked at first: workers that begin at the same time make the store together, and its head is written first.
    others = [one.name for one in folder.iterdir()] if os.path.isdir(folder) else []
    if os.path.lexists(folder / "store.json"):
        Store.check(folder, name)
    elif any(other != "logs" and not other.startswith(".") for other in others):
        raise InputError(f"{shown(folder)} is not empty and holds no study; name another folder by --store.")


def _reading(look: Callable[[], T]) -> T:
    """Look at the files of a store; once more if one was merged meanwhile, which then is in another."""
    for _ in range(_LOOKS):
        with suppress(FileNotFoundError):
            return look()
    return look()


def _finished(files: Iterable[Path], failed: bool) -> set[str]:
    """The trials that have a row in some files of a store. failed: also those whose rows have an error."""
    library = polars()
    done = set[str]()
    for path in files:
        if path.suffix == LINES:
            done.update(row["trial"] for row in read_lines(path) if failed or row.get("error") is None)
        else:
            kept = read_rows(path, "trial", "error")
            done.update((kept if failed else kept.filter(library.col("error").is_null()))["trial"].to_list())
    return done


def _align(parts: Sequence[Path], kinds: set[str]) -> None:
    """Give all parts of the table the same columns of these kinds: polars and DuckDB refuse a folder where they differ.

    Those of an earlier version, or of a plan with other labels, lack some, which are null there.
    """
    library = polars()
    has = {path: columns_in(path) for path in parts}
    every = {name: kind for known in has.values() for name, kind in known.items() if kind in kinds}
    for path, known in has.items():
        missing = [name for name in every if known.get(name) in (None, "Null")]
        if missing:
            nulls = [library.lit(None, getattr(library, every[name])).alias(name) for name in missing]
            write(path, packed(read_rows(path).with_columns(nulls)))


def _planned(rows: Iterable[Row], columns: Mapping[str, str]) -> "DataFrame":
    """The content of plan.parquet, made of some rows at a time."""
    library, rest = polars(), iter(rows)
    kinds = planned_columns(columns) | {"error": columns["error"]}  # which every part of a table has
    frames = [frame_of([], kinds)]
    while some := list(islice(rest, _PART)):
        frames.append(frame_of(some, kinds))
    found: DataFrame = library.concat(frames)
    return found


def _json(value: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(value, indent=1, sort_keys=True)}\n".encode()
