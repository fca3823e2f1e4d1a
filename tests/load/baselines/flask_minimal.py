"""The minimum: a Flask route that commits one JSON row and renders one small page."""

import sys

import waitress
from flask import Flask, render_template, request
from flask_sqlalchemy import SQLAlchemy
from jinja2 import DictLoader
from sqlalchemy import JSON, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Answer(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    answers: Mapped[dict] = mapped_column(JSON)


PAGE = """<!doctype html>
<html lang="en">
  <head><title>{{ answers|length }} answers</title></head>
  <body><h1>Thank you</h1><p>We have {{ answers|length }} answers of {{ answers.name }}.</p></body>
</html>
"""

app = Flask(__name__)
app.jinja_loader = DictLoader({"page.html": PAGE})
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{sys.argv[1]}/store.sqlite"
db.init_app(app)


@app.post("/")
def store() -> str:
    row = Answer(answers=request.form.to_dict())
    db.session.add(row)
    db.session.commit()
    return render_template("page.html", answers=row.answers)


with app.app_context():

    @event.listens_for(db.engine, "connect")
    def durable(connection, record):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    db.create_all()

waitress.serve(app, host="127.0.0.1", port=int(sys.argv[2]), threads=8, _quiet=True)
