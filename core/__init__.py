"""What has never heard of citizens: settings, errors, clock, keys, passwords, tickets, languages and wording,
Redis, the event bus, outgoing calls, logging.
"""
