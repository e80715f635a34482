"""Inlay: decides, when an e-mail is sent or opened, what each recipient sees in it."""

__version__ = "0.1.0"
