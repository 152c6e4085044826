"""Reviews and their attacks on their way to the disk: in a thread while a review goes on, at once when it ends."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..ground.progress import Job, Progress, not_cancelled
from ..ground.writing import WritingError
from .saved_review import SavedReview, Store
from .saving import case_of

if TYPE_CHECKING:
    from .perturbing import Result


class ReviewWriter:
    """What waits to be written; of each review only the newest state.

    Cases come before the states that name them, and those that are named no longer go after.
    """

    def __init__(self) -> None:
        self._cases: dict[Path, tuple[Store, Result]] = {}
        self._states: dict[Path, tuple[Store, SavedReview | None]] = {}
        self._lock = threading.Lock()

    @property
    def waits(self) -> bool:
        """Whether there is something to write."""
        return bool(self._cases or self._states)

    def add_case(self, store: Store, name: str, result: "Result") -> Path:
        """Write a result as a case: a new folder of that name, which is returned, beside the state."""
        place = store.place / name
        self._cases[place] = store, result
        return place

    def add(self, store: Store, review: SavedReview | None) -> None:
        """Write a state in place of the one before it; None removes the review."""
        self._states[store.place] = store, review
        if review is None:
            for place in [one for one in self._cases if one.parent == store.place]:
                self._cases.pop(place, None)  # a thread may have taken it

    def drop(self) -> None:
        """Write none of it."""
        self._cases.clear()
        self._states.clear()

    def job(self) -> Job[WritingError | None]:
        """Write all that waits; why it could not be written, if so."""
        yield Progress(0.0, "Keeping the review")
        try:
            while self._step():
                yield Progress(0.5, "Keeping the review")
        except WritingError as error:
            return error
        return None

    def finish(self) -> None:
        """Write all that waits here and now, after what a thread is writing; WritingError if it cannot be written."""
        while self._step():
            pass

    def _step(self) -> bool:
        """Write one thing, whether there was one; the lock keeps an older state from coming after a newer one."""
        from ..cases.record import save_case

        with self._lock, not_cancelled():  # what is taken out would be lost
            if self._cases:
                place, (store, result) = self._cases.popitem()
                store.make()
                save_case(case_of(result), place)
            elif self._states:
                _, (store, review) = self._states.popitem()
                if review is None:
                    store.drop()
                else:
                    store.write(review)
            else:
                return False
            return True
