"""Every method on every slice under every mask."""

import json
from collections.abc import Iterable
from functools import partial

from ...ground.errors import ReconRobustError
from ...ground.progress import Job, Progress, relayed
from .entries import MethodEntry
from .grid import UndersampledSlice
from .results import MethodResult
from .run import Run


def on_slices(run: Run, cases: Iterable[UndersampledSlice]) -> Job[bool]:
    """Add the results of all methods on the cases to the run; whether there was any case."""
    used = False
    for case in cases:
        used = True
        run.table.scans.setdefault(case.scan, case.name)
        begin, end = case.span
        share = (end - begin) / len(run.entries)
        for number, entry in enumerate(run.entries):
            at = begin + share * number
            yield Progress(at, f"{case.group}, {case.sampling.acceleration:g}x: {entry.name}", preview=run.table)
            blank = run.blank(
                entry,
                group=case.group,
                scan=case.scan,
                slice=case.slice,
                sampling=case.sampling,
                effective=case.measurement.acceleration,
                input=case.input,
            )
            if not run.results.reused(blank):
                part = partial(run.progress, at, share, name=entry.name)
                run.results.add((yield from relayed(_measured(run, case, entry, blank), part)))
    return used


def _measured(run: Run, case: UndersampledSlice, entry: MethodEntry, blank: MethodResult) -> Job[MethodResult]:
    try:
        made = yield from run.reconstructed(entry, case)
        scores = case.score(made.image)
    except ReconRobustError as error:
        return blank.model_copy(update={"error": " ".join(str(error).split())})
    of_image = {f"{name}_image": value for name, value in vars(scores["image"]).items()}
    return blank.model_copy(
        update={
            **vars(scores["foreground"]),
            **of_image,
            "seconds": made.seconds,
            "knobs": json.dumps(dict(made.method.knobs)),
            "caution": made.caution,
            "scan_caution": " ".join(case.cautions),
        }
    )
