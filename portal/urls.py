"""The root URLconf, which includes that of syncapp."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("syncapp.urls"))]

handler400 = "syncapp.web.base.bad_requests.bad_request"
handler500 = "syncapp.web.base.failures.server_error"
