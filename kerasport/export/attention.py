"""Attention and AdditiveAttention in ONNX; MultiHeadAttention is in ``multi_head``."""

from __future__ import annotations

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.multi_head import multi_head_attention
from kerasport.export.ops import reduce, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.export.visibility import combined, or_everything, positions, spread, weights
from kerasport.layers import attention

EXPORT.register(attention.MultiHeadAttention)(multi_head_attention)


@EXPORT.register(attention.Attention)
def attention_layer(spec: attention.Attention, b: Scope, *inputs: Tensor) -> tuple[Tensor, ...]:
    """MatMul, Softmax, MatMul; one Attention from opset 23 on where nothing is masked."""
    query, value, key = spec.tensors(inputs)
    query_mask, value_mask = spec.masked(inputs, b.masks)
    rank = query.type.rank
    if spec.score == "dot" and b.opset >= 23 and rank == 3 and value_mask is None and not spec.scores:
        y, distribution = _fused(spec, b, query, value, key), ""
    else:
        terms = []
        if spec.causal:
            terms.append(positions(b, query, key, (rank - 2, rank - 2), causal=True, window=None))
        if value_mask is not None:
            terms.append(spread(b, value_mask, rank, [*range(rank - 2), rank - 1]))
        visible = combined(b, terms)
        visible = or_everything(b, visible) if visible and spec.exact else visible
        distribution = weights(b, _scores(spec, b, query, key), visible)
        y = b.op("MatMul", distribution, b.logical(value))
    if query_mask is not None:
        y = b.op("Where", spread(b, query_mask, rank, range(rank - 1)), y, b.constant(0.0, "zero"))
    output = b.tensor(y)
    return (output, b.tensor(distribution, b.call.outputs[1].type)) if spec.scores else (output,)


def _fused(spec: attention.Attention, b: Scope, query: Tensor, value: Tensor, key: Tensor) -> str:
    q = b.logical(query)
    if spec.use_scale:
        q = b.op("Mul", q, b.initializer(b.weight("scale"), "scale"))
    causal = 1 if spec.causal else None
    return b.op(
        "Attention", q, b.logical(key), b.logical(value), q_num_heads=1, kv_num_heads=1, scale=1.0, is_causal=causal
    )


def _scores(spec: attention.Attention, b: Scope, query: Tensor, key: Tensor) -> str:
    rank = query.type.rank
    if spec.score == "dot":
        turned = b.arrange(key, (*range(rank - 2), rank - 1, rank - 2))
        scores = b.op("MatMul", b.logical(query), turned)
        return b.op("Mul", scores, b.initializer(b.weight("scale"), "scale")) if spec.use_scale else scores
    added = b.op("Add", unsqueeze(b, b.logical(query), [rank - 1]), unsqueeze(b, b.logical(key), [rank - 2]))
    if spec.score == "concat" and spec.use_scale:
        added = b.op("Mul", added, b.initializer(b.weight("scale"), "scale"))
    features = b.op("Tanh", added)
    if spec.score == "additive" and spec.use_scale:  # twice as fast as a product with a vector
        features = b.op("Mul", features, b.initializer(b.weight("scale"), "scale"))
    scores = reduce(b, "ReduceSum", features, [rank], keepdims=False)
    if spec.score == "concat":
        scores = b.op("Mul", scores, b.initializer(b.weight("concat_score_weight"), "concat_score_weight"))
    return scores
