import pytest

from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.ground.errors import InputError


def test_a_table_takes_images_alone() -> None:
    with pytest.raises(InputError, match="compare images"):
        MethodEntry.parse("posterior, show=deviation").open()
    MethodEntry.parse("posterior, show=mean").open()


def test_names_of_rows() -> None:
    one = MethodEntry.parse("hqs-supervised, noise=1.5, share=0.5")
    assert (one.method, one.knobs, one.choice) == ("hqs-supervised", {"noise": "1.5", "share": "0.5"}, "given")
    assert MethodEntry.parse("tv, oracle").choice == "oracle"
    own = "bart:pics -R T:3:0:0.01 {kspace} {sensitivities} {image}"
    assert MethodEntry.parse(own).method == own


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
        MethodEntry.parse(text)
