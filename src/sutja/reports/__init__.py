"""What people look at: figures, and the pages of a run, an evaluation, an exploration and an audit."""
