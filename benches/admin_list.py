"""The reference: the Django admin's list of staged fields with default options, open to everyone."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.http import HttpRequest

from syncapp.models import SyncField

PATH = "/admin/syncapp/syncfield/"


class OpenSite(AdminSite):
    """An admin site without its own sign-in, because the portal's users have no staff flag."""

    def has_permission(self, request: HttpRequest) -> bool:
        return True


class FieldList(ModelAdmin):  # type: ignore[type-arg]  # subscriptable for type checkers only
    """An untuned list: 100 rows per page, newest key first, both counts, joined with the edit."""

    list_select_related = ("record",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


site = OpenSite()
site.register(SyncField, FieldList)
