"""From a notebook to its outputs, wherever it runs. Knows no gradebook and no database."""
