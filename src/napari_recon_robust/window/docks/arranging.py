"""Which cases are shown, and in which order: the filter and the list of orders of the gallery."""

from collections.abc import Callable

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ...cases.gallery.query import ORDERS
from ...controls.parts import button, row, show_text, warning
from ...ground.errors import ReconRobustError
from ...workbench.browsing import Browsing
from ..worker import sentence

_TIP = (
    "Words, or conditions with spaces between them:\n"
    "method:tv  perturbation:fnaf  verdict:failure  tag:lesion  (* stands for anything, none for nothing)\n"
    "case:…  label:…  note:…  (a part of it)\n"
    "ssim<0.8  change>5%, and so on with psnr, nmse, clean-ssim, ssim-lost, recovery, budget, thermal\n"
    "-tag:lesion is the opposite  (key: /)"
)


class ArrangingRow(QWidget):
    """A thin view on filter and order of `browsing`.

    Signals: `refused()`, the filter cannot be read, and `refusal` says why; `done()`, when Return or Escape leads
    back to the list.
    """

    refused = Signal()
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
        """Follow what is typed; while that is not a filter yet, the list stays as it is."""
        try:
            self._browsing.look_for(text, typing=True)
        except ReconRobustError:
            return
        show_text(self.refusal, "")

    def _finish(self) -> None:
        try:
            self._browsing.look_for(self.filter.text())
        except ReconRobustError as error:
            show_text(self.refusal, sentence(error))
            self.refused.emit()
        else:
            self.done.emit()

    def _sort(self, _: object) -> None:
        self._browsing.sort(self.order.currentData(), reverse=self.reverse.isChecked())


def small_button(sign: str, words: str, action: Callable[..., object], *, checkable: bool = False) -> QPushButton:
    """Make a button with a sign; the words are its tooltip and its name for screen readers."""
    made = button(sign, words, action, checkable=checkable)
    made.setAccessibleName(words)
    made.setFixedWidth(30)
    return made
