"""Put-back plans for what capture restored in a time range: a preview, a job per contact, a result per column.

They write Outlook's values; the review then treats the edits as never restored: only rejecting writes to the contact.
"""
