"""From an export to a notebook that can be run: collect, read, repair."""
