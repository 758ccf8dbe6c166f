"""Who did what, when, and from where: sealed, so that nothing of it can be changed unseen."""
