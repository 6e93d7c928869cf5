"""Put-back plans for what capture restored in a time range: a preview, a job per contact, a result per column.

A plan writes Outlook's values; the review then treats the edits as never restored: only rejecting one writes to the
contact.
"""
