import pytest

from napari_recon_robust.analyses.quality.entries import Entry
from napari_recon_robust.ground.errors import InputError


def test_a_table_takes_images_alone() -> None:
    with pytest.raises(InputError, match="compare images"):
        Entry.parse("posterior, show=deviation").open()
    Entry.parse("posterior, show=mean").open()


def test_names_of_rows() -> None:
    one = Entry.parse("hqs-supervised, noise=1.5, share=0.5")
    assert (one.method, one.knobs, one.choice) == ("hqs-supervised", {"noise": "1.5", "share": "0.5"}, "given")
    assert Entry.parse("tv, oracle").choice == "oracle"
    own = "bart:pics -R T:3:0:0.01 {kspace} {sensitivities} {image}"
    assert Entry.parse(own).method == own


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tv weight=1", "tv, weight=1"),
        ("tv weight=1, iterations=5", "tv, weight=1, iterations=5"),
        ("tv weight=1 iterations=5", "tv, weight=1, iterations=5"),
        ("tv oracle", "tv, oracle"),
    ],
)
def test_a_missing_comma_is_told(text: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"lacks a comma behind tv; write '{meant}'"):
        Entry.parse(text)
