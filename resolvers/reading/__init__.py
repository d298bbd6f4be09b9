"""From a selection to one statement.

What a caller asked for, nested lists, pages and counts included, is read by a single SELECT that answers JSON: the
number of statements does not depend on the size of a page or the depth of the question, and visibility is part of the
statement. Each area says, field by field, which columns a field needs and how its value is made of them.
"""
