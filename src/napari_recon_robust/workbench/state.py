"""What a review is set to, and results that are shown only while it is set so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from psygnal import Signal

from .acquisition import Acquisition, Slice
from .reconstruction import Reconstruction
from .regions import Regions

if TYPE_CHECKING:
    from ..data.roi import ROI
    from ..perturbations.base import Perturbation
    from ..reconstructors.base import Method

T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """A snapshot of a review's settings; a result carries the one that it was computed for.

    slice: the measured slice, which stands for its scan and its sampling too. method: with its knobs. roi: the chosen
    regions of the slice. kind: of perturbation; knobs: its own; budgets: at which it searches; none
    for a kind that needs none.
    """

    slice: Slice | None = None
    method: "Method | None" = None
    roi: "ROI | None" = None
    kind: "Perturbation | None" = None
    knobs: Mapping[str, Any] = field(default_factory=dict)
    budgets: tuple[float, ...] = ()

    def only(self, *names: str) -> "State":
        """These settings without the others: those that a result depends on."""
        return State(**{name: getattr(self, name) for name in names})

    def changed(self, now: "State") -> tuple[str, ...]:
        """The names of the settings that are different now."""
        return tuple(one.name for one in fields(self) if getattr(self, one.name) != getattr(now, one.name))


class SearchSettings(Protocol):
    """What a review is set to search for. Signals: `kind_changed()`, `set_changed()`."""

    kind_changed: Any
    set_changed: Any

    @property
    def kind(self) -> "Perturbation | None":
        """The kind of perturbation, if one is chosen."""
        ...

    @property
    def knobs(self) -> Mapping[str, Any]:
        """Its own knobs."""
        ...

    @property
    def budget(self) -> float:
        """The budget, a fraction."""
        ...

    @property
    def further(self) -> tuple[float, ...]:
        """Budgets beside it."""
        ...


class Now:
    """The present state of a review. Signal: `changed()` when any setting is another one."""

    changed = Signal()

    def __init__(
        self, acquisition: Acquisition, reconstruction: Reconstruction, regions: Regions, search: SearchSettings
    ) -> None:
        self._acquisition, self._reconstruction = acquisition, reconstruction
        self._regions, self._search = regions, search
        for signal in (
            acquisition.measured,
            acquisition.left,
            acquisition.closed,
            reconstruction.method_changed,
            reconstruction.knobs_changed,
            regions.changed,
            regions.chosen_changed,
            search.kind_changed,
            search.set_changed,
        ):
            signal.connect(self._on_change)

    def _on_change(self) -> None:
        self.changed.emit()

    @property
    def state(self) -> State:
        """A snapshot of all settings."""
        search, measured = self._search, self._acquisition.slice
        kind, roi = search.kind, None if measured is None else self._regions.chosen_on(measured.index)
        return State(
            slice=measured,
            method=self._reconstruction.method,
            roi=None if roi is None else roi.labelled(),  # a result stays that of a region which is renamed
            kind=kind,
            knobs=dict(search.knobs),
            budgets=(*search.further, search.budget) if kind is None or kind.needs_budget else (),
        )


class Kept(Generic[T]):
    """A result that is there as long as the settings that it depends on stay as they were, and dropped with them.

    of: those settings, taken from a snapshot. changed: called when there is another result, or none any more.
    """

    def __init__(self, now: Now, of: Callable[[State], object], changed: Callable[[], object]) -> None:
        self._now, self._of, self._changed = now, of, changed
        self._belongs: object = None
        self.value: T | None = None
        now.changed.connect(self._check)

    def for_now(self) -> Callable[[T], bool]:
        """A function that takes the result later, or drops it and says False if the state is another by then."""
        belongs = self._of(self._now.state)

        def take(value: T) -> bool:
            if self._of(self._now.state) != belongs:
                return False
            self.value, self._belongs = value, belongs
            self._changed()
            return True

        return take

    def drop(self) -> None:
        """Drop the result."""
        if self.value is not None:
            self.value = self._belongs = None
            self._changed()

    def _check(self) -> None:
        if self.value is not None and self._of(self._now.state) != self._belongs:
            self.drop()
