"""The test files that `make unit` leaves out: their tests take more than 0.1 s on average, or start processes.

`python -m tools.run_tests unit -- --junitxml=unit.xml` measures them, on an idle machine; then
`python -m tools.slow_tests unit.xml` prints the files. A folder stands for all of its files. `tests/project` never
counts as slow, because every change has to keep the limits that it checks.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from statistics import mean

SECONDS = 0.1

SLOW_TESTS = (
    "dataverse_sandbox/tests/test_bare.py",
    "dataverse_sandbox/tests/test_languages_agree.py",
    "dataverse_sandbox/tests/test_odata_grammar.py",
    "dataverse_sandbox/tests/test_process.py",
    "dataverse_sandbox/tests/test_query_grammar.py",
    "dataverse_sandbox/tests/test_reset.py",
    "dataverse_sandbox/tests/test_solution_components.py",
    "tests/activity/test_audit_log.py",
    "tests/capture/machine/test_any_order.py",
    "tests/capture/test_approved.py",
    "tests/capture/test_both_ways.py",
    "tests/capture/test_chains_by_model.py",
    "tests/capture/test_demo.py",
    "tests/capture/test_failures.py",
    "tests/capture/test_gaps.py",
    "tests/capture/test_put_back.py",
    "tests/capture/test_put_back_plans.py",
    "tests/capture/test_reading.py",
    "tests/capture/test_refused_edits.py",
    "tests/capture/test_signature.py",
    "tests/capture/test_staging.py",
    "tests/capture/test_staging_kills.py",
    "tests/capture/test_switched_staging.py",
    "tests/capture/test_task.py",
    "tests/capture/test_troubled_reading.py",
    "tests/capture/test_waiting.py",
    "tests/checks/test_deploy_check.py",
    "tests/connection/test_usage.py",
    "tests/connection/test_verification.py",
    "tests/crm/auth/test_administrator.py",
    "tests/crm/contract/test_limits.py",
    "tests/crm/rate_limit/test_shared.py",
    "tests/crm/test_dead_connections.py",
    "tests/health/test_refusals.py",
    "tests/jobs/test_runner.py",
    "tests/jobs/test_tasks.py",
    "tests/migrations",
    "tests/mirror/directory/test_editors.py",
    "tests/mirror/edits/test_companies.py",
    "tests/mirror/edits/test_contact_columns.py",
    "tests/mirror/edits/test_live_values.py",
    "tests/mirror/edits/test_other_tables.py",
    "tests/mirror/edits/test_pull.py",
    "tests/mirror/edits/test_recognition.py",
    "tests/mirror/edits/test_search_words.py",
    "tests/mirror/edits/test_visibility.py",
    "tests/mirror/edits/test_withdraw.py",
    "tests/mirror/test_unreadable.py",
    "tests/models/test_work_indexes.py",
    "tests/notifications/test_alerts.py",
    "tests/portal/test_beat.py",
    "tests/portal/test_idle_day.py",
    "tests/portal/test_outgoing.py",
    "tests/portal/test_startup.py",
    "tests/review/bulk/test_live_values.py",
    "tests/review/delivery/test_job.py",
    "tests/review/delivery/test_missing_rows.py",
    "tests/review/delivery/test_same_column.py",
    "tests/review/delivery/test_stops.py",
    "tests/review/delivery/test_written_values.py",
    "tests/review/test_contact_states.py",
    "tests/review/test_reconciliation.py",
    "tests/review/test_unrestored_edits.py",
    "tests/support/test_fault_proxy.py",
    "tests/sync_filters/inventory/test_forecasts.py",
    "tests/sync_filters/inventory/test_inventory.py",
    "tests/sync_filters/inventory/test_new_users.py",
    "tests/sync_filters/inventory/test_unreadable.py",
    "tests/sync_filters/inventory/test_user_history.py",
    "tests/sync_filters/inventory/test_user_lists.py",
    "tests/sync_filters/policies",
    "tests/sync_filters/runs/test_endings.py",
    "tests/sync_filters/runs/test_job.py",
    "tests/sync_filters/runs/test_method_runs.py",
    "tests/sync_filters/test_second_person.py",
    "tests/tenant/checks/test_all_checks.py",
    "tests/tenant/checks/test_auditing.py",
    "tests/tenant/checks/test_command.py",
    "tests/tenant/setup",
    "tests/web/activity/test_activity.py",
    "tests/web/activity/test_evidence.py",
    "tests/web/activity/test_groups.py",
    "tests/web/activity/test_rounds.py",
    "tests/web/base/test_health.py",
    "tests/web/base/test_metrics.py",
    "tests/web/base/test_odd_addresses.py",
    "tests/web/base/test_reader_formats.py",
    "tests/web/filters/test_matrix.py",
    "tests/web/filters/test_pasted_text.py",
    "tests/web/filters/test_policies.py",
    "tests/web/filters/test_preview.py",
    "tests/web/filters/test_risk.py",
    "tests/web/filters/test_run.py",
    "tests/web/filters/test_second_person.py",
    "tests/web/filters/test_user.py",
    "tests/web/review/test_collaboration.py",
    "tests/web/review/test_corrected_times.py",
    "tests/web/review/test_date_behaviors.py",
    "tests/web/review/test_decide.py",
    "tests/web/review/test_decide_again.py",
    "tests/web/review/test_decide_with_htmx.py",
    "tests/web/review/test_groups.py",
    "tests/web/review/test_live_values.py",
    "tests/web/review/test_next.py",
    "tests/web/review/test_queue.py",
    "tests/web/review/test_record_page.py",
    "tests/web/review/test_record_updates.py",
    "tests/web/review/test_refused.py",
    "tests/web/review/test_refused_inputs.py",
    "tests/web/review/test_restores.py",
    "tests/web/review/test_row_states.py",
    "tests/web/review/test_selected_edits.py",
    "tests/web/review/test_selection.py",
    "tests/web/review/test_selection_live_values.py",
    "tests/web/review/test_titles.py",
    "tests/web/settings/test_capture.py",
    "tests/web/settings/test_capture_switches.py",
    "tests/web/settings/test_rules.py",
    "tests/web/sign_in/test_demo.py",
)


def slow_files(report: str) -> list[str]:
    """Return the files of a JUnit report whose tests take more than SECONDS on average."""
    times: dict[str, list[float]] = defaultdict(list)
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314  (written by our own pytest)
        times[case.attrib["classname"].replace(".", "/") + ".py"].append(float(case.attrib["time"]))
    measured = ((path, mean(found)) for path, found in times.items() if not path.startswith("tests/project/"))
    return sorted(path for path, seconds in measured if seconds > SECONDS)


if __name__ == "__main__":
    sys.stdout.write("\n".join(slow_files(sys.argv[1])) + "\n")
