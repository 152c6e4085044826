"""Signals that a widget follows for as long as it exists."""

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtWidgets import QWidget

Followed = tuple[Any, Callable[..., object]]


def listen(widget: QWidget, *followed: Followed) -> None:
    """Connect signals of the workbench to slots until the widget is destroyed."""
    for signal, slot in followed:
        signal.connect(slot)
    widget.destroyed.connect(partial(_disconnect, followed))


def _disconnect(followed: tuple[Followed, ...], _: object = None) -> None:
    for signal, slot in followed:
        signal.disconnect(slot, missing_ok=True)
