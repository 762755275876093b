"""Hidden tests, one module per lesson: `check_NAME` judges the exercise NAME and is called from its check cell.

A check gets the student's function or values and nothing else, calls the function with plain values, and judges the
values that come back by an independent computation (`autograder.checks.judge`). It returns None, or raises
`AssertionError` with one sentence that says what is wrong without giving the answer.
"""
