from pathlib import Path

import torch

from napari_recon_robust.weights import store
from napari_recon_robust.weights.card import annotate
from napari_recon_robust.weights.metadata import Metadata, SeenFile


def test_the_card_says_whom_it_saw_and_how_it_went(
    tmp_path: Path, state: dict[str, torch.Tensor], metadata: Metadata
) -> None:
    seen = [("a.nii", "one", "training"), ("b.nii", "one", "training"), ("c.nii", "two", "training")]
    seen += [("d.nii", "three", "validation")]
    volumes = [
        SeenFile(name=name, kind="simulated from NIfTI", sha256=64 * name[0], person=person, use=use, licence="CC0")
        for name, person, use in seen
    ]
    history = [
        {"first": 0, "last": 90, "hours": 1, "core_hours": 1, "start": "unet (SHA-256 abc)"},
        {"first": 80, "last": 170, "hours": 2, "core_hours": 2, "changed": {"loss": ["joint", "magnitude"]}},
    ]
    more = {
        "volumes": volumes,
        "curve": [(n / 10, 2 - n / 100, None) for n in range(1, 41)],
        "history": history,
        "core_seconds": 3600,
        "ancestors": [
            {"sha256": 64 * "e"},
            {"sha256": 64 * "f", "command": "recon-robust train net", "steps": 200, "core_seconds": 1800},
        ],
        "version": "0.1 (abc)",
    }
    metadata = Metadata(**metadata.model_dump() | more)
    path = store.save(tmp_path, "net", state, metadata)
    assert store.load(str(path)).metadata == metadata
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "4, of people: 2 for training, 1 for validation." in card
    assert f"| d.nii | three | validation | simulated from NIfTI | CC0 | `{64 * 'd'}` |" in card
    assert "validation: 1.95 after 0.5 h, 1.9 after 1 h, " in card
    assert "1.6 after 4 h\n" in card
    assert card.count(" after ") == 8
    assert "1.00 core hours" in card
    assert "- version: 0.1 (abc)" in card
    assert "- started from unet (SHA-256 abc)" in card
    assert f"| `{12 * 'e'}` |  |  | not recorded |" in card
    assert f"| `{12 * 'f'}` | `recon-robust train net` | 200 | 0.50 |" in card
    assert "With these, 1.50 core hours are recorded." in card
    assert "- went on from step 80 with loss joint → magnitude" in card


def test_a_section_of_a_card_is_replaced_and_the_others_stay(
    tmp_path: Path, state: dict[str, torch.Tensor], metadata: Metadata
) -> None:
    path = store.save(tmp_path, "net", state, metadata)
    card = path.with_suffix(".md")
    plain = card.read_text(encoding="utf-8")
    annotate(card, "Lesions", "| 4x | 0.9 |")
    annotate(card, "Features", "30 of 30")
    annotate(card, "Lesions", "| 4x | 0.8 |\n")
    assert card.read_text(encoding="utf-8") == f"{plain}\n## Lesions\n\n| 4x | 0.8 |\n\n## Features\n\n30 of 30\n"
    assert store.load(str(path)).sha256 in card.read_text(encoding="utf-8")
