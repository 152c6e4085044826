"""Scans of studies, and what was measured on them."""

from pathlib import Path

from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.work import store_beside


def another(scan: Path, place: Path) -> None:
    """Write a scan with the samples of one that is there; its file has a content of its own."""
    place.write_bytes(scan.read_bytes() + str(place).encode())


def measured(plan: Path) -> str:
    """What was measured of a plan, to the last bit, without what differs between two runs of one trial."""
    table = Store.open(store_beside(plan)).table().sort("trial").drop("seconds", "device", "attempt", "code")
    assert len(table)
    text: str = table.write_ndjson()
    return text
