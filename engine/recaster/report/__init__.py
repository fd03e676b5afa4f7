"""One page of evaluations, trainings and benchmarks."""
