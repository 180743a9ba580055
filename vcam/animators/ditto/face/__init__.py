"""Finding a face in a picture and reading it: each file a network or a piece of geometry, none knowing of another's."""
