"""/metrics for Prometheus, and the alert rules and the dashboard that use it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from django.db.models.functions import Now
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from syncapp.jobs import breakers
from syncapp.models import Breaker, Delivery
from tests.support.factories import make_record
from tests.support.people import ada
from tests.support.servers import PROJECT

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-prometheus"
DURATION_METRICS = {"osync_page_seconds", "osync_crm_request_seconds"}
MONITORING = PROJECT / "docs" / "monitoring"


@pytest.fixture
def scrape(settings: Settings, client: Client) -> Callable[[], dict[str, dict[str, float]]]:
    """Return a function that returns each sample by its metric and the values of its labels."""
    settings.METRICS_TOKEN = TOKEN

    def read() -> dict[str, dict[str, float]]:
        response = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert response.status_code == 200
        families = text_string_to_metric_families(response.text)
        return {
            family.name: {" ".join(sample.labels.values()): sample.value for sample in family.samples}
            for family in families
        }

    return read


def test_metrics_need_their_token(settings: Settings, client: Client) -> None:
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = TOKEN

    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_open_breaker_is_shown(scrape) -> None:
    assert scrape()["osync_breaker_open"][Breaker.Name.OPERATOR_STOP] == 0
    breakers.stop_writes(reason="a test", by=ada())

    assert scrape()["osync_breaker_open"][Breaker.Name.OPERATOR_STOP] == 1
    assert scrape()["osync_trouble"]["operator_stop no"] == 1


def test_waiting_jobs_are_counted(scrape) -> None:
    Delivery.objects.create(target_table="contact", target_id=make_record().target_id, due_at=Now())

    shown = scrape()
    assert (shown["osync_open_jobs"]["ready delivery"], shown["osync_open_jobs"]["sent delivery"]) == (1, 0)
    assert shown["osync_oldest_due_seconds"].keys() >= {"delivery", "message"}


def test_durations_come_from_all_processes(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    measure = 'from syncapp import metrics; metrics.CRM_REQUESTS.labels("GET", "contacts", "200").observe(0.3)'
    for _ in range(2):
        subprocess.run([sys.executable, "-c", measure], check=True, cwd=PROJECT, env=environment)

    command = [sys.executable, "manage.py", "metrics"]
    shown = subprocess.run(command, check=True, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert 'osync_crm_request_seconds_count{method="GET",outcome="200",table="contacts"} 2.0' in shown.stdout


def test_durations_are_left_out_without_a_folder(scrape) -> None:
    assert not DURATION_METRICS & scrape().keys()


@pytest.mark.parametrize("name", ["alerts.yml", "dashboard.json"])
def test_alerts_and_dashboard_use_existing_metrics(name: str, scrape) -> None:
    expressions = list(_expressions(name))
    used = {match for text in expressions for match in re.findall(r"\bosync_\w+", text)}

    known = scrape().keys() | {f"{metric}_{part}" for metric in DURATION_METRICS for part in ("bucket", "count")}
    assert expressions
    assert used <= known
    assert used


def _expressions(name: str) -> Iterator[str]:
    text = (MONITORING / name).read_text()
    if name.endswith(".json"):
        yield from (target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"])
    else:
        yield from (rule["expr"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"])
