"""Which cases are shown, and in which order: the filter and the list of orders of the gallery."""

from collections.abc import Callable

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QComboBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ...cases.gallery.query import ORDERS, Filter
from ...controls.parts import CAUTION, button, row, show_text, warning
from ...ground.errors import ReconRobustError
from ...workbench.browsing import Browsing
from ..worker import sentence

_PAUSE = 800  # ms without a key, after which what cannot be read is no longer taken for unfinished
_TIP = (
    "Words, or conditions with spaces between them:\n"
    "method:tv  perturbation:fnaf  verdict:failure  tag:lesion  (* stands for anything, none for nothing)\n"
    "case:…  label:…  note:…  (a part of it)\n"
    "ssim<0.8  change>5%, and so on with psnr, nmse, clean-ssim, ssim-lost, recovery, budget, thermal\n"
    "-tag:lesion is the opposite  (key: /)"
)


class ArrangingRow(QWidget):
    """A thin view on filter and order of `browsing`.

    While the filter cannot be read, all cases are shown, and `refusal` says why. Signal: `done()`, when Return leads
    back to the list.
    """

    done = Signal()

    def __init__(self, browsing: Browsing) -> None:
        super().__init__()
        self._browsing = browsing
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: ssim<0.8")
        self.filter.setToolTip(_TIP)
        self.filter.setAccessibleName("Filter")
        self.filter.setClearButtonEnabled(True)
        self.filter.setText(browsing.filter.text)
        self.filter.textChanged.connect(self._follow)
        self.filter.returnPressed.connect(self._finish)
        self.filter.editingFinished.connect(self._leave)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._check)
        self.order = QComboBox()
        for name, order in ORDERS.items():
            self.order.addItem(order.label, name)
        self.order.setCurrentIndex(self.order.findData(browsing.order))
        self.order.setToolTip("What the cases are sorted by; a metric has the worst case first")
        self.order.setAccessibleName("Sort by")
        self.order.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.order.setMinimumContentsLength(5)
        self.order.currentIndexChanged.connect(self._sort)
        self.reverse = small_button("⇅", "The other way round", self._sort, checkable=True)
        self.reverse.setChecked(browsing.reverse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        parts = row(self.filter, self.order, self.reverse, stretch=0)
        parts.setStretch(1, 1)
        layout.addLayout(parts)
        self.refusal = warning()  # its page puts it below, where it has the room to wrap

    def _follow(self, text: str) -> None:
        """Follow what is typed; while that is not a filter yet, the list stays as it is until a pause."""
        try:
            self._browsing.look_for(text, typing=True)
        except ReconRobustError:
            self._pause.start(_PAUSE)
        else:
            self._say("")

    def _finish(self) -> None:
        try:
            self._browsing.look_for(self.filter.text())
        except ReconRobustError as error:
            self._refuse(error)
        else:
            self._say("")
            self.done.emit()

    def _leave(self) -> None:
        """Check the filter when the keyboard goes elsewhere; after the click that may have taken it, on a case."""
        if not self.filter.hasFocus():
            self._pause.start(0)

    def _check(self) -> None:
        """Refuse a filter that cannot be read; while it has the keyboard, a value may be still to come."""
        try:
            Filter.parse(self.filter.text(), typing=self.filter.hasFocus())
        except ReconRobustError as error:
            self._refuse(error)

    def _refuse(self, error: ReconRobustError) -> None:
        """Show all cases: those that pass the part of the filter that was typed first are not what is looked for."""
        self._browsing.look_for("")
        self._say(f"{sentence(error)} Until then all cases are shown.")

    def _say(self, refusal: str) -> None:
        self._pause.stop()
        show_text(self.refusal, refusal)
        self.filter.setStyleSheet(f"QLineEdit {{ border: 1px solid {CAUTION}; }}" if refusal else "")

    def _sort(self, _: object) -> None:
        self._browsing.sort(self.order.currentData(), reverse=self.reverse.isChecked())


def small_button(sign: str, words: str, action: Callable[..., object], *, checkable: bool = False) -> QPushButton:
    """Make a button with a sign; the words are its tooltip and its name for screen readers."""
    made = button(sign, words, action, checkable=checkable)
    made.setAccessibleName(words)
    made.setFixedWidth(30)
    return made
