"""Delivery of decisions to the CRM: the job, conflict detection, change sets, and applying the results."""
