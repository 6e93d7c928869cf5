"""Jobs: database rows that represent work to do, and the loop that processes them.

`queue` has the steps of one row (claim, extend, reschedule, finish, fail), `runner` the loop that every job type goes
through. The package knows neither what a job does nor Celery.
"""
