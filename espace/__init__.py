"""The wiring: what connects the other rooms, and nothing else."""
