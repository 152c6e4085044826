"""Several methods on the same lesion: what the result that is shown does to each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..ground.errors import InputError
from ..ground.progress import Job, Progress
from .perturbing import Result
from .review_part import Basis, ReviewPart
from .task import Task

if TYPE_CHECKING:
    from ..analyses.lineup import Lineup, LineupEntry
    from ..perturbations.outcome import Outcome
    from ..reconstructors.base import Method

FEWEST, MOST = 2, 4


@dataclass(frozen=True, eq=False)
class _Found:
    """A lineup, and what it was made from."""

    lineup: "Lineup"
    outcome: "Outcome"
    anew: bool


class LiningUp(ReviewPart):
    """Which methods stand beside each other, and what became of them.

    chosen: ids of the methods. anew: whether each is attacked itself, instead of seeing the attack that was found.
    A lineup belongs to one result at one budget, and is there whenever that is shown. Signal: `changed()`.
    """

    def __init__(self, basis: Basis) -> None:
        super().__init__(basis)
        self.chosen: tuple[str, ...] = ()
        self.anew = False
        self._found: _Found | None = None
        self._perturbing.finished.connect(self.changed.emit)
        self._acquisition.closed.connect(self._forget)

    def choose(self, methods: Sequence[str], *, anew: bool) -> None:
        """Choose methods by their ids, and how they are attacked."""
        if (self.chosen, self.anew) != (tuple(methods), anew):
            self.chosen, self.anew = tuple(methods), anew
            self.changed.emit()

    @property
    def found(self) -> "Lineup | None":
        """The last lineup; None while another result is shown, or none."""
        result = self._perturbing.current
        if self._found is None or result is None or result.outcome is not self._found.outcome:
            return None
        return self._found.lineup

    @property
    def settled(self) -> bool:
        """Whether the last lineup is of the methods that are chosen, as they are to be attacked, and complete."""
        if self.found is None or self._found is None or None in self._found.lineup.entries:
            return False
        result = self._perturbing.current
        assert result is not None
        wanted = [self._at(id, result) for id in self.chosen]  # whose knobs may have been turned, or which opened again
        return self._found.anew == self.anew and list(self._found.lineup.methods) == wanted

    @property
    def under_way(self) -> bool:
        """Whether the chosen methods are being computed, and some are to be seen already."""
        return self.found is not None and self._found is not None and None in self._found.lineup.entries

    @property
    def possible(self) -> bool:
        """Whether as many methods are chosen as can stand beside each other, and there is a result to show."""
        return FEWEST <= len(self.chosen) <= MOST and self._perturbing.current is not None

    def run(self) -> "Task[Lineup]":
        """Reconstruct by every method that is not there yet; a cancelled run keeps those that are done.

        The method of the result has the knobs of that run, the one that is chosen its own, all others their defaults.
        InputError without a result, for too few methods or too many, and for an image that is one method's own target.
        """
        result = self._perturbing.current
        if result is None:
            raise InputError("several methods are compared under a perturbation; run one first.")
        if not FEWEST <= len(self.chosen) <= MOST:
            raise InputError(
                f"{len(self.chosen) or 'no'} method{'s' * (len(self.chosen) != 1)} ticked; tick {FEWEST} to {MOST} "
                "under Several methods in the Compare dock."
            )
        kind = result.setting.state.kind
        if self.anew and kind is not None and kind.image is not None:
            raise InputError("the given image is that of one method; take the attack as it was found.")
        outcome, chosen, anew = result.outcome, self.chosen, self.anew

        def show(lineup: "Lineup") -> None:
            self._found = _Found(lineup, outcome, anew)
            self.changed.emit()

        def stop(last: "Lineup | None") -> None:
            if last is not None:
                show(_done(last))

        methods = [self._at(id, result) for id in chosen]
        before = self.found if self._found is not None and self._found.anew == anew else None
        known = [] if before is None else [entry for entry in before.entries if entry is not None]
        job = _lineup(result, methods, known, anew)
        own = self._reconstruction.own(*chosen)
        return Task("Several methods", job, lambda lineup: show(_done(lineup)), show, stop, models=own)

    def _at(self, id: str, result: Result) -> "Method":
        shown, present = result.setting.method, self._reconstruction.method
        if id == shown.id:
            return shown
        return present if present is not None and id == present.id else self._reconstruction.find(id).at()

    def _forget(self) -> None:
        self._found = None
        self.changed.emit()


def _done(lineup: "Lineup") -> "Lineup":
    """The same without the methods that have no outcome and will get none."""
    there = [(method, entry) for method, entry in zip(lineup.methods, lineup.entries, strict=True) if entry is not None]
    return replace(lineup, methods=tuple(one for one, _ in there), entries=tuple(entry for _, entry in there))


def _lineup(result: Result, methods: "Sequence[Method]", known: "Sequence[LineupEntry]", anew: bool) -> "Job[Lineup]":
    yield Progress(0.0, "Several methods")
    from ..analyses.lineup import LineupEntry, lineup
    from ..perturbations import registry

    setting = result.setting
    kind = setting.state.kind or registry.get(setting.perturbation)
    return (
        yield from lineup(
            setting.measurement,
            methods,
            setting.roi,
            LineupEntry(setting.method, result.outcome, setting.method),
            known=known,
            anew=kind if anew else None,
            knobs=setting.perturbation_knobs,
        )
    )
