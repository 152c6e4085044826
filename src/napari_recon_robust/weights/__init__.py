"""Trained weights (safetensors, each with its card) and the store that loads them."""
