"""The door to the mail service, by SMTP or by Microsoft Graph. Knows mails as bytes; nothing of rows, people or Django.

Both ways call `before()` right before the moment from which the mail may be delivered whatever happens next.
"""
