"""What the lessons import: small tools that show, measure and probe; and, in `models` and other modules
(`sealed.FINISHED`), what the lessons build, finished.

| module        | what it is for                                                       |
|---------------|----------------------------------------------------------------------|
| `causality`   | which outputs depend on which inputs, for any callable               |
| `information` | entropies and units                                                  |
| `orders`      | what each order of a joint's variables costs                         |
| `byhand`      | numbers the student works out: typed answers and personal sequences  |
| `data`        | the small real data sets in `data/`                                  |
| `audio`       | sound as data: spectrograms, clips of spoken digits                  |
| `mu_law`      | sound as whole numbers                                               |
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
| `sealed`      | what students may read of this, and what grading has not             |
"""

from lib import sealed

sealed.install()
