"""Review screens: the queue, an edit, bulk decisions, links from mails.

They turn requests into calls of `syncapp.review` and its results into pages; they take no decision themselves.
"""
