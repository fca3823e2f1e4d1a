"""`python -m wizard` runs a command as `flask --app wizard` does, and lets Ctrl-C end it quietly
also while Flask is imported."""

import os
import sys

from flask.cli import FlaskGroup

from . import create_app

for name, mode in {"stdin": "r", "stdout": "w", "stderr": "w"}.items():
    if getattr(sys, name) is None:  # closed by what started this
        setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115

FlaskGroup(create_app=create_app).main(prog_name="python -m wizard")
