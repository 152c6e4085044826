"""Tab goes through the controls of a page from the top to the bottom, also through those that were added later."""

import itertools
from collections.abc import Iterator

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLayout, QScrollArea, QWidget


class TabOrder(QObject):
    """Watches a page and puts its controls into the order of its layouts.

    Qt's own order is that in which they were made, so that a panel of knobs that is built anew would come last.
    """

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page = page
        self._order: list[QWidget] = []
        page.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Look for other controls whenever the page lays itself out."""
        if event is not None and event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
            self._follow()
        return False

    def _follow(self) -> None:
        order = [one for one in controls(self._page) if one.focusPolicy() & Qt.FocusPolicy.TabFocus]
        if order != self._order:
            self._order = order
            for before, after in itertools.pairwise(order):
                QWidget.setTabOrder(before, after)


def controls(part: QWidget) -> Iterator[QWidget]:
    """Yield what stands in the layouts of a widget, from the top to the bottom; a widget without a layout is one."""
    content = part.widget() if isinstance(part, QScrollArea) else None
    layout = part.layout() if content is None else None
    if content is not None:
        yield from controls(content)
    elif layout is None:
        yield part
    else:
        yield from _within(layout)


def _within(layout: QLayout) -> Iterator[QWidget]:
    for number in range(layout.count()):
        item = layout.itemAt(number)
        widget, inner = (None, None) if item is None else (item.widget(), item.layout())
        if widget is not None:
            yield from controls(widget)
        elif inner is not None:
            yield from _within(inner)
