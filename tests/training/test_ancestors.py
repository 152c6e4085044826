from pathlib import Path

import pytest
from safetensors.torch import save_file

from napari_recon_robust.ground.progress import run
from napari_recon_robust.training import ancestors, loop
from napari_recon_robust.weights import store


@pytest.mark.thorough
def test_weights_name_all_that_they_come_from_each_once(recipe, bank, tmp_path: Path) -> None:
    """The mean of a set and of one that went on from it, also after a resumed call, with a set that has no header."""

    def train(name: str, *weights: Path, **options) -> Path:
        given = tuple(str(one) for one in weights)
        job = loop.train(recipe, tmp_path, tmp_path / name, bank=bank.paths[0].parent, weights=given, **options)
        return run(job)

    def ancestry(path: Path) -> list[str]:
        metadata = store.load(str(path)).metadata
        assert metadata is not None
        return [one.sha256 for one in metadata.ancestors]

    first = train("first")
    assert ancestry(first) == []
    state = store.load(str(first)).state
    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "bare.safetensors")
    second = train("second", first)
    hashes = [store.load(str(path)).sha256 for path in (first, second, tmp_path / "bare.safetensors")]
    assert ancestry(second) == hashes[:1]
    mean = train("mean", first, second, tmp_path / "bare.safetensors")
    assert ancestry(mean) == hashes
    assert ancestry(train("mean", resume=True)) == hashes

    known, before = ancestors.of_weights([str(second)]), store.load(str(first)).metadata
    assert before is not None
    assert known[0].command == before.command
    assert known[0].core_seconds == before.core_seconds > 0
    card = mean.with_suffix(".md").read_text(encoding="utf-8")
    assert f"| `{hashes[0][:12]}` | `{before.command}` | {before.steps} |" in card
    assert f"| `{hashes[2][:12]}` |  |  | not recorded |" in card
