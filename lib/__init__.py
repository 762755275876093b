"""What the lessons import: small tools that show, measure and probe; and, in `models` and other modules
(`sealed.FINISHED`), what the lessons build, finished.

| module        | what it is for                                                       |
|---------------|----------------------------------------------------------------------|
| `causality`   | which outputs depend on which inputs, for any callable               |
| `information` | entropies, units and stable log-means                                |
| `byhand`      | numbers the student works out: typed answers and personal sequences  |
| `data`        | the small real data sets in `data/`                                  |
| `audio`       | sound as data: mu-law, spectrograms, clips of spoken digits          |
| `speech`      | spoken digits for WaveNet and from it                                |
| `wav`         | WAV files, read without trusting them                                |
| `models`      | the architectures, one file each                                     |
| `training`    | one training loop for all of them                                    |
| `weights`     | the trained models in `data/weights/`                                |
| `sampling`    | from a model's logits to text: filters, beams, speculation           |
| `keyed`       | uniforms from a secret key, for watermarks                           |
| `scoreboard`  | what every model scores on the same digits                           |
| `plots`       | one plot style, and the drawings that more than one lesson uses      |
| `controls`    | the controls of the "Play" sections, one file each                   |
| `practice`    | self-check quizzes and flashcards                                    |
| `check`       | `python -m lib.check`: is this machine ready for the lessons?        |
| `sealed`      | which modules hold answers, and how they are kept from students      |
"""

from lib import sealed

sealed.install()
