"""The architectures of the course, one file each, its paper at its head.

Every model is an `nn.Module` that keeps one contract:

- `log_prob(x) -> (batch,)`: the logarithm of the probability of each example, in nats;
- `logits(x)`: what the conditionals are made of, shaped like `x` (models of binary data);
- `sample(n, generator) -> (n, ...)`: new examples. The fast way that a model has gives the same examples as
  the naive way (`pixel_by_pixel.sample`) for the same generator, and a test says so.

| module                 | model                                                            | lesson   |
|------------------------|------------------------------------------------------------------|----------|
| `bernoulli`            | independent pixels: what everything else has to beat             | 3        |
| `fvsbn`                | fully visible sigmoid belief net: a logistic regression each     | 3        |
| `nade`                 | one shared hidden layer and a running sum                        | 3        |
| `rnade`                | the same for real values: mixtures of Gaussians                  | 3        |
| `made`                 | a masked autoencoder, in one order or several                    | 4        |
| `pixelcnn`             | masked convolutions, over pixels or patches                      | 5        |
| `gated_pixelcnn`       | two stacks without a blind spot, gates, labels                   | 5        |
| `colour_pixelcnn`      | red, then green, then blue, by masks over channels               | 5        |
| `pixelrnn`             | a Row LSTM: the state goes down the image                        | 5        |
| `discretized_logistic` | whole numbers with a sense of neighbourhood                      | 5        |
| `wavenet`              | dilated causal convolutions over audio; queues                   | 6        |
| `digit_listener`       | no model of sound but a judge of it: which digit is spoken?      | 6        |
| `recurrent`            | Elman's network and the LSTM over tokens; a state                | 7        |
| `gpt`                  | causal self-attention over tokens; KV cache                      | 7        |
| `pixel_gpt`            | the same over patches of digits, before and after their label    | 7        |
| `any_order`            | one network for every order: masked diffusion                    | 9        |
| `mixture`              | several models at once, an ensemble that is a distribution       | 4        |
| `next_token`           | what all models of tokens share: the chain rule, start and end   |          |
| `inputs`               | what they all refuse at the door, in a sentence                  |          |
| `patches`              | pixels read as tokens, p x q at a time                           |          |
| `cached`               | the same samples, each unit computed once                        |          |
| `pixel_by_pixel`       | sampling one pixel or token per pass, for any of them            |          |
"""
