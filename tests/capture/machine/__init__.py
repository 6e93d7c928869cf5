"""The whole of reading and staging in any order of events, judged by the sandbox's ledger."""
