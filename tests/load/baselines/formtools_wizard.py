"""The same questions in django-formtools: a named-URL wizard with its answers in the session.

It uses the same flow: a form per step, with the same fields, limits and conditions.
The entries of a group are a formset. Sessions are rows of SQLite, equally durable.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import django
import waitress
from django import forms
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse

from wizard.flows.commitment import COMMITMENT
from wizard.forms import choices, fields
from wizard.forms.flow import Step

PAGE = """<!doctype html>
<html lang="en">
  <head><title>Step {{ wizard.steps.step1 }}</title></head>
  <body>
    <h1>Step {{ wizard.steps.step1 }} of {{ wizard.steps.count }}</h1>
    <form method="post">{% csrf_token %}{{ wizard.management_form }}
      {% if wizard.form.forms %}{{ wizard.form.management_form }}{% endif %}
      {{ wizard.form.as_p }}
      <button>Continue</button>
    </form>
  </body>
</html>
"""

settings.configure(
    SECRET_KEY="measured, and never served to anybody",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.sessions", "formtools"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{sys.argv[1]}/store.sqlite",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
            },
        }
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": ["django.template.context_processors.request"],
                "loaders": [
                    (
                        "django.template.loaders.cached.Loader",
                        [("django.template.loaders.locmem.Loader", {"step.html": PAGE})],
                    )
                ],
            },
        }
    ],
)
django.setup()

from django.urls import path  # noqa: E402
from formtools.wizard.views import NamedUrlSessionWizardView  # noqa: E402


def form_field(spec: fields.Field) -> forms.Field:
    """Return the Django field for a declared field."""
    required = spec.required is True and spec.when is None
    common = {"label": spec.label, "help_text": spec.hint, "required": required}
    if isinstance(spec, choices.Choices):
        options = [(each.code, each.label) for each in spec.options]
        widget = forms.CheckboxSelectMultiple
        return forms.MultipleChoiceField(choices=options, widget=widget, **common)
    if isinstance(spec, choices.Choice):
        options = [("", "")] * isinstance(spec, choices.Select)
        options += [(each.code, each.label) for each in spec.options]
        widget = forms.Select if isinstance(spec, choices.Select) else forms.RadioSelect
        return forms.ChoiceField(choices=options, widget=widget, **common)
    if isinstance(spec, fields.Confirm):
        return forms.BooleanField(**common)
    if isinstance(spec, fields.Date):
        return forms.DateField(**common)
    if isinstance(spec, fields.Email):
        return forms.EmailField(max_length=spec.max_length, **common)
    widget = forms.Textarea if isinstance(spec, fields.LongText) else forms.TextInput
    return forms.CharField(max_length=spec.max_length, widget=widget, **common)


def form_class(specs: tuple[fields.Field, ...]) -> type[forms.Form]:
    """Return the form of these fields; conditional requirements are checked on clean."""

    def clean(self):
        given = {name: value for name, value in self.cleaned_data.items() if value}
        for spec in specs:
            asked = spec.when is None or spec.when.holds(given)
            needed = (
                spec.required if isinstance(spec.required, bool) else spec.required.holds(given)
            )
            if asked and needed and spec.name not in given and spec.name not in self.errors:
                self.add_error(spec.name, spec.missing())
        return self.cleaned_data

    questions = {spec.name: form_field(spec) for spec in specs}
    return type("Questions", (forms.Form,), {**questions, "clean": clean})


def step_form(step: Step) -> type:
    """Return the form of a step, or a formset for its group."""
    group = step.group
    if group is None:
        return form_class(step.fields)
    return forms.formset_factory(
        form_class(group.fields),
        extra=group.min_entries,
        min_num=group.min_entries,
        max_num=group.max_entries,
        validate_min=True,
    )


def step_conditions() -> dict:
    """Return the condition of each step, decided by the cleaned data before it."""

    def when(step):
        def holds(wizard):
            given = {}
            for before in COMMITMENT.steps.values():
                if before is step:
                    break
                if COMMITMENT.asks(before, given):
                    cleaned = wizard.get_cleaned_data_for_step(before.name)
                    given |= cleaned if isinstance(cleaned, dict) else {}
            return COMMITMENT.asks(step, given)

        return holds

    return {
        step.name: when(step)
        for step in COMMITMENT.steps.values()
        if COMMITMENT.conditions[step.name]
    }


class Wizard(NamedUrlSessionWizardView):
    template_name = "step.html"

    def done(self, form_list, **kwargs) -> HttpResponse:
        return HttpResponse("Thank you")


steps = [*COMMITMENT.steps.values()]
view = Wizard.as_view(
    [(step.name, step_form(step)) for step in steps],
    url_name="step",
    done_step_name="done",
    condition_dict=step_conditions(),
)
urlpatterns = [path("<slug:step>/", view, name="step"), path("", view, name="start")]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    application = get_wsgi_application()
    waitress.serve(application, host="127.0.0.1", port=int(sys.argv[2]), threads=8, _quiet=True)
