"""The docks: thin views on the workbench. The only part of the project that knows Qt and napari."""
