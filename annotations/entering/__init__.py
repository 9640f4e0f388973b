"""Who may come in: people, invitations, sessions, tokens."""
