"""Run-time defense: refuse frames of low confidence."""
