"""The whole loop of one edit, driven by periodic tasks: Outlook, mirror, decision, CRM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from syncapp.models import SyncField
from tests.journeys.story import Story

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper as Settings

pytestmark = pytest.mark.journey


def test_outlook_edit_is_decided_and_delivered_once(story: Story, settings: Settings):
    """Two schedulers tick, and one of them also requests pulls."""
    settings.UNDO_SECONDS = 1
    contact, proposed = story.edited_in_outlook()
    with story.stack.pulling():
        story.wait(lambda: SyncField.objects.filter(record__target_id=contact).count() == 2, "the edit is mirrored")
    edit = story.found(contact, proposed)
    story.decide_on_the_page(edit)
    story.delivered_exactly_once(edit)
    (change_set,) = story.change_sets(edit)
    assert change_set["contact"] == {"jobtitle", "osync_revision"}
    assert set(change_set) == {"contact", "osync_syncfield", "osync_syncrecord"}
