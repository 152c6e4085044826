"""What napari sees of the plugin."""

from importlib import import_module
from pathlib import Path

import napari_recon_robust
from napari_recon_robust.io import annotations, suffixes

MANIFEST = Path(napari_recon_robust.__file__).with_name("napari.yaml")


def manifest():  # type: ignore[no-untyped-def]
    from npe2 import PluginManifest

    return PluginManifest.from_file(MANIFEST)


def test_it_is_valid_and_every_command_exists() -> None:
    for command in manifest().contributions.commands:
        module, name = command.python_name.split(":")
        assert callable(getattr(import_module(module), name)), command.id


def test_readers_sample_data_and_widgets() -> None:
    contributions = manifest().contributions
    widgets = [widget.display_name for widget in contributions.widgets]
    assert widgets == ["Reconstruct", "Perturb", "Compare", "Gallery", "Attacks", "Studies"]
    (reader,) = contributions.readers
    assert reader.filename_patterns == [f"*{suffix}" for suffix in [*suffixes(), annotations.SUFFIX]]
    assert len(contributions.sample_data) == 1


def test_napari_finds_it() -> None:
    from npe2 import PluginManager

    manager = PluginManager()
    manager.discover()
    assert "napari-recon-robust" in manager
    assert manager.get_manifest("napari-recon-robust").display_name == "napari-recon-robust"


def test_every_key_is_a_command_in_the_palette() -> None:
    from napari_recon_robust.window.keys import KEYS

    commands = {command.id.split(".")[1] for command in manifest().contributions.commands}
    assert {key.command for key in KEYS} <= commands
    assert len({key.key for key in KEYS}) == len(KEYS)


def test_the_page_on_the_window_lists_every_key() -> None:
    from napari_recon_robust.window.keys import listed

    page = (Path(__file__).parents[1] / "docs" / "window.md").read_text(encoding="utf-8")
    for key, words in listed():
        assert f"| {key} | {words} |" in page, "docs/window.md has another list of keys than the window"
