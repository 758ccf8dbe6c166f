"""What belongs together across rooms: a task and the deal, the post or the call that it came of."""
