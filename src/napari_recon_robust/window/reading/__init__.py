"""The reading room in napari: nothing but images under neutral names, and the questions."""
