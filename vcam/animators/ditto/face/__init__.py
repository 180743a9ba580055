"""From a picture to the face in it: where it is, its landmarks, its crop, its eyes."""
