"""The whole way of one edit, with nobody helping: Outlook, mirror, decision, CRM."""

from __future__ import annotations

import pytest

from tests.journeys.story import Story

pytestmark = pytest.mark.journey


def test_an_edit_goes_all_the_way_by_itself(story: Story):
    edit = story.edited()[0]
    story.decide(edit)
    story.delivered_exactly_once(edit)
