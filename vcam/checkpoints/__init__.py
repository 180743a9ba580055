"""The weights of the ditto animator: fetching, checking and describing them."""
