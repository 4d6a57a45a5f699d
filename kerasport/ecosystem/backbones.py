"""Backbones of keras-hub, which save their arguments and no graph, and the tasks around them."""

from __future__ import annotations

from itertools import chain, repeat
from math import sqrt
from typing import Any, cast

from kerasport.ecosystem.gemma import BLOCK, NORM
from kerasport.ecosystem.keras_hub import names
from kerasport.plugins import CustomLayer, CustomModel, End, Tensor, compose, model

_GELU = {"function": "gelu", "approximate": 1.0}


@compose("kerasport>FirstStep", mask="dropped")
def first_step(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x[:, 0]``."""
    return x[:, 0]


@compose("kerasport>Scaled", mask="carried")
def scaled(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x * factor``."""
    return x * layer.config.number("factor")


@model(*names("BertBackbone"), ignored="dropout")
def bert_backbone(m: CustomModel) -> Any:
    """BERT: tokens, places and segments, an encoder, and a Dense on the first step."""
    x = _segmented(m, m.config.integer("hidden_dim"))
    return _with_pooled(m, _encoded(m, x, m.input("padding_mask"), _GELU, 1e-12))


@model(*names("AlbertBackbone"), ignored="dropout")
def albert_backbone(m: CustomModel) -> Any:
    """ALBERT: BERT with smaller tables, whose few layers are called again and again."""
    x, padding = _segmented(m, m.config.integer("embedding_dim")), m.input("padding_mask")
    x = m.layer("Dense", "embedding_projection", x, units=m.config.integer("hidden_dim"))
    groups, inner = m.config.count("num_groups"), m.config.count("num_inner_repetitions")
    options = _encoder(m, _GELU, 1e-12)
    for group in range(groups):
        layers = [f"group_{group}_inner_layer_{place}" for place in range(inner)]
        for name in layers:
            x = m.layer("keras_hub>TransformerEncoder", name, x, call={"padding_mask": padding}, **options)
        for name in chain.from_iterable(repeat(layers, m.config.count("num_layers") // groups - 1)):
            x = m.again(name, x, padding_mask=padding)
    return _with_pooled(m, x)


@model(*names("FNetBackbone"), ignored="dropout")
def f_net_backbone(m: CustomModel) -> Any:
    """FNet: BERT with Fourier transforms in attention's place, and no padding."""
    size, hidden = m.config.integer("hidden_dim"), m.config.integer("intermediate_dim")
    x = m.layer("Dense", "embedding_projection", _segmented(m, size), units=size)
    options: dict[str, Any] = {"activation": _GELU, "layer_norm_epsilon": 1e-12}
    for place in range(m.config.count("num_layers")):
        x = m.layer("keras_hub>FNetEncoder", f"f_net_layer_{place}", x, intermediate_dim=hidden, **options)
    return _with_pooled(m, x)


def _segmented(m: CustomModel, size: int) -> End:
    """The sum of the rows of tokens, places and segments, normalized."""
    ids, segments = m.input("token_ids"), m.input("segment_ids")
    tokens = _tokens(m, ids, size)
    places = _places(m, tokens)
    kinds = m.layer(
        "Embedding", "segment_embedding", segments, input_dim=m.config.integer("num_segments"), output_dim=size
    )
    return _norm(m, "embeddings_layer_norm", m.layer("Add", "embeddings_add", tokens, places, kinds), 1e-12)


def _with_pooled(m: CustomModel, x: End) -> dict[str, End]:
    first = m.layer("kerasport>FirstStep", "first_step", x)
    pooled = m.layer("Dense", "pooled_dense", first, units=m.config.integer("hidden_dim"), activation="tanh")
    return {"sequence_output": x, "pooled_output": pooled}


@model(*names("RobertaBackbone"), *names("XLMRobertaBackbone"), ignored="dropout")
def roberta_backbone(m: CustomModel) -> End:
    """RoBERTa: tokens and places, and an encoder."""
    x, padding = _embedded(m, "embeddings")
    return _encoded(m, _norm(m, "embeddings_layer_norm", x, 1e-5), padding, "gelu", 1e-5)


@model(*names("DistilBertBackbone"), ignored="dropout")
def distil_bert_backbone(m: CustomModel) -> End:
    """DistilBERT: the same with other names."""
    x, padding = _embedded(m, "token_and_position_embedding")
    return _encoded(m, _norm(m, "embeddings_layer_norm", x, 1e-12), padding, "gelu", 1e-12)


@model(*names("GPT2Backbone"), ignored="dropout")
def gpt2_backbone(m: CustomModel) -> End:
    """GPT-2: tokens and places, and a decoder."""
    ids, padding = m.input("token_ids"), m.input("padding_mask")
    tokens = _tokens(m, ids, m.config.integer("hidden_dim"))
    x = m.layer("Add", "embeddings_add", tokens, _places(m, tokens))
    return _norm(m, "layer_norm", _decoded(m, x, padding, _GELU), 1e-5)


@model(*names("OPTBackbone"), ignored="dropout")
def opt_backbone(m: CustomModel) -> End:
    """OPT: the same with other names and relu."""
    x, padding = _embedded(m, "embeddings")
    return _norm(m, "layer_norm", _decoded(m, x, padding, "relu"), 1e-5)


@model(*names("GemmaBackbone"), ignored="dropout")
def gemma_backbone(m: CustomModel) -> End:
    """Gemma: tokens, and a decoder that knows places by rotation."""
    size = m.config.integer("hidden_dim")
    ids, padding = m.input("token_ids"), m.input("padding_mask")
    x = _tokens(m, ids, size, logit_soft_cap=m.config.get("final_logit_soft_cap", None))
    x = m.layer("kerasport>Scaled", "scaled", x, factor=sqrt(size))
    keys = "intermediate_dim num_query_heads num_key_value_heads head_dim query_head_dim_normalize use_post_ffw_norm"
    options = {key: m.config.get(key) for key in f"{keys} use_post_attention_norm sliding_window_size".split()}
    options |= {"hidden_dim": size, "logit_soft_cap": m.config.get("attention_logit_soft_cap", None)}
    epsilon, slides = m.config.number("layer_norm_epsilon"), m.config.flag("use_sliding_window_attention")
    for place in range(m.config.count("num_layers")):
        x = m.layer(
            BLOCK,
            f"decoder_block_{place}",
            x,
            call={"padding_mask": padding},
            layer_norm_epsilon=1e-6,
            use_sliding_window_attention=slides and place % 2 == 0,
            **options,
        )
    return m.layer(NORM, "final_normalization", x, epsilon=epsilon)


def _tokens(m: CustomModel, ids: End, size: int, **options: Any) -> End:
    tokens = m.config.integer("vocabulary_size")
    return m.layer(
        "keras_hub>ReversibleEmbedding",
        "token_embedding",
        ids,
        input_dim=tokens,
        output_dim=size,
        tie_weights=True,
        mask_zero=False,
        **options,
    )


def _places(m: CustomModel, tokens: End) -> End:
    length = m.config.integer("max_sequence_length")
    return m.layer("keras_hub>PositionEmbedding", "position_embedding", tokens, sequence_length=length)


def _embedded(m: CustomModel, name: str) -> tuple[End, End]:
    """The embedded tokens, and their padding."""
    ids, padding = m.input("token_ids"), m.input("padding_mask")
    options = {"vocabulary_size": "vocabulary_size", "sequence_length": "max_sequence_length"}
    sizes: dict[str, Any] = {
        key: m.config.integer(source) for key, source in (options | {"embedding_dim": "hidden_dim"}).items()
    }
    return m.layer("keras_hub>TokenAndPositionEmbedding", name, ids, **sizes), padding


def _norm(m: CustomModel, name: str, x: End, epsilon: float) -> End:
    return m.layer("LayerNormalization", name, x, axis=-1, epsilon=epsilon)


def _encoded(m: CustomModel, x: End, padding: End, activation: Any, epsilon: float) -> End:
    options = _encoder(m, activation, epsilon)
    return _stacked(m, x, "keras_hub>TransformerEncoder", {"padding_mask": padding}, options)


def _encoder(m: CustomModel, activation: Any, epsilon: float) -> dict[str, Any]:
    options = {"activation": activation, "layer_norm_epsilon": epsilon, "normalize_first": False, "dropout": 0}
    return options | _heads(m)


def _heads(m: CustomModel) -> dict[str, int]:
    return {key: m.config.integer(key) for key in ("num_heads", "intermediate_dim")}


def _decoded(m: CustomModel, x: End, padding: End, activation: Any) -> End:
    options = {"activation": activation, "layer_norm_epsilon": 1e-5, "normalize_first": True, "dropout": 0}
    return _stacked(m, x, "keras_hub>TransformerDecoder", {"decoder_padding_mask": padding}, options | _heads(m))


def _stacked(m: CustomModel, x: End, class_name: str, call: dict[str, Any], options: dict[str, Any]) -> End:
    for place in range(m.config.count("num_layers")):
        x = m.layer(class_name, f"transformer_layer_{place}", x, call=call, **options)
    return x


_TASK = "dropout preprocessor"  # which turns text into ids before the model


def _tasks(ending: str, *kinds: str) -> list[str]:
    """The names of tasks of several backbones; what is a TextClassifier was a Classifier once."""
    endings = (ending, "Classifier") if ending == "TextClassifier" else (ending,)
    return [name for kind in kinds for end in endings for name in names(kind + end)]


@model(*_tasks("TextClassifier", "Bert", "Albert", "FNet"), ignored=_TASK)
def bert_text_classifier(m: CustomModel) -> End:
    """A Dense on the pooled output."""
    return _logits(m, m.call(m.held("backbone"))["pooled_output"])


@model(*_tasks("TextClassifier", "Roberta", "XLMRoberta"), ignored=_TASK)
def roberta_text_classifier(m: CustomModel) -> End:
    """Two of them on the first step."""
    return _classified(m, "tanh")


@model(*_tasks("TextClassifier", "DistilBert"), ignored=_TASK)
def distil_bert_text_classifier(m: CustomModel) -> End:
    """The same with relu."""
    return _classified(m, "relu")


@model(*_tasks("TextClassifier", "DebertaV3"), ignored=_TASK)
def deberta_v3_text_classifier(m: CustomModel) -> End:
    """The same with gelu."""
    return _classified(m, "gelu")


def _classified(m: CustomModel, activation: str) -> End:
    backbone = m.held("backbone")
    size = m.config.get("hidden_dim", None) or backbone.config.integer("hidden_dim")
    first = m.layer("kerasport>FirstStep", "first_step", m.call(backbone))
    return _logits(m, m.layer("Dense", "pooled_dense", first, units=size, activation=activation))


def _logits(m: CustomModel, x: End) -> End:
    return m.layer(
        "Dense", "logits", x, units=m.config.integer("num_classes"), activation=m.config.get("activation", None)
    )


@model(*_tasks("CausalLM", "GPT2", "Gemma", "Llama", "Mistral"), ignored=_TASK)
def causal_lm(m: CustomModel) -> End:
    """The backbone's features by its own table of tokens in reverse; the call stands within the backbone."""
    backbone = m.held("backbone")
    backbone.outputs = backbone.again("token_embedding", backbone.outputs, reverse=True)
    return cast(End, m.call(backbone))


@model(*_tasks("CausalLM", "OPT"), ignored=_TASK)
def opt_causal_lm(m: CustomModel) -> End:
    """The same, where the table is a part of a layer."""
    backbone = m.held("backbone")
    sizes: dict[str, Any] = {
        "tokens": backbone.config.integer("vocabulary_size"),
        "size": backbone.config.integer("hidden_dim"),
    }
    return m.layer("kerasport>TokenScores", "token_scores", m.call(backbone), **sizes)


@compose("kerasport>TokenScores", mask="dropped")
def token_scores(layer: CustomLayer, x: Tensor) -> Tensor:
    """Features by the table of tokens in reverse."""
    sizes: dict[str, Any] = {"input_dim": layer.config.integer("tokens"), "output_dim": layer.config.integer("size")}
    return layer.part("token_embedding", "keras_hub>ReversibleEmbedding", same_as="token_embedding", **sizes)(
        x, reverse=True
    )


@model(*_tasks("MaskedLM", "Bert", "FNet"), ignored=_TASK)
def bert_masked_lm(m: CustomModel) -> End:
    """A head on BERT's features that scores tokens by the backbone's own table of them."""
    backbone = m.held("backbone")
    return _masked_lm(m, backbone, m.call(backbone)["sequence_output"])


@model(*_tasks("MaskedLM", "Albert"), ignored=_TASK)
def albert_masked_lm(m: CustomModel) -> End:
    """The same with an approximate gelu."""
    backbone = m.held("backbone")
    return _masked_lm(m, backbone, m.call(backbone)["sequence_output"], "embedding_dim", _GELU)


@model(*_tasks("MaskedLM", "Roberta", "XLMRoberta", "DistilBert", "DebertaV3"), ignored=_TASK)
def masked_lm(m: CustomModel) -> End:
    """The same on a backbone with one output."""
    backbone = m.held("backbone")
    return _masked_lm(m, backbone, m.call(backbone))


def _masked_lm(
    m: CustomModel, backbone: CustomModel, features: End, width: str = "hidden_dim", activation: Any = "gelu"
) -> End:
    tokens, size = (backbone.config.integer(key) for key in ("vocabulary_size", width))
    table = {"name": "token_embedding", "input_dim": tokens, "output_dim": size}
    return m.layer(
        "keras_hub>MaskedLMHead",
        "mlm_head",
        features,
        m.input("mask_positions"),
        vocabulary_size=tokens,
        token_embedding={"class_name": "keras_hub>ReversibleEmbedding", "config": table},
        intermediate_activation=activation,
        activation=None,
        layer_norm_epsilon=1e-5,
    )
