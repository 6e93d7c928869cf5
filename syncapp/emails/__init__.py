"""Writing mails and handing them over. A mail is written when it is sent, from the rows as they are then.

`content` reads what a mail says, `writing` turns it into bytes, `sending` is the durable work around both.
"""
