"""Steps back and forth: undo and redo, attacks of the history, regions for the next slice."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.layers import Labels

from ..canvas.layers import Panels
from ..workbench import Workbench
from .following import Following
from .jobs import Jobs
from .marking import Marking

if TYPE_CHECKING:
    from ..workbench.acquisition import Slice
    from ..workbench.history import Attack
    from ..workbench.task import Task


class Editing:
    """Changes what the workbench is set to by more than one control at once; what is done is said at the foot."""

    def __init__(self, bench: Workbench, jobs: Jobs, panels: Panels, following: Following, marking: Marking) -> None:
        self.bench, self.jobs, self.panels = bench, jobs, panels
        self.following, self.marking = following, marking
        bench.undoing.changed.connect(self._move_on)

    def _move_on(self) -> None:
        """Take back what was said to be undone, since something else was done."""
        self.jobs.moved_on.emit()

    def undo(self) -> None:
        """Undo the last setting; while a labels layer of the user's is painted on, napari's own undo is meant."""
        undoing = self.bench.undoing
        self._step("Undone", lambda: undoing.undone_next, undoing.undo, Labels.undo)

    def redo(self) -> None:
        """Do again what was undone last."""
        undoing = self.bench.undoing
        self._step("Done again", lambda: undoing.redone_next, undoing.redo, Labels.redo)

    def _step(
        self,
        word: str,
        named: Callable[[], str],
        step: "Callable[[], Task[Slice] | None]",
        own: Callable[[Labels], None],
    ) -> None:
        painted = self.panels.viewer.layers.selection.active
        if isinstance(painted, Labels):
            own(painted)
        else:  # an outline that was deleted a moment ago is the last step, though it may wait for its turn
            self.panels.drawing.after_edits(lambda: self._take(word, named(), step))

    def _take(self, word: str, what: str, step: "Callable[[], Task[Slice] | None]") -> None:
        if self._attempt(lambda: self.following.restore(step)):
            self.jobs.said.emit(f"{word}: {what}.")

    def show_attack(self, entry: "Attack") -> None:
        """Show a finished perturbation again, on whatever slice it is, from the disk where it is not in memory."""
        if entry.result is None and entry.disk is not None:
            self._attempt(lambda: self.jobs.start(self.bench.history.bring(entry, self.show_attack)))
        else:
            self._attempt(lambda: self.following.show_attack(entry))

    def jump(self) -> None:
        """Go to what was inserted or attacked last, and show it again where something else is set."""
        last = self.bench.history.last
        if last is not None and self.bench.perturbing.current is None:
            self.show_attack(last)
        self.marking.jump()

    def copy_regions(self) -> None:
        """Copy the chosen regions to the next slice, and show that."""
        self._attempt(lambda: self.panels.navigation.go_to(self.bench.copy_regions()))

    def _attempt(self, action: Callable[[], object]) -> bool:
        """Do something, and say what it raises for the user."""
        done = False
        with self.jobs.saying():
            action()
            done = True
        return done
