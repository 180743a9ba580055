"""The landmark editor: a local page on which the points of a face are dragged into place over its picture."""
