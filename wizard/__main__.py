"""`python -m wizard` runs a command as `flask --app wizard` does, and lets Ctrl-C end it quietly
also while Flask is imported."""

from flask.cli import FlaskGroup

from . import create_app

FlaskGroup(create_app=create_app).main(prog_name="python -m wizard")
