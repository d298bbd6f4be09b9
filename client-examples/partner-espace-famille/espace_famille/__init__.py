"""An Espace Famille: the other side of docs/partners.md, as a partner's developers would build it.

    settings   what is set from outside
    store      everything that is kept, in SQLite
    families   who has an account here, and the tries at their passwords
    links      /links: the mairie links one of its citizens to a family, asks about the link, ends it
    sign_on    /sign-on: a citizen comes from the mairie's site, already logged in
    site       the family's own pages: log in, see what is linked, end it, change the password
    telling    tells the mairie that a link has ended
    events     /webhooks: what happens to requests at the mairie
    following  has the mairie tell of it
    app        which address leads where

It imports nothing of the mairie's own program.
"""
