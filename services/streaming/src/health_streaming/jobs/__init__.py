"""What runs: each module is a program, `python -m`."""
