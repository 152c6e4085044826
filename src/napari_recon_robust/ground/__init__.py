"""Words that every room speaks: errors, progress, knobs, registries, checked specifications, HDF5."""
