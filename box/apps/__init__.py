"""The features, all peers."""
