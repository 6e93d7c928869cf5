"""`python -m benches.load_sessions COUNT`: create reviewers, and print their session cookies as JSON."""

from __future__ import annotations

import json
import sys

import django


def main() -> None:
    """Create the reviewers and sign each of them in, without the company's sign-in service."""
    django.setup()
    from django.conf import settings

    from syncapp.models.person import Role  # models: only after the set-up
    from tests.support.people import browser, make_person

    people = [make_person(f"Reviewer{number:02}", Role.REVIEWER) for number in range(int(sys.argv[1]))]
    name = settings.SESSION_COOKIE_NAME
    print(json.dumps([{"name": name, "value": browser(person).cookies[name].value} for person in people]))


if __name__ == "__main__":
    main()
