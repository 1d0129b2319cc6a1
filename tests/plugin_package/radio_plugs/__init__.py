"""Plugs for robust_amc: one of each kind, one file each."""
