"""From outputs to scores in the gradebook. The only writer."""
