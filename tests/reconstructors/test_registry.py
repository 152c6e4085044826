import pytest

from napari_recon_robust.reconstructors.registry import OTHERS, Reconstructors, registry


def test_a_method_of_ours_is_shown_under_the_heading_of_its_module_or_folder() -> None:
    headings = {id: registry.heading(id) for id in registry.table}
    assert OTHERS not in headings.values()
    assert [headings[id] for id in ("tv", "unet", "unet-fnaf", "dip", "posterior")] == [
        "Classical",
        "Trained",
        "Robustly trained",
        "Untrained",
        "Generative",
    ]


def test_what_another_package_or_a_user_brings_is_your_own() -> None:
    assert registry.heading("landweber") == OTHERS


def test_a_method_of_ours_outside_of_the_folders_is_refused() -> None:
    """It was headed as if the user had brought it."""
    stray = Reconstructors("reconstructor", "napari_recon_robust.reconstructors", {"spiral": "spiral:Spiral"})
    with pytest.raises(LookupError, match="'spiral' lies in no folder of classical, .*; move spiral.py there"):
        stray.heading("spiral")
