"""The page of the connection check: the last results, the progress of a new check, and its start."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse

from syncapp.connection import clients
from syncapp.models.person import Role
from syncapp.tenant.checks import job
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import wants_part
from syncapp.web.settings.check_presenter import CheckPresenter
from syncapp.web.settings.forms import ProbeForm
from syncapp.web.settings.pages import redirect_with_error, redirect_with_success, render_settings_page

PAGE = "settings_check"


@allow(Role.ADMINISTRATOR)
def settings_check(request: PortalRequest) -> HttpResponse:
    """Show the results of the last check, and the progress of the current one."""
    return _page(request)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_check_now(request: PortalRequest) -> HttpResponse:
    """Have a worker check the connection, with the writing probes if they were requested."""
    form = ProbeForm(request.POST)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    probes = form.cleaned_data["probe"]
    contact = form.cleaned_data["contact"] if probes else None
    if not job.request(by=request.user, probes_writes=probes, contact_id=contact):
        return redirect_with_error(request, PAGE, "A check is already in progress.")
    return redirect_with_success(request, PAGE, "The connection is being checked.")


def _page(request: PortalRequest, *, form: ProbeForm | None = None, status: int = 200) -> HttpResponse:
    names = clients.names()
    done, under_way = job.latest(), job.under_way()
    context = {
        "view": CheckPresenter(done, names) if done else None,
        "under_way": under_way,
        "has_failed": job.has_newest_failed(),
        "form": form or ProbeForm(),
        "crm_host": urlsplit(settings.CRM_ORIGIN).netloc,
    }
    template = "_check" if wants_part(request) else "check"
    return render_settings_page(request, template, section="settings_connection", status=status, **context)
