"""What the program's cost is compared with, each served as the program is."""
