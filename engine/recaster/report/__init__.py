"""One page to look at: what evaluations, trainings and benchmarks found."""
