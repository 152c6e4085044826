"""Tells our own changes apart from the user's."""

from types import TracebackType


class OurChanges:
    """True inside its `with`: what napari reports meanwhile is not the user's doing."""

    def __init__(self) -> None:
        self._depth = 0

    def __bool__(self) -> bool:
        return self._depth > 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
