"""A search that was cut off when the window or its docks were closed: told of later, and begun again."""

from collections.abc import Callable
from typing import Any

from ..ground.errors import InputError
from .fragility import Fragility
from .review_part import Basis, ReviewPart
from .saved_review import SavedSearch
from .state import Kept
from .task import RunningSearch, Task


class Unfinished(ReviewPart):
    """The search that was cut off, as long as the review is set as it was for it.

    running: says which search is under way.
    """

    def __init__(self, basis: Basis, fragility: Fragility) -> None:
        super().__init__(basis)
        self._fragility = fragility
        self.running: Callable[[], RunningSearch | None] = lambda: None
        self._coming: SavedSearch | None = None  # until its slice is measured
        self._kept: Kept[SavedSearch] = Kept(self._now, lambda state: state, self.changed.emit)
        self._perturbing.taken.connect(self._on_result)
        fragility.changed.connect(self._on_result)
        self._acquisition.closed.connect(self.forget)

    @property
    def found(self) -> SavedSearch | None:
        """The search, if it can be begun again as it was."""
        return self._kept.value

    @property
    def saved(self) -> SavedSearch | None:
        """What is to be kept: the search that is under way, or the one that was cut off."""
        search = self.running()
        if search is None:
            return self._coming or self.found
        assert search.state.slice is not None
        return SavedSearch(what=search.what, words=search.words, slice=search.state.slice.index)

    @property
    def sentence(self) -> str:
        """Say what was cut off; empty for nothing."""
        if self.found is None:
            return ""
        return f"This search was cut off, and nothing of it is kept: {self.found.words}."

    def cut_off(self) -> None:
        """Tell of the search that is under way, which is about to be stopped, and set the review as it was for it."""
        search, saved = self.running(), self.saved
        if search is None:
            return
        state, searched = search.state, self._perturbing
        if state.kind is not None:
            searched.set_up(state.kind, state.knobs, state.budgets or (*searched.further, searched.budget))
        if state.method is not None and state.method != self._reconstruction.method:
            self._reconstruction.choose(state.method)
        self._regions.choose(search.chosen)
        self.put(saved)
        if self._now.state == state:
            self.settle()

    def put(self, search: SavedSearch | None) -> None:
        """Take the search of a review that is gone on with; it is told of when its slice is measured."""
        self._coming = search

    def settle(self) -> None:
        """Tell of it, now that a slice is measured and the review is set as it was."""
        coming, self._coming, measured = self._coming, None, self._acquisition.slice
        if coming is not None and measured is not None and measured.index == coming.slice:
            self._kept.for_now()(coming)

    def again(self) -> Task[Any]:
        """Begin it anew; InputError where there is none."""
        if self.found is None:
            raise InputError("no search was cut off; start one with Run.")
        task = self._perturbing.run() if self.found.what == "attack" else self._fragility.run()
        self.forget()
        return task

    def _on_result(self, _: object = None) -> None:
        """Tell of it no more: it was run again. The result of its review, which may come first, is another one."""
        self._kept.drop()

    def forget(self) -> None:
        """Tell of it no more."""
        self._coming = None
        self._kept.drop()
