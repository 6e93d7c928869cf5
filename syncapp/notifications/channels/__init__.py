"""The ways a mail leaves: SMTP and Microsoft Graph. They know mails as bytes, nothing of rows, people or Django.

A channel calls `before()` right before the moment from which the mail may be delivered whatever happens next.
"""
