"""What in `lib` answers an exercise: by lesson and exercise, the functions that pass its check or come near it, or show how.

Students may read none of them (`lib.sealed`). Those that pass a check when they are called instead of the answer stand in modules
that grading has not (`lib.sealed.FINISHED`); a test calls every function of `lib` to find out.
"""

from __future__ import annotations

ANSWERS: dict[str, dict[str, tuple[str, ...]]] = {
    "chain_rule": {
        "p_mine": ("lib.byhand.likely_mistakes",),
        "cheapest_order": ("lib.orders.order_costs",),
    },
    "nll": {
        "nll_mine": ("lib.byhand._nll",),
        "log_softmax": ("lib.exam._softmax",),
        "kl_divergence": ("lib.controls.divergence.draw_divergence",),
    },
    "nade": {
        "fvsbn_logits": ("lib.models.fvsbn.FVSBN.logits",),
        "nade_logits": ("lib.models.nade.NADE.logits", "lib.models.nade.RunningSum.forward"),
        "nade_log_prob": ("lib.models.nade.NADE.log_prob", "lib.models.bernoulli.log_bernoulli"),
        "nade_sample": ("lib.models.nade.NADE.sample",),
        "complete": ("lib.models.nade.NADE.complete",),
        "mixture_log_prob": ("lib.models.rnade.RNADE.log_prob",),
    },
    "made": {
        "make_masks": ("lib.models.made.mask", "lib.models.made.MADE.masks", "lib.controls.connections.draw_connections"),
        "made_logits": ("lib.models.made.MADE.logits",),
        "dependence_by_masks": ("lib.models.made.paths",),
        "made_sample": ("lib.models.pixel_by_pixel.draw",),
        "order_agnostic_nll": ("lib.models.made.MADE.training_loss",),
        "ensemble_log_prob": ("lib.models.mixture.Mixture.log_prob", "lib.models.made.MADE.log_prob"),
    },
    "pixelcnn": {
        "conv_mask": ("lib.models.pixelcnn.MaskedConv2d", "lib.controls.reach._gradient"),
        "masked_conv2d": ("lib.models.pixelcnn.MaskedConv2d.forward",),
        "stack_masks": ("lib.models.gated_pixelcnn.CausalConv2d", "lib.controls.reach._gradient"),
        "gated": ("lib.models.gated_pixelcnn.gated",),
        "sample_image": ("lib.models.pixel_by_pixel.draw_tokens", "lib.models.pixel_by_pixel.choose"),
        "channel_mask": ("lib.models.colour_pixelcnn.channel_mask",),
        "discretized_logistic_log_prob": ("lib.models.discretized_logistic.discretized_logistic_log_prob",),
    },
    "wavenet": {
        "mu_law_encode": ("lib.mu_law.mu_law_encode",),
        "mu_law_decode": ("lib.mu_law.mu_law_decode",),
        "receptive_field": ("lib.models.wavenet.WaveNet", "lib.controls.dilations.draw_dilations"),
        "gated_unit": ("lib.models.wavenet.WaveNet._scores",),
        "step_with_queue": ("lib.models.wavenet.Queues.step",),
    },
    "transformer_lm": {
        "attention": ("lib.models.gpt.plain_attention", "lib.controls.attention.attention_weights"),
        "rope": ("lib.models.gpt.rotate",),
        "next_token_loss": ("lib.models.next_token.NextToken.training_loss", "lib.text.nats_per_token"),
        "attention_step": ("lib.models.gpt.Block.attend",),
        "cache_bytes": ("lib.models.gpt.Cache",),
    },
    "sampling": {
        "temperature": ("lib.sampling.temperature",),
        "top_k": ("lib.sampling.top_k",),
        "top_p": ("lib.sampling.top_p",),
        "min_p": ("lib.sampling.min_p",),
        "kept_mine": ("lib.byhand._tells_apart",),
        "sample_token": (
            "lib.sampling.sample_token", "lib.models.wavenet.choose", "lib.models.pixel_by_pixel.choose",
        ),
        "beam_search": ("lib.sampling.beam_search",),
        "constrain": ("lib.sampling.constrain",),
        "accept_or_resample": ("lib.sampling.accept_or_resample",),
        "watermarked_token": ("lib.sampling.watermarked_token",),
        "watermark_score": ("lib.sampling.watermark_score",),
        "repaired_F": ("lib.sampling.penalise",),
    },
    "drawbacks": {
        "scale_blocks": ("lib.models.any_order.coarse_to_fine",),
        "block_log_prob": ("lib.models.any_order.AnyOrder.block_log_prob",),
        "mask_and_weight": ("lib.models.any_order.AnyOrder.training_loss", "lib.models.any_order.turns"),
        "order_nll": ("lib.models.any_order.AnyOrder.order_nll",),
        "sliding_window_mask": ("lib.models.mixers.attention",),
        "linear_attention": ("lib.models.mixers.linear_attention", "lib.controls.memory.looked_up"),
        "scan": ("lib.models.mixers.scan",),
    },
}  # fmt: skip
