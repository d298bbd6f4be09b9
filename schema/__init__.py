"""The GraphQL contract, thin: types, inputs, root fields, and how an operation is executed."""
