"""Tables, invariants, visibility. What would still be true if GraphQL vanished."""
