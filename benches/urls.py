"""The portal's routes, and those of the Django admin."""

from __future__ import annotations

from django.urls import include, path

from benches.admin_list import site

urlpatterns = [path("", include("portal.urls")), path("admin/", site.urls)]
