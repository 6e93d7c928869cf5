"""The company's mail service: takes mails by SMTP and by Microsoft Graph, keeps them to be read, delivers none."""
