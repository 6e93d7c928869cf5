"""The capture page: observed changes, results, and switches. Each button calls one operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.http import Http404, HttpResponse, StreamingHttpResponse

from syncapp.capture import observation, rule, switching
from syncapp.capture.errors import SwitchRefused
from syncapp.models import CaptureColumn, Person
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureRule
from syncapp.models.person import Role
from syncapp.web.base import csv_files
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import wants_part
from syncapp.web.settings.capture_presenter import CapturePresenter
from syncapp.web.settings.capture_sources import Naming, SwitchPresenter
from syncapp.web.settings.forms import CaptureLimitForm, CaptureSwitchForm
from syncapp.web.settings.pages import redirect_with_error, redirect_with_success, render_settings_page

PAGE = "settings_capture"
SWITCHABLE = (Source.OUTLOOK, Source.PROGRAM, Source.UNKNOWN)


@allow(Role.ADMINISTRATOR)
def settings_capture(request: PortalRequest) -> HttpResponse:
    """Show who changed contacts, what was done about the changes, and what other settings would do."""
    return _page(request)


@allow(Role.ADMINISTRATOR)
def settings_capture_csv(request: PortalRequest) -> StreamingHttpResponse:
    """Export the counts of each source and column."""
    changes = observation.changes()
    naming = Naming.load(changes)
    headers = ("Source", "Evidence", "Column", "7 days", "30 days", "Under the original rule, 7 days", "Done, 7 days")
    rows = (
        (
            naming.name(found.writer),
            naming.tag(found.writer),
            naming.label(each.column),
            each.week,
            each.month,
            each.by_original,
            "; ".join(f"{number} {result.label}" for result, number in each.results.items() if number),
        )
        for found in changes.writers
        for each in found.columns
    )
    return csv_files.download(request, "capture", headers, rows)


@allow(Role.ADMINISTRATOR, methods=("GET", "POST"))
def settings_capture_on(request: PortalRequest, source: str) -> HttpResponse:
    """Explain the effect of switching a source on, and switch it on."""
    chosen = _get_source(source)
    form = CaptureSwitchForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            switching.switch_on(chosen, by=request.user, pilot_team_id=form.cleaned_data["team"])
        except SwitchRefused as error:
            form.refuse("", error.message)
        else:
            return redirect_with_success(
                request, PAGE, f"{chosen.label} is on. Only later changes are staged and restored."
            )
    view = SwitchPresenter(chosen, typed=form["who"].value())
    return render_settings_page(
        request, "capture_on", section=PAGE, status=422 if form.errors else 200, view=view, form=form
    )


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_capture_source(request: PortalRequest, source: str) -> HttpResponse:
    """Switch a source off, or extend it from its pilot team to everyone."""
    chosen, action = _get_source(source), request.POST.get("do", "")
    if action not in _SOURCE_ACTIONS:
        raise Http404
    operation, message = _SOURCE_ACTIONS[action]
    try:
        operation(chosen, by=request.user)
    except SwitchRefused as error:
        return redirect_with_error(request, PAGE, error.message)
    return redirect_with_success(request, PAGE, f"{chosen.label}: {message}")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_capture_column(request: PortalRequest, source: str) -> HttpResponse:
    """Have a source's later changes to a column reviewed, or let them through."""
    chosen, handling = _get_source(source), request.POST.get("handling", "")
    if handling not in CaptureColumn.Handling.values:
        raise Http404
    wanted = CaptureColumn.Handling(handling)
    try:
        switching.set_handling(chosen, request.POST.get("column", ""), wanted, by=request.user)
    except SwitchRefused as error:
        return redirect_with_error(request, PAGE, error.message)
    words = "are reviewed" if wanted is CaptureColumn.Handling.REVIEW else "are let through"
    return redirect_with_success(request, PAGE, f"Later changes to this column {words}.", anchor=f"columns-{chosen}")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_capture_limit(request: PortalRequest) -> HttpResponse:
    """Change the number of restores for one source at which capture pauses."""
    form = CaptureLimitForm(request.POST)
    if form.is_valid():
        try:
            switching.set_limit(form.cleaned_data["max_restores"], by=request.user)
        except SwitchRefused as error:
            form.refuse("max_restores", error.message)
        else:
            return redirect_with_success(request, PAGE, "The limit is changed.")
    return _page(request, form=form, status=422)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_capture_step(request: PortalRequest) -> HttpResponse:
    """Stop restoring, resume, or request, confirm, withdraw or leave the original rule."""
    action = request.POST.get("do", "")
    if action not in _ACTIONS:
        raise Http404
    operation, message = _ACTIONS[action]
    try:
        operation(request.user)
    except SwitchRefused as error:
        return redirect_with_error(request, PAGE, error.message)
    return redirect_with_success(request, PAGE, message)


# Value of the button ─▶ operation and message.
_SOURCE_ACTIONS: Mapping[str, tuple[Callable[..., None], str]] = {
    "off": (switching.switch_off, "only observed from now on."),
    "everyone": (switching.include_everyone, "later changes of everyone are staged and restored."),
}
_ACTIONS: Mapping[str, tuple[Callable[[Person], None], str]] = {
    "stop": (
        lambda by: switching.stop_restoring(by=by),
        "Restoring is stopped. Edits are still staged, and reading continues.",
    ),
    "resume": (lambda by: switching.resume(by=by), "Resumed. Only later changes are staged and restored."),
    "ask": (
        lambda by: rule.request_rule(CaptureRule.ORIGINAL, by=by),
        "The original rule waits for another administrator to confirm it.",
    ),
    "signed": (lambda by: rule.request_rule(CaptureRule.SIGNED, by=by), "The signed rule applies again."),
    "confirm": (lambda by: rule.confirm(by=by), "The original rule applies. Switch on sources one at a time."),
    "withdraw": (lambda by: rule.withdraw(by=by), "The request for the original rule is withdrawn."),
}


def _get_source(name: str) -> Source:
    if name not in SWITCHABLE:
        raise Http404
    return Source(name)


def _page(request: PortalRequest, *, form: CaptureLimitForm | None = None, status: int = 200) -> HttpResponse:
    view = CapturePresenter()
    limit = view.capture.max_restores if view.capture else None
    context = {"view": view, "form": form or CaptureLimitForm(initial={"max_restores": limit})}
    template = "_capture" if wants_part(request) else "capture"
    return render_settings_page(request, template, section=PAGE, status=status, **context)
