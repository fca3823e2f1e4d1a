"""Attacks on a server that runs: what it lets through, gives away, or falls to."""
