"""Writing decisions to the CRM: the job, its change sets, conflicts, and applying the results."""
