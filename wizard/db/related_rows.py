"""Read what several tables hold about one submission."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, exists, select

from .engine import Model, db


def read_related(submission_id: int, *models: type[Model]) -> Mapping[type[Model], list[Any]]:
    """Return the rows of each table about a submission, oldest first.

    Most tables hold nothing about most submissions: one query asks them all whether they do.
    """
    about, session = {"submission_id": submission_id}, db.session()
    has_rows = session.execute(_query_has_rows(models), about).one()
    return {
        model: list(session.scalars(_query_rows(model), about)) if has else []
        for model, has in zip(models, has_rows, strict=True)
    }


@cache
def _query_has_rows(models: tuple[Any, ...]) -> Any:
    about: BindParameter[int] = bindparam("submission_id")
    return select(*(exists().where(model.submission_id == about) for model in models))


@cache
def _query_rows(model: Any) -> Select[Any]:
    about: BindParameter[int] = bindparam("submission_id")
    return select(model).where(model.submission_id == about).order_by(model.id)
