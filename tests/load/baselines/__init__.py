"""Programs to compare with, served the same way."""
