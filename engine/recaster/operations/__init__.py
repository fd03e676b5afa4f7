"""Workflows, done whole: swap, train, extract, evaluate and sign, with rights, records and marks inside."""
