"""The picture matrix: many people and many kinds of shots, swapped and judged by one command."""
