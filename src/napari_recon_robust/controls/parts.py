"""Paragraphs, buttons and rows that the docks are made of."""

from collections.abc import Callable, Iterable

from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

ACCENT = "#2f8dbb"  # can be told from a dark and from a light theme
CAUTION = "#bf7018"
# napari leaves so much room around the words of a list that they would be cut off in a narrow one.
NARROW_LIST = "QComboBox { padding: 3px 2px 3px 6px; } QComboBox::drop-down { width: 16px; }"


def rule() -> QFrame:
    """Make a thin line."""
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFixedHeight(1)
    line.setEnabled(False)
    return line


def heading(text: str) -> QLabel:
    """Make the head of a section."""
    label = QLabel(f"<b>{text}</b>")
    label.setContentsMargins(0, 4, 0, 0)
    return label


def words(text: str = "", *, faint: bool = False) -> QLabel:
    """Make a paragraph that wraps and can be copied."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    set_faint(label, faint)
    policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    label.setMinimumHeight(1)  # Qt's own minimum is that of a narrower paragraph, and would leave gaps and scroll bars
    return label


def set_faint(label: QLabel, faint: bool) -> None:
    """Make text stand back or come forward again; the style of its page has the colour."""
    label.setProperty("faint", faint)
    label.style().polish(label)


def faint_style(theme: str) -> str:
    """The style of faint text and of hints in fields in one of napari's themes: 3/4 of the text colour.

    The contrast is above 4.5:1 on all grounds; Qt's own hints have half of the text colour.
    """
    hint = f"QLineEdit, QPlainTextEdit {{ placeholder-text-color: {_faint(theme)}; }}"
    return f'QLabel[faint="true"] {{ color: {_faint(theme)}; }} {hint}'


def box_style(theme: str) -> str:
    """The style of the check boxes of a list in one of napari's themes, which draws them dark on dark."""
    box = f"width: 10px; height: 10px; border: 1px solid {_faint(theme)};"
    return f"QListView::indicator {{ {box} }} QListView::indicator:checked {{ background: {ACCENT}; }}"


def _faint(theme: str) -> str:
    red, green, blue = get_theme(theme).text.as_rgb_tuple()
    return f"rgba({red}, {green}, {blue}, 75%)"


def warning() -> QLabel:
    """Make a paragraph with a mark of warning at its side; it is hidden while it is empty."""
    label = words()
    label.setStyleSheet(f"border-left: 3px solid {CAUTION}; padding-left: 6px;")
    label.hide()
    return label


def show_text(label: QLabel, text: str) -> None:
    """Set the text of a paragraph, and hide the paragraph while the text is empty."""
    label.setText(text)
    label.setVisible(bool(text))


def button(text: str, tip: str, action: Callable[..., object], *, checkable: bool = False) -> QPushButton:
    """Make a push button with its tooltip."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setCheckable(checkable)
    made.setMinimumWidth(40)  # rather than the style's own minimum: a row of four fits a narrow dock
    (made.toggled if checkable else made.clicked).connect(action)
    return made


def row(*parts: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Put parts beside each other; `stretch` is the index of the part that takes the spare room."""
    layout = QHBoxLayout()
    layout.setSpacing(6)
    for index, part in enumerate(parts):
        layout.addWidget(part, 1 if index == stretch else 0)
    return layout


def flow(*parts: QWidget) -> QFlowLayout:
    """Put parts beside each other, and in further rows where large letters leave no room; none is narrowed."""
    layout = QFlowLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(6)  # it takes no notice of setSpacing
    layout.setVerticalSpacing(6)
    for part in parts:
        layout.addWidget(part)
    return layout


def column(*parts: QWidget | QLayout, into: QWidget, spacing: int = 6) -> None:
    """Fill a widget with parts below each other, without margins."""
    layout = QVBoxLayout(into)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)


class Fold(QWidget):
    """Options that most people leave alone, behind a small arrow."""

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__()
        self.arrow = QToolButton()
        self.arrow.setText(title)
        self.arrow.setCheckable(True)
        self.arrow.setAutoRaise(True)
        self.arrow.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.content = content
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.arrow)
        column.addWidget(content)
        self.arrow.toggled.connect(self._unfold)
        self._unfold(False)

    def _unfold(self, open_: bool) -> None:
        self.arrow.setArrowType(Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow)
        self.content.setVisible(open_)


def file_filter(name: str, suffixes: Iterable[str]) -> str:
    """The line by which a file dialog offers files with these suffixes."""
    return f"{name} ({' '.join(f'*{suffix}' for suffix in suffixes)})"
