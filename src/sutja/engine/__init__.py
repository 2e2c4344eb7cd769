"""Independent jobs, wherever they run. `local` runs them over the processes of this machine."""
