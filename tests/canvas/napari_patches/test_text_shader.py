"""Letters are drawn by a shorter program, pixel by pixel as before."""

from typing import Any

import numpy as np
import pytest
from vispy.gloo.preprocessor import merge_includes
from vispy.scene import SceneCanvas
from vispy.scene.visuals import Text
from vispy.visuals import TextVisual
from vispy.visuals.text import text

from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.canvas.napari_patches.text_shader import called

WHOLE = merge_includes(text._FRAGMENT_SHADER)


def test_what_main_calls_stays_and_the_rest_goes() -> None:
    code = (
        "uniform float u;\nfloat a(float x) {\n  return b(x);\n}\nfloat b(float x)\n{\n  return u;\n}\nvoid c() {\n}\n"
    )
    main = "void main() {\n  a(1.);\n}\n"
    assert called(code + main) == code.replace("void c() {\n}\n", "") + main
    assert called(code) == code, "without a main nothing is known to be idle"


def test_texts_have_the_short_program_as_soon_as_there_are_panels(panels: Panels) -> None:
    short = TextVisual._shaders["fragment"]
    assert len(short) < len(WHOLE) / 10
    assert called(short) == short


def test_letters_look_as_before(qapp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def picture(program: str, size: int) -> np.ndarray:
        monkeypatch.setattr(TextVisual, "_shaders", TextVisual._shaders | {"fragment": program})
        canvas = SceneCanvas(size=(160, 90))
        Text("Ag 8", pos=(80, 45), font_size=size, color="white", parent=canvas.scene)
        found: np.ndarray = canvas.render()[..., :3]
        canvas.close()
        return found

    for size in (9, 40):  # the larger ones are interpolated
        before, after = (picture(program, size) for program in (WHOLE, called(WHOLE)))
        assert before.any()
        np.testing.assert_array_equal(after, before)
