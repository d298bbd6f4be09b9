"""What a caller may do: one function an intention, one transaction each. No GraphQL in it."""
