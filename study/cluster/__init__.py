"""Ray and nothing else."""
