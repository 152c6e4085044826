"""What every other folder uses: errors, progress, knobs, registries, checked specifications, HDF5."""
