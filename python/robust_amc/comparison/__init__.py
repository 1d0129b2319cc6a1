"""Comparing two data sets: statistics, distances, permutation tests and figures."""
