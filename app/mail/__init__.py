"""Whole messages: a template filled, made fit for clients, and put together as MIME."""
