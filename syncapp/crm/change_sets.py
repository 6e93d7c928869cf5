"""Several independent steps in one `$batch`, each a change set followed by the read that proves it.

Source: "Execute batch operations using the Web API". Steps are answered in order; one that fails does not stop the
others. A step without an answer is unknown, never failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from syncapp.crm.batch import AnyWrite, BatchResponse, ChangeSetResponse, Part, Read, describe_writes, encode_mixed
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError, ProtocolError, ServerFault, Unreachable
from syncapp.crm.responses import Response, batch_responses, failure, request_id_of
from syncapp.crm.transport import Transport


@dataclass(frozen=True, slots=True)
class Step:
    """Writes that are applied together, and the read that follows them."""

    writes: tuple[AnyWrite, ...]
    proof: Read


@dataclass(frozen=True, slots=True)
class StepResponse:
    """The answer to a step: `error` is None if it was applied, and `proof` is the answer to its read, or None."""

    error: CrmError | None
    proof: Part | None


def execute_steps(
    transport: Transport, steps: Sequence[Step], *, headers: Mapping[str, str] | None, deadline: Deadline | None
) -> tuple[StepResponse, ...]:
    """Execute the steps in one request and return an answer for each.

    Raises CrmError when the request failed as a whole; with `may_have_applied` any of the steps may have been applied.
    """
    items: list[Read | Sequence[AnyWrite]] = []
    for step in steps:
        items += [step.writes, step.proof]
    batch = encode_mixed(items, api_path=transport.api_path)
    return responses_of(transport.write_batch(batch, headers=headers, deadline=deadline), steps)


def responses_of(response: Response, steps: Sequence[Step]) -> tuple[StepResponse, ...]:
    """Return the answer to each step from a complete or incomplete batch answer. Raises ProtocolError."""
    try:
        responses = batch_responses(response)
        if len(responses) > 2 * len(steps):
            raise ProtocolError("The CRM answered more than it was asked.", code="batch")
    except ProtocolError as error:
        error.may_have_applied = True
        raise
    found = []
    for step, outcome, proof in zip_longest(steps, responses[::2], responses[1::2]):
        refusal = _refusal(step, outcome, request_id_of(response.headers))
        if isinstance(refusal, Unreachable | ServerFault | ProtocolError):
            refusal.may_have_applied = True
        found.append(StepResponse(refusal, proof if isinstance(proof, Part) else None))
    return tuple(found)


def _refusal(step: Step, response: BatchResponse | None, request_id: str) -> CrmError | None:
    if response is None:
        return Unreachable("The CRM's batch answer broke off before this part.", code="part", request_id=request_id)
    parts = response.parts if isinstance(response, ChangeSetResponse) else (response,)
    for part in parts:
        if part.status >= 300:
            return failure(part, request_id=request_id, asked=describe_writes(step.writes))
    if not isinstance(response, ChangeSetResponse) or len(parts) != len(step.writes):
        return ProtocolError("The CRM's answer to a change set is not complete.", code="part", request_id=request_id)
    return None
