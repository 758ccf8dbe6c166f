"""The live feed: posts, files, comments, reactions."""
