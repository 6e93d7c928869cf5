"""Saved views of the matrix: saved from its page, and renamed or deleted on their own page."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse

from syncapp.accounts import saved_views
from syncapp.accounts.errors import BadView
from syncapp.models import FilterView
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page
from syncapp.web.filters.matrix import matrix_page
from syncapp.web.filters.matrix_form import MatrixParams


class FilterViewForm(forms.Form):
    """The name of a view."""

    name = forms.CharField(error_messages={"required": "Enter a name for the view."})


@allow(*FILTER_ROLES, methods=("POST",))
def save_filter_view(request: PortalRequest) -> HttpResponse:
    """Save the search, the filters and the order of this address under a name."""
    params, form = MatrixParams.read(request.GET).first_page, FilterViewForm(request.POST)
    if form.is_valid():
        try:
            view = saved_views.save(FilterView, form.cleaned_data["name"], query=params.query(), by=request.user)
        except BadView as error:
            form.add_error("name", str(error))
        else:
            return _redirect_to_matrix(request, view.query, f"Saved as “{view.name}”.")
    return matrix_page(request, params, status=422, view_form=form)


@allow(*FILTER_ROLES)
def filter_view(request: PortalRequest, view_id: uuid.UUID) -> HttpResponse:
    """Show one of the reader's own views, to rename or delete it."""
    view = _get_own_view(request, view_id)
    return _page(request, view, FilterViewForm(initial={"name": view.name}))


@allow(*FILTER_ROLES, methods=("POST",))
def rename_filter_view(request: PortalRequest, view_id: uuid.UUID) -> HttpResponse:
    """Rename one of the reader's own views."""
    view, form = _get_own_view(request, view_id), FilterViewForm(request.POST)
    if form.is_valid():
        try:
            saved_views.rename(FilterView, view.pk, form.cleaned_data["name"], by=request.user)
        except BadView as error:
            form.add_error("name", str(error))
        else:
            return _redirect_to_matrix(request, view.query, "Renamed.")
    return _page(request, view, form, status=422)


@allow(*FILTER_ROLES, methods=("POST",))
def delete_filter_view(request: PortalRequest, view_id: uuid.UUID) -> HttpResponse:
    """Delete one of the reader's own views."""
    view = _get_own_view(request, view_id)
    saved_views.delete(FilterView, view.pk, by=request.user)
    return _redirect_to_matrix(request, view.query, f"The view “{view.name}” is deleted.")


def _get_own_view(request: PortalRequest, view_id: uuid.UUID) -> FilterView:
    return get_object_or_404(FilterView, pk=view_id, person=request.user)


def _redirect_to_matrix(request: PortalRequest, query: str, message: str) -> HttpResponse:
    messages.success(request, message)
    return HttpResponseRedirect(reverse("filters") + query, status=303)


def _page(request: PortalRequest, view: FilterView, form: FilterViewForm, *, status: int = 200) -> HttpResponse:
    params = MatrixParams.read(QueryDict(view.query.removeprefix("?")))
    context = {
        "section": "filters",
        "page_context": PageContext(request.user),
        "view": view,
        "form": form,
        "used": [option for option in params.filter_options() if option.chosen],
        "params": params,
    }
    return render_page(request, "filters/view.html", context, status=status)
