"""The TA's side of the course: build the notebooks, grade a class, explain the grades. Never shipped to students."""
