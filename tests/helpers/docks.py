"""Docks of a review, and their buttons."""

from typing import Any

from qtpy.QtWidgets import QPushButton

from napari_recon_robust.window.session import Session


def dock_of(session: Session, title: str) -> Any:
    """The open dock of this title."""
    return next(one for one in session.docks if one.title == title)


def press(widget: Any, beginning: str) -> None:
    """Click the first button whose text begins like this."""
    next(one for one in widget.findChildren(QPushButton) if one.text().startswith(beginning)).click()
