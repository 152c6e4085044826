"""The commands: each module has one of its name, and starts with the line that `recon-robust --help` shows."""
