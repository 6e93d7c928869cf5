"""Probes of the ways to access others' filters, which count only if a read-back confirms them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from dataverse_sandbox.config import fixed_id
from syncapp.crm import errors
from syncapp.crm.directory.records import ActingFor
from syncapp.crm.filters import access
from tests.crm.contract.scene import IDS, OURSELVES


def _only(scene, *roles):
    """Give our user only these roles."""
    for role in roles:
        scene.give_role(OURSELVES, role)
    administrator = fixed_id("role", "System Administrator")
    scene.cloud.call("DELETE", f"systemusers({OURSELVES})/systemuserroles_association({administrator})/$ref")


def test_administrator_reads_filters_directly_and_by_impersonation(scene):
    rita = scene.user("Rita")

    probe = access.probe_reading(scene.crm, rita.acting)

    assert probe.direct_count == probe.acting_count > 0
    assert (probe.direct_works, probe.acting_works, probe.answered_as) == (True, True, rita.id)


def test_delegate_reads_filters_by_impersonation_only(scene):
    rita = scene.user("Rita")
    _only(scene, "Basic User", "Delegate")

    probe = access.probe_reading(scene.crm, rita.acting)

    assert (probe.direct_works, probe.acting_works) == (False, True)


def test_filter_admin_reads_filters_only_directly(scene):
    rita = scene.user("Rita")
    _only(scene, "Basic User", "Synchronization Filter Manager")

    probe = access.probe_reading(scene.crm, rita.acting)

    assert (probe.direct_works, probe.acting_works) == (True, False)
    assert isinstance(probe.acting_error, errors.Forbidden)


def test_impersonation_intersects_privileges(scene):
    rita = scene.user("Rita")
    found = scene.filters("Rita")["task"]
    _only(scene, "Delegate")

    probe = access.probe_writing(scene.crm, found, expected_author=rita.id, acting_for=rita.acting)

    assert not probe.works
    assert isinstance(probe.error, errors.Forbidden)


def test_missing_privilege_forbids_reading_table(scene):
    _only(scene, "Delegate")

    with pytest.raises(errors.Forbidden):
        scene.crm.staged_fields()


def test_probe_of_user_without_filters_is_inconclusive(scene):
    rita = scene.user("Rita")
    for each in scene.filters("Rita").values():
        scene.delete("userqueries", each.id)

    probe = access.probe_reading(scene.crm, rita.acting)

    assert (probe.direct_works, probe.acting_works) == (None, None)


def test_silently_ignored_user_id_fails_probe(scene):
    probe = access.probe_reading(scene.crm, ActingFor(uuid4()))

    assert (probe.answered_as, probe.acting_works) == (OURSELVES, False)


def test_read_probe_raises_on_server_fault(scene):
    rita = scene.user("Rita")
    scene.cloud.fail({"status": 500})

    with pytest.raises(errors.ServerFault):
        access.probe_reading(scene.crm, rita.acting)


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("acting", [True, False])
def test_write_probe_changes_nothing(scene, active, acting):
    rita = scene.user("Rita")
    if not active:
        scene.change("userqueries", scene.filters("Rita")["task"].id, statecode=1, statuscode=2)
    found = scene.filters("Rita")["task"]

    probe = access.probe_writing(
        scene.crm,
        found,
        expected_author=rita.id if acting else OURSELVES,
        acting_for=rita.acting if acting else None,
    )

    assert (probe.works, probe.recorded_as) == (True, rita.id if acting else OURSELVES)
    now = scene.filters("Rita")["task"]
    assert (now.state, now.status) == (found.state, found.status)


def test_write_probe_fails_without_privilege(scene):
    found = scene.filters("Rita")["task"]
    _only(scene, "Basic User")

    probe = access.probe_writing(scene.crm, found, expected_author=OURSELVES)

    assert not probe.works
    assert isinstance(probe.error, errors.Forbidden)


@pytest.mark.parametrize(("status", "kind"), [(401, errors.CredentialsRefused), (500, errors.ServerFault)])
def test_write_probe_raises_on_401_and_500(scene, status, kind):
    found = scene.filters("Rita")["task"]
    scene.cloud.fail({"status": status})

    with pytest.raises(kind):
        access.probe_writing(scene.crm, found, expected_author=OURSELVES)


def test_write_probe_fails_for_disabled_user(scene):
    rita, found = scene.user("Rita"), scene.filters("Rita")["task"]
    scene.disable("Rita")

    probe = access.probe_writing(scene.crm, found, expected_author=rita.id, acting_for=rita.acting)

    assert not probe.works
    assert isinstance(probe.error, errors.Forbidden)


def test_write_recorded_as_ours_fails_probe(scene):
    found = scene.filters("Rita")["task"]

    # The write succeeds in our own name, but Rita is the expected author.
    probe = access.probe_writing(scene.crm, found, expected_author=IDS["Rita"])

    assert (probe.works, probe.recorded_as) == (False, OURSELVES)
