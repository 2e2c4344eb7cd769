"""Words in a row: what is said without pauses between the words, from a file or while it is spoken."""
