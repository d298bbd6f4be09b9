"""What has never heard of citizens: settings, errors, clock, keys, languages, Redis, the event bus, logging."""
