"""Jobs: database rows that represent work to do, how they are claimed and who processes them.

`queue` holds the steps of one row (claim, extend, reschedule, finish, fail), `runner` the one loop that every job type
goes through. This package knows nothing of what a job does, nor of Celery.
"""
