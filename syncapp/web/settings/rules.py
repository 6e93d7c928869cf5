"""The rules' pages: the list in its order, one rule with its simulation, and the form."""

from __future__ import annotations

import re
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
from syncapp.review.rules.reversals import LAST, MOST_REVERSED
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings.pages import refused, saved, settings_page

PAGE = "settings_rules"
LAST_TRACES = 20


@allow(Role.ADMINISTRATOR)
def settings_rules(request: PortalRequest) -> HttpResponse:
    """All rules, in the order in which they are asked."""
    taken = Q(traces__decision__isnull=False)
    rows = Rule.objects.shown().annotate(
        decided=Count("traces", filter=taken),
        reversed=Count("traces", filter=taken & Q(traces__reversed_at__isnull=False)),
    )
    listed = list(rows.select_related("author"))
    return settings_page(request, "rules", section=PAGE, rules=list(zip(listed, in_words(listed), strict=True)))


@allow(Role.ADMINISTRATOR)
def settings_rule_new(request: PortalRequest) -> HttpResponse:
    """The form of a new rule."""
    return _form(request, RuleDraft("", RuleOutcome.APPROVE))


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_rule_create(request: PortalRequest) -> HttpResponse:
    """Keep a new rule and try it on what people decided; it is paused until somebody enables it."""
    try:
        rule = editing.create(_wish(request.POST), by=request.user)
    except BadRule as error:
        return _form(request, _typed(request.POST), problem=error, typed=request.POST, status=422)
    editing.simulate(rule.pk, by=request.user)
    return saved(request, "settings_rule", "Kept and simulated. It decides nothing until it is enabled.", rule.pk)


@allow(Role.ADMINISTRATOR)
def settings_rule(request: PortalRequest, rule_id: uuid.UUID) -> HttpResponse:
    """One rule: what it does, what it would have done, what it did."""
    rule = _rule(rule_id)
    in_shadow = rule.state == RuleState.SHADOW
    traces = rule.traces.select_related("field__record", "decision").order_by("-at")[:LAST_TRACES]
    context: dict[str, Any] = {
        "rule": rule,
        "words": in_words([rule])[0],
        "why": reasons.describe(rule.reason_code, rule.reason),
        "simulated_at": parse_datetime(rule.simulation["at"]) if rule.simulation else None,
        "differing": simulation.stored_differences(rule),
        "shadow": simulation.compare_shadow(rule) if in_shadow else None,
        "traces": [trace for trace in traces if trace.is_shadow == in_shadow],
        "labels": columns.labels("contact"),
        "most": MOST_REVERSED,
        "last": LAST,
    }
    return settings_page(request, "rule", section=PAGE, **context)


@allow(Role.ADMINISTRATOR)
def settings_rule_edit(request: PortalRequest, rule_id: uuid.UUID) -> HttpResponse:
    """The form of a rule."""
    rule = _rule(rule_id)
    return _form(request, RuleDraft.from_content(rule.content), rule=rule)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_rule_change(request: PortalRequest, rule_id: uuid.UUID) -> HttpResponse:
    """Write a rule anew; what it does now is tried at once."""
    rule = _rule(rule_id)
    try:
        changed = editing.change(rule.pk, _wish(request.POST), by=request.user)
    except BadRule as error:
        return _form(request, _typed(request.POST), rule=rule, problem=error, typed=request.POST, status=422)
    if not changed.is_simulated:
        editing.simulate(rule.pk, by=request.user)
    return saved(request, "settings_rule", "Saved.", rule.pk)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_rule_step(request: PortalRequest, rule_id: uuid.UUID) -> HttpResponse:
    """Simulate, shadow, enable, pause, move or remove a rule."""
    rule, wish = _rule(rule_id), request.POST.get("do", "")
    if wish not in _STEPS:
        raise Http404
    step, said, page = _STEPS[wish]
    try:
        step(rule, request.user, request.POST)
    except (NotSimulated, RulesBusy) as error:
        return refused(request, "settings_rule", str(error), rule.pk)
    return saved(request, page, said, *([rule.pk] if page == "settings_rule" else []))


def _enable(rule: Rule, by: Person, post: QueryDict) -> None:
    editing.enable(rule.pk, by=by, also_waiting="also_waiting" in post)


_STEPS: Mapping[str, tuple[Callable[[Rule, Person, QueryDict], Any], str, str]] = {
    "simulate": (lambda rule, by, post: editing.simulate(rule.pk, by=by), "Simulated.", "settings_rule"),
    "shadow": (lambda rule, by, post: editing.shadow(rule.pk, by=by), "It notes what it would do.", "settings_rule"),
    "enable": (_enable, "Enabled. It decides new edits from now on.", "settings_rule"),
    "pause": (lambda rule, by, post: editing.pause(rule.pk, by=by), "Paused.", "settings_rule"),
    "remove": (lambda rule, by, post: editing.remove(rule.pk, by=by), "Removed. What it decided stays.", PAGE),
    "up": (lambda rule, by, post: editing.move(rule.pk, up=True, by=by), "Moved.", PAGE),
    "down": (lambda rule, by, post: editing.move(rule.pk, up=False, by=by), "Moved.", PAGE),
}


def _rule(rule_id: uuid.UUID) -> Rule:
    return get_object_or_404(Rule.objects.shown().select_related("author", "enabled_by"), pk=rule_id)


def _form(request: PortalRequest, wish: RuleDraft, *, status: int = 200, **more: Any) -> HttpResponse:
    typed: QueryDict | None = more.pop("typed", None)
    known = {**{name: name for name in wish.columns}, **columns.labels("contact")}
    context = {
        "wish": wish,
        "editors": typed.get("editors", "") if typed else "\n".join(names_of(wish.editors).values()),
        "known": sorted(known.items(), key=lambda pair: search_key(pair[1])),
        "kinds": ChangeKind.choices,
        "outcomes": RuleOutcome.choices,
        "reasons": reasons.options(),
        **more,
    }
    return settings_page(request, "rule_form", section=PAGE, status=status, **context)


def _typed(post: QueryDict) -> RuleDraft:
    return RuleDraft(
        name=post.get("name", ""),
        outcome=post.get("outcome", ""),
        columns=tuple(post.getlist("columns")),
        kinds=tuple(post.getlist("kinds")),
        reason_code=post.get("reason_code", ""),
        reason=post.get("reason", "").strip(),
    )


def _wish(post: QueryDict) -> RuleDraft:
    """What was typed, with the editors found. Raises BadRule."""
    typed = _typed(post)
    lines = [line.strip() for line in re.split(r"[\n;]", post.get("editors", "")) if line.strip()]
    content = {name: getattr(typed, name) for name in RuleDraft.__slots__}
    return RuleDraft.from_content(content | {"editors": [_editor(line) for line in lines]})


def _editor(text: str) -> str:
    """The id of the one CRM user with this address or name. Raises BadRule."""
    found = CrmUser.objects.filter(Q(address__iexact=text) | Q(name__iexact=text)).values_list("pk", flat=True)[:2]
    if len(found) != 1:
        what = "Nobody who edited here is" if not found else "More than one person is"
        raise BadRule("editors", f"{what} called “{text[:80]}”. Use the e-mail address.")
    return str(found[0])


def names_of(ids: Iterable[str]) -> dict[str, str]:
    """What to type for each of these editors: the address, else the name, else the id."""
    rows = CrmUser.objects.filter(pk__in=list(ids))
    known = {str(row.pk): row.address or row.name for row in rows}
    return {each: known.get(each) or each for each in ids}


def in_words(listed: Iterable[Rule]) -> list[str]:
    """Each rule's conditions as a sentence's beginning, in two reads for all of them."""
    listed = list(listed)
    labels = columns.labels("contact")
    people = dict(CrmUser.objects.filter(pk__in={e for rule in listed for e in rule.editors}).values_list("pk", "name"))
    names = {str(pk): name for pk, name in people.items()}
    return [_sentence(rule, labels, names) for rule in listed]


def _sentence(rule: Rule, labels: Mapping[str, str], names: Mapping[str, str]) -> str:
    kinds = [str(ChangeKind(kind).label).lower() for kind in rule.kinds]
    parts = [
        _any_of([labels.get(name, name) for name in rule.columns]) or "Any field",
        _any_of(kinds),
        f"edited by {_any_of([names.get(each) or 'somebody unknown' for each in rule.editors])}"
        if rule.editors
        else "",
    ]
    return ", ".join(filter(None, parts))


def _any_of(words: list[str]) -> str:
    return " or ".join(words) if len(words) <= 3 else f"{', '.join(words[:3])} or {len(words) - 3} more"
