"""What every other folder uses: errors, progress, knobs, registries, checked specifications, the guard of files."""
