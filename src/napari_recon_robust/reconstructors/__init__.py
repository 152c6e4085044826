"""Reconstruction methods. One module each; `registry` names them."""
