"""Perturbations of a measurement. One module each; `registry` names them."""
