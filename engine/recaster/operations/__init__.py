"""Workflows, done whole: swap, train, extract, evaluate and sign, with rights, records and marks inside.

Each asks this machine's register and writes its audit log, unless an engine's ``Grant`` says that it has.
"""
