"""Undo and redo of what a review is set to: regions, sampling, method, knobs, kind of perturbation, budgets."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..ground.errors import InputError
from ..ground.numbers import written
from ..physics.sampling_values import same_sampling
from .acquisition import Slice
from .regions import Region, named
from .review_part import Basis, ReviewPart
from .task import Task

if TYPE_CHECKING:
    from ..perturbations.base import Perturbation
    from ..reconstructors.base import Method

_MOST = 200  # steps that are kept
_PAUSE = 1.0  # seconds without a turn of a knob, after which the next turn is another step


@dataclass(frozen=True, eq=False)
class Settings:
    """What is undone. budgets: the one that is looked at comes last. Which slice is shown is no setting.

    sampling: the one that was asked for, of which None is as acquired; empty before any slice is measured.
    """

    regions: tuple[Region, ...]
    chosen: tuple[Region, ...]
    sampling: tuple[Any, ...]
    method: "Method | None"
    kind: "Perturbation | None"
    knobs: Mapping[str, Any]
    budgets: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """From one state to another. words: what was done, such as "drawing drawn 1". turned: whether knobs were turned."""

    before: Settings
    after: Settings
    words: str
    turned: bool
    at: float


class Undoing(ReviewPart):
    """One stack of steps. Turning knobs without a pause, or holding one, is one step; choosing other regions is none.

    Signal: `changed()`, other steps can be undone or done again.
    """

    def __init__(self, basis: Basis, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(basis)
        self._clock = clock
        self._past: list[Step] = []
        self._future: list[Step] = []
        self._measuring: Step | None = None  # was undone or done again, and its sampling is not measured yet
        self._grouped = False
        self._held_since: float | None = None
        self._present = self._settings()
        self._now.changed.connect(self._on_change)
        self._acquisition.withdrawn.connect(self._on_withdrawn)
        self._acquisition.measured.connect(self._on_measured)

    def forget(self) -> None:
        """Forget all steps, as for another scan."""
        self._past, self._future, self._measuring = [], [], None
        self._present = self._settings()
        self.changed.emit()

    def hold(self, held: bool) -> None:
        """Note that the mouse holds a knob, or lets it go: its turns meanwhile are one step."""
        self._held_since = self._clock() if held else None

    @contextmanager
    def together(self, words: str) -> Iterator[None]:
        """Make one step of all that is set meanwhile, such as "showing Attack 3"."""
        self._grouped, before = True, self._present
        try:
            yield
        finally:
            self._grouped = False
            now = self._present = self._settings()
            if _words(before, now):
                self._push(Step(before, now, words, turned=False, at=self._clock()))

    @property
    def undone_next(self) -> str:
        """What `undo` would undo; empty if there is nothing."""
        return self._past[-1].words if self._past else ""

    @property
    def redone_next(self) -> str:
        """What `redo` would do again; empty if there is nothing."""
        return self._future[-1].words if self._future else ""

    def undo(self) -> Task[Slice] | None:
        """Go one step back; InputError where there is none.

        A sampling is back when the task that is returned has run. Where that fails or is cancelled, the step can be
        undone again.
        """
        if not self._past:
            raise InputError("there is nothing to undo.")
        step = self._past.pop()
        # What was no step, such as which regions are chosen, comes again with it.
        self._future.append(replace(step, after=self._present))
        return self._restore(step.before, self._future)

    def redo(self) -> Task[Slice] | None:
        """Do again what was undone last; as `undo` does."""
        if not self._future:
            raise InputError("there is nothing to do again.")
        step = self._future.pop()
        self._past.append(replace(step, turned=False))
        return self._restore(step.after, self._past)

    def _settings(self) -> Settings:
        search, acquisition = self._perturbing, self._acquisition
        sampling = acquisition.asked[1]
        return Settings(
            regions=tuple(self._regions.all),
            chosen=self._regions.chosen,
            sampling=() if sampling is None and acquisition.slice is None else (sampling,),
            method=self._reconstruction.method,
            kind=search.kind,
            knobs=dict(search.knobs),
            budgets=(*search.further, search.budget),
        )

    def _on_change(self) -> None:
        if self._grouped:
            return
        before, now = self._present, self._settings()
        self._present = now
        words, at = _words(before, now), self._clock()
        if not words:
            return
        turned = _is_turn(before, now)
        last = self._past[-1] if self._past else None
        if turned and last is not None and not self._future and self._goes_on(last, at):
            before = self._past.pop().before
            words = _words(before, now)
        self._push(Step(before, now, words, turned, at))

    def _on_withdrawn(self) -> None:
        """Make no step of going back to the sampling that is shown; a step that was to bring another is still to do."""
        step, self._measuring = self._measuring, None
        self._present = self._settings()
        for steps, others in ((self._past, self._future), (self._future, self._past)):
            if step is not None and steps and steps[-1] is step:
                others.append(steps.pop())
                self.changed.emit()
                return

    def _on_measured(self) -> None:
        self._measuring = None

    def _goes_on(self, last: Step, at: float) -> bool:
        """Whether a turn at a time belongs to the last step: without a pause, or while the mouse holds the knob."""
        held = self._held_since is not None and last.at >= self._held_since
        return last.turned and (held or at - last.at < _PAUSE)

    def _push(self, step: Step) -> None:
        self._past = [*self._past, step][-_MOST:]
        self._future = []
        self.changed.emit()

    def _restore(self, wanted: Settings, done: list[Step]) -> Task[Slice] | None:
        """Set what is wanted by the last one of the steps that are done."""
        task = None
        self._grouped = True
        try:
            if wanted.regions != tuple(self._regions.all):
                chosen = [number for number, one in enumerate(wanted.regions) if one in wanted.chosen]
                self._regions.put(wanted.regions, chosen)
            if wanted.kind is not None and _searched(wanted) != _searched(self._settings()):
                self._perturbing.set_up(wanted.kind, wanted.knobs, wanted.budgets)
            method, present = wanted.method, self._reconstruction.method
            if method is not None and present is not None and method.reconstructor is present.reconstructor:
                if method != present:
                    self._reconstruction.turn(**method.knobs)
            elif method is not None:
                self._reconstruction.choose(method)
            if _is_resampled(self._settings(), wanted) and self._acquisition.scan is not None:
                task = self._acquisition.measure(sampling=wanted.sampling[0])
        finally:
            self._grouped = False
            self._present = self._settings()
        self._measuring = None if task is None else done[-1]
        self.changed.emit()
        return task


def _searched(settings: Settings) -> object:
    return settings.kind, settings.knobs, settings.budgets


def _is_turn(before: Settings, now: Settings) -> bool:
    """Whether knobs of the method, options or budgets have changed, and nothing else."""
    return (
        before.regions == now.regions
        and not _is_resampled(before, now)
        and before.kind is now.kind
        and _reconstructor(before) is _reconstructor(now)
    )


def _is_resampled(before: Settings, now: Settings) -> bool:
    both = before.sampling and now.sampling
    return bool(both) and not same_sampling(*before.sampling, *now.sampling)


def _reconstructor(settings: Settings) -> object:
    return None if settings.method is None else settings.method.reconstructor


def _words(before: Settings, now: Settings) -> str:
    """What was done between two states; empty if nothing was, or something was set for the first time."""
    parts = list(_region_words(before.regions, now.regions))
    if _is_resampled(before, now):
        parts.append("another sampling")
    if before.method is not None and now.method is not None:
        if before.method.reconstructor is not now.method.reconstructor:
            parts.append(f"choosing {now.method.label}")
        else:
            labels = {knob.name: knob.label for knob in now.method.reconstructor.knobs}
            parts += _knob_words(labels, before.method.knobs, now.method.knobs)
    if before.kind is not None and now.kind is not None:
        if before.kind is not now.kind:
            parts.append(f"choosing {now.kind.label}")
        else:
            labels = {knob.name: knob.label for knob in now.kind.knobs}
            parts += _knob_words(labels, before.knobs, now.knobs)
    if before.kind is now.kind and before.budgets != now.budgets:
        parts.append(f"setting the budget to {', '.join(f'{100 * one:.3g}%' for one in now.budgets)}")
    return ", ".join(parts)


def _region_words(before: tuple[Region, ...], now: tuple[Region, ...]) -> Iterator[str]:
    gone, new = ([one for one in some if one not in other] for some, other in ((before, now), (now, before)))
    if len(gone) == len(new) == 1:
        one, other = gone[0], new[0]
        yield f"renaming {one.name} to {other.name}" if one.roi.shapes == other.roi.shapes else f"reshaping {one.name}"
        return
    by_hand = all(one.source == "drawn" for one in new)
    for word, regions in (("deleting", gone), ("drawing" if by_hand else "adding", new)):
        if regions:
            yield f"{word} {named(regions)}"


def _knob_words(labels: Mapping[str, str], before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    changed = [name for name in now if name in before and now[name] != before[name]]
    return [f"{labels[name]} {written(now[name]) if isinstance(now[name], float) else now[name]}" for name in changed]
