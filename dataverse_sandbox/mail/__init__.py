"""The company's mail service: accepts mails by SMTP and by Microsoft Graph, shows them, delivers none."""
