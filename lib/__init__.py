"""What the lessons import: small tools that show, measure and probe, never the answer to an exercise.

| module        | what it is for                                                       |
|---------------|----------------------------------------------------------------------|
| `causality`   | which outputs depend on which inputs, for any callable               |
| `information` | entropies, units and stable log-means                                |
| `byhand`      | numbers the student works out: typed answers and personal sequences  |
| `data`        | the small real data sets in `data/`                                  |
| `plots`       | one plot style, and the drawings that more than one lesson uses      |
| `practice`    | self-check quizzes and flashcards                                    |
| `widgets`     | the controls of the "Play" sections                                  |
"""
