"""Several methods on the same lesion: which, how they are attacked, and showing them side by side."""

from qtpy.QtWidgets import QRadioButton, QWidget
from superqt.utils import signals_blocked

from ...controls.parts import button, column, heading, show_text, warning
from ...workbench.lining_up import FEWEST, MOST
from .. import keys
from ..session import Session
from .checks import MethodChecks

_MISSING = "There is no result yet: run a perturbation."


class LineupBox(QWidget):
    """A thin view on `lining_up` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.lining_up = session, session.bench.lining_up
        self.methods = MethodChecks(session)
        self.methods.setToolTip(f"{FEWEST} to {MOST} methods that are shown beside each other")
        self.methods.itemChanged.connect(self._choose)
        self.as_found = QRadioButton("The attack as it was found")
        self.as_found.setToolTip("What was found on one method is added to the samples that all of them see")
        self.anew = QRadioButton("Attack each method anew")
        self.anew.setToolTip("Search on each method for the worst at the same budget, which takes longer")
        self.as_found.setChecked(True)
        self.anew.toggled.connect(self._choose)
        self.show_button = button("Side by side  o", keys.words_of("lineup"), lambda: session.line_up())
        self.troubles = warning()
        column(
            heading("Several methods"),
            self.methods,
            self.as_found,
            self.anew,
            self.show_button,
            self.troubles,
            into=self,
            spacing=4,
        )

    def _choose(self, _: object = None) -> None:
        self.lining_up.choose(self.methods.ticked(), anew=self.anew.isChecked())

    def list_methods(self) -> None:
        """List all methods as soon as something is open."""
        if self.session.bench.acquisition.is_open:
            self.methods.list_methods()
            self._choose()

    def show_chosen(self) -> None:
        """Tick what is chosen, which a review that is gone on with does too, and show what was found."""
        if {*self.methods.ticked()} != {*self.lining_up.chosen}:  # the list has an order of its own
            self.methods.tick(self.lining_up.chosen)
        with signals_blocked(self.anew):
            (self.anew if self.lining_up.anew else self.as_found).setChecked(True)
        self.show_found()

    def show_found(self) -> None:
        """Say which methods could not be shown, and whether all of it is possible now."""
        found, result = self.lining_up.found, self.session.bench.perturbing.current
        show_text(self.troubles, "" if found is None else " ".join(found.troubles))
        self.setEnabled(result is not None)
        self.show_button.setToolTip(keys.words_of("lineup") if result is not None else _MISSING)
