"""What shows that grading is right: answers known to be right or wrong, and a class of every kind of submission."""
