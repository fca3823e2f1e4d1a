"""Hold the grade level of the pages; tests/readability.py prints it."""

from tests.readability import GOAL, grade, sentences_by_page


def test_every_page_is_at_most_grade_8():
    grades = {name: round(grade(found), 1) for name, found in sentences_by_page().items()}
    assert len(grades) > 6 and max(grades.values()) <= GOAL, grades
