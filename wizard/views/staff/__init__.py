"""The staff side. Importing its modules puts their addresses on the blueprint."""

from . import cases, exporting, office, sign_in
from .guard import bp

__all__ = ["bp", "cases", "exporting", "office", "sign_in"]
