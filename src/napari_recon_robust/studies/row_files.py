"""Where the rows of a store lie: in the lines of attempts, in a file for each ended shard, in parts of the table."""

from pathlib import Path

LINES = ".jsonl"


class RowFiles:
    """The files with the rows of the store in a folder, sorted by their names."""

    def __init__(self, folder: Path) -> None:
        self._rows, self._table = folder / "rows", folder / "trials"

    def lines(self, shard: str, attempt: str) -> Path:
        """The lines to which an attempt at a shard adds."""
        return self._rows / f"{shard}-{attempt}{LINES}"

    def part(self, number: int, name: str) -> Path:
        """A part of the table, which need not be there."""
        return self._table / f"part-{number:06}-{name}.parquet"

    @property
    def journals(self) -> list[Path]:
        """The lines of all attempts that are under way or were killed."""
        return sorted(self._rows.glob(f"*{LINES}"))

    @property
    def ended(self) -> list[Path]:
        """The files of shards that have ended and are not merged yet."""
        return sorted(self._rows.glob("*.parquet"))

    @property
    def unmerged(self) -> list[Path]:
        """All that is not in the table yet."""
        return [*self.journals, *self.ended]

    @property
    def parts(self) -> list[Path]:
        """The parts of the table."""
        return sorted(self._table.glob("part-*.parquet"))

    @property
    def all(self) -> list[Path]:
        """All files with rows: those first from which rows move to the others."""
        return [*self.unmerged, *self.parts]
