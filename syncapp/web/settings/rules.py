"""The pages about rules: the list, one rule with its simulation, and the form."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import Count, Q
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils.dateparse import parse_datetime

from syncapp.mirror import columns
from syncapp.models import CrmUser, Person, Rule
from syncapp.models.folding import search_key
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.person import Role
from syncapp.models.review.rule import RuleOutcome, RuleState
from syncapp.review import reasons
from syncapp.review.rules import editing, simulation
from syncapp.review.rules.editing import BadRule, NotSimulated, RuleDraft, RulesBusy
from syncapp.review.rules.reversals import MAX_EXAMINED, REVERSALS_TO_PAUSE
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings.forms import RuleForm
from syncapp.web.settings.pages import redirect_with_error, redirect_with_success, render_settings_page

PAGE = "settings_rules"
MAX_TRACES = 20


@allow(Role.ADMINISTRATOR)
def settings_rules(request: PortalRequest) -> HttpResponse:
    """Show all rules in the order in which they are applied."""
    decided = Q(traces__decision__isnull=False)
    rows = Rule.objects.existing().annotate(
        decided=Count("traces", filter=decided),
        reversed=Count("traces", filter=decided & Q(traces__reversed_at__isnull=False)),
    )
    listed = list(rows.select_related("author"))
    described = list(zip(listed, _describe_conditions(listed), strict=True))
    return render_settings_page(request, "rules", section=PAGE, rules=described)


@allow(Role.ADMINISTRATOR)
def settings_rule_new(request: PortalRequest) -> HttpResponse:
    """Show the form for a new rule."""
    return _form_page(request, RuleForm(initial=RuleForm.initial_of(RuleDraft("", RuleOutcome.APPROVE))))


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_rule_create(request: PortalRequest) -> HttpResponse:
    """Create a paused rule and simulate it on past decisions."""
    form = RuleForm(request.POST)
    if form.is_valid():
        try:
            rule = editing.create(form.draft, by=request.user)
        except BadRule as error:
            form.refuse(error.place, str(error))
        else:
            editing.simulate(rule.pk, by=request.user)
            message = "Saved and simulated. The rule decides nothing until you enable it."
            return redirect_with_success(request, "settings_rule", message, rule.pk)
    return _form_page(request, form, status=422)


@allow(Role.ADMINISTRATOR)
def settings_rule(request: PortalRequest, rule_id: uuid.UUID) -> HttpResponse:
    """Show one rule with its simulation and its last decisions."""
    rule = _get_rule(rule_id)
    in_shadow = rule.state == RuleState.SHADOW
    traces = rule.traces.select_related("field__record", "decision").order_by("-at")[:MAX_TRACES]
    context: dict[str, Any] = {
        "rule": rule,
        "words": _describe_conditions([rule])[0],
        "why": reasons.describe(rule.reason_code, rule.reason),
        "simulated_at": parse_datetime(rule.simulation["at"]) if rule.simulation else None,
        "differing": simulation.stored_differences(rule),
        "shadow": simulation.compare_shadow(rule) if in_shadow else None,
        "traces": [trace for trace in traces if trace.is_shadow == in_shadow],
        "labels": columns.labels("contact"),
        "max_reversed": REVERSALS_TO_PAUSE,
        "last": MAX_EXAMINED,
    }
    return render_settings_page(request, "rule", section=PAGE, **context)


@allow(Role.ADMINISTRATOR)
def settings_rule_edit(request: PortalRequest, rule_id: uuid.UUID) -> HttpResponse:
    """Show the form of a rule."""
    rule = _get_rule(rule_id)
    return _form_page(request, RuleForm(initial=RuleForm.initial_of(RuleDraft.from_content(rule.content))), rule=rule)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_rule_change(request: PortalRequest, rule_id: uuid.UUID) -> HttpResponse:
    """Change a rule, and simulate it if its effect changed."""
    rule, form = _get_rule(rule_id), RuleForm(request.POST)
    if form.is_valid():
        try:
            changed = editing.change(rule.pk, form.draft, by=request.user)
        except BadRule as error:
            form.refuse(error.place, str(error))
        else:
            if not changed.is_simulated:
                editing.simulate(rule.pk, by=request.user)
            return redirect_with_success(request, "settings_rule", "Saved.", rule.pk)
    return _form_page(request, form, rule=rule, status=422)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_rule_step(request: PortalRequest, rule_id: uuid.UUID) -> HttpResponse:
    """Simulate a rule, put it into shadow mode, or enable, pause, move or remove it."""
    rule, action = _get_rule(rule_id), request.POST.get("do", "")
    if action not in _ACTIONS:
        raise Http404
    operation, message, page = _ACTIONS[action]
    try:
        operation(rule, request.user, request.POST)
    except (NotSimulated, RulesBusy) as error:
        return redirect_with_error(request, "settings_rule", str(error), rule.pk)
    return redirect_with_success(request, page, message, *([rule.pk] if page == "settings_rule" else []))


# Value of the button ─▶ operation, message, page to show afterwards.
_ACTIONS: Mapping[str, tuple[Callable[[Rule, Person, QueryDict], Any], str, str]] = {
    "simulate": (lambda rule, by, post: editing.simulate(rule.pk, by=by), "Simulated.", "settings_rule"),
    "shadow": (lambda rule, by, post: editing.shadow(rule.pk, by=by), "In shadow mode: it only logs.", "settings_rule"),
    "enable": (
        lambda rule, by, post: editing.enable(rule.pk, by=by, also_waiting="also_waiting" in post),
        "Enabled. The rule decides new edits from now on.",
        "settings_rule",
    ),
    "pause": (lambda rule, by, post: editing.pause(rule.pk, by=by), "Paused.", "settings_rule"),
    "remove": (lambda rule, by, post: editing.remove(rule.pk, by=by), "Removed. Its decisions remain.", PAGE),
    "up": (lambda rule, by, post: editing.move(rule.pk, up=True, by=by), "Moved.", PAGE),
    "down": (lambda rule, by, post: editing.move(rule.pk, up=False, by=by), "Moved.", PAGE),
}


def _get_rule(rule_id: uuid.UUID) -> Rule:
    return get_object_or_404(Rule.objects.existing().select_related("author", "enabled_by"), pk=rule_id)


def _form_page(request: PortalRequest, form: RuleForm, *, rule: Rule | None = None, status: int = 200) -> HttpResponse:
    # A rule may name a column that the CRM no longer has.
    known = {**{name: name for name in form["columns"].value()}, **columns.labels("contact")}
    context = {
        "form": form,
        "rule": rule,
        "known": sorted(known.items(), key=lambda pair: search_key(pair[1])),
        "kinds": ChangeKind.choices,
        "outcomes": RuleOutcome.choices,
        "reasons": reasons.options(),
    }
    return render_settings_page(request, "rule_form", section=PAGE, status=status, **context)


def _describe_conditions(rules: Iterable[Rule]) -> list[str]:
    """Describe the conditions of each rule, reading the labels and names for all rules together."""
    rules = list(rules)
    labels = columns.labels("contact")
    editors = CrmUser.objects.filter(pk__in={editor for rule in rules for editor in rule.editors})
    names = {str(pk): name for pk, name in editors.values_list("pk", "name")}
    found = []
    for rule in rules:
        fields = _any_of(labels.get(name, name) for name in rule.columns) or "Any field"
        kinds = _any_of(str(ChangeKind(kind).label).lower() for kind in rule.kinds)
        edited_by = _any_of(names.get(each) or "an unknown editor" for each in rule.editors)
        found.append(", ".join(filter(None, (fields, kinds, edited_by and f"edited by {edited_by}"))))
    return found


def _any_of(words: Iterable[str]) -> str:
    words = list(words)
    return " or ".join(words) if len(words) <= 3 else f"{', '.join(words[:3])} or {len(words) - 3} more"
