"""What stands on napari's canvas: panels, outlines, layers."""
