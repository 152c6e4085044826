"""The slices on which a proxy does worst, beside equally many random ones: an adversarially filtered shift.

After Darestani, Chaudhari and Heckel 2021, arXiv:2102.06103, section 4.
"""

import json
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256

import numpy as np

from ..evaluation import metrics
from ..ground.errors import InputError, ReconRobustError
from ..ground.progress import Job, Progress
from ..reconstructors.base import Method
from ..statistics.shifts import filtered
from .devices import claimed
from .expand import Study
from .inventory import BOTH, FILTERED, RANDOM, Inventory, ScanFacts
from .mistakes import Unfit
from .plan import Filter
from .regions import regions_of
from .shared import OpenScan
from .work import computing

Scores = dict[int, float]  # by slice


def filter_slices(study: Study, known: Inventory | None) -> Job[Inventory]:
    """The study's inventory with the slices that its filter chooses.

    known: the inventory of the store, whose scores serve where file, slices, mask and proxy are the same. Raises Unfit
    where fewer slices have a score than are asked for.
    """
    wanted = _filter(study)
    method = study.opened(wanted.proxy).at(**wanted.knobs)
    before = {one.scored: one.scores for one in known.scans} if known else {}
    found, failed = list[ScanFacts](), ""
    with claimed(study.plan.device) as device, closing(OpenScan(study, device)) as opened:
        for number, facts in enumerate(study.inventory.scans):
            yield Progress(number / len(study.inventory.scans), f"Looking for the worst slices, {facts.name}")
            slices = _candidates(study, facts)
            key = _key(study, facts, slices, method)
            scores = before.get(key)
            if scores is None:
                scores, sentence = _scores(opened, facts, slices, method)
                failed = failed or sentence
            found.append(facts.model_copy(update={"scored": key, "scores": scores}))
    return _chosen(study, found, [one.scores for one in found], failed)


def guess_slices(study: Study) -> Inventory:
    """The study's inventory with as many slices as its filter will choose; which ones only k-space tells."""
    draw = np.random.default_rng(0)
    scans = study.inventory.scans
    guessed = [{slice: float(draw.random()) for slice in _candidates(study, facts)} for facts in scans]
    return _chosen(study, scans, guessed, "")


def _filter(study: Study) -> Filter:
    found = study.plan.slices.filter
    assert found is not None
    return found


def _candidates(study: Study, facts: ScanFacts) -> list[int]:
    """The slices among which the filter chooses: those that the plan names and that have a region."""
    return [slice for slice in study.named_slices(facts) if regions_of(study.plan, facts, slice)]


def _key(study: Study, facts: ScanFacts, slices: Sequence[int], method: Method) -> str:
    """SHA-256 of all that determines the scores of a scan."""
    determining = [
        facts.digest,
        facts.opened_with,
        slices,
        study.masks(facts)[0].determining(),
        _filter(study).proxy,
        dict(method.knobs),
        method.fingerprint(),
    ]
    return sha256(json.dumps(determining, sort_keys=True).encode()).hexdigest()


def _scores(opened: OpenScan, facts: ScanFacts, slices: Sequence[int], method: Method) -> tuple[Scores, str]:
    """The SSIM of the proxy's clean images on the foreground, under the plan's first mask; and what went wrong."""
    scores, failed = Scores(), ""
    sampling = opened.study.masks(facts)[0].sampling
    with computing(opened.study.plan.threads):
        for slice in slices:
            try:
                measurement = opened.scan(facts).measurement(slice, sampling).to(opened.device)
                reference = measurement.reference(method.reference_kind)
                if reference is None:
                    raise InputError(f"{facts.name} is undersampled, so that no proxy can be judged on it.")
                measured = metrics.measure(method(measurement), reference, tissue=measurement.foreground)
                scores[slice] = float(measured["foreground"].ssim)
            except ReconRobustError as error:
                failed = failed or str(error)
    return scores, failed


def _chosen(study: Study, scans: Sequence[ScanFacts], scores: Sequence[Scores], failed: str) -> Inventory:
    """The inventory with the chosen slices of each scan."""
    wanted = _filter(study)
    every = [(number, slice, score) for number, of in enumerate(scores) for slice, score in of.items()]
    if len(every) < wanted.count:
        why = f" ({failed.rstrip('.')})" if failed else ""
        raise Unfit(
            ("slices", "filter", "count"),
            f"the {wanted.count} worst of {len(every)} slices are asked for{why}; ask for fewer, or name more slices.",
        )
    found = filtered([score for *_, score in every], wanted.count, seed=wanted.seed)
    worst, random = set(found.worst.tolist()), set(found.random.tolist())
    chosen: list[dict[int, str]] = [{} for _ in scans]
    for place in sorted(worst | random):
        number, slice, _ = every[place]
        chosen[number][slice] = BOTH if place in worst & random else FILTERED if place in worst else RANDOM
    marked = (facts.model_copy(update={"chosen": of}) for facts, of in zip(scans, chosen, strict=True))
    return study.inventory.model_copy(update={"scans": tuple(marked)})
