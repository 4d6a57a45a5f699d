"""Layers of well-known packages beside Keras, written as plugins are; a module is imported when a file needs it."""

from __future__ import annotations

from collections.abc import Set
from importlib import import_module


def _both(names: str) -> str:
    """The names of layers in files of keras-hub and of keras-nlp."""
    return ", ".join(f"{package}>{name}" for package in ("keras_hub", "keras_nlp") for name in names.split(", "))


# The names in files that each module registers.
MODULES = {
    "addons": (
        "Addons>AdaptiveAveragePooling1D, Addons>AdaptiveAveragePooling2D, Addons>AdaptiveMaxPooling1D, "
        "Addons>AdaptiveMaxPooling2D, Addons>FilterResponseNormalization, Addons>GELU, Addons>GroupNormalization, "
        "Addons>InstanceNormalization, Addons>Maxout, Addons>MultiHeadAttention, Addons>NoisyDense, "
        "Addons>PoincareNormalize, Addons>PolynomialCrossing, Addons>Snake, Addons>Sparsemax, "
        "Addons>SpectralNormalization, Addons>StochasticDepth, Addons>TLU, Addons>lisht, Addons>rrelu, "
        "Addons>snake, Addons>sparsemax"
    ),
    "autokeras": "CastToFloat32, ExpandLastDim",
    "backbones": _both(
        "BertBackbone, BertClassifier, BertMaskedLM, BertTextClassifier, DistilBertBackbone, DistilBertMaskedLM, "
        "DistilBertTextClassifier, GPT2Backbone, GPT2CausalLM, GemmaBackbone, GemmaCausalLM, OPTBackbone, "
        "RobertaBackbone, RobertaMaskedLM, RobertaTextClassifier, XLMRobertaBackbone, XLMRobertaMaskedLM"
    ),
    "contrib": "InstanceNormalization, SineReLU, SubPixelUpscaling, Swish",
    "crf": "Addons>CRF, CRF, tf2crf>CRF",
    "efficientnet": "FixedDropout",
    "kecam": (
        "beit>PatchConv2DWithResampleWeights, efficientdet>ReluWeightedSum, kecam/cmt>BiasPositionalEmbedding, "
        "kecam/llama2>RMSNorm, kecam>ExpLogitScale, kecam>PureWeigths, kecamCommon>CompatibleExtractPatches, "
        "kecamCommon>EvoNormalization, kecamCommon>hard_sigmoid_torch, kecamCommon>hard_swish, kecamCommon>mish, "
        "kecamCommon>phish, model_surgery>DropConnect, nfnets>ScaledStandardizedConv2D, nfnets>ZeroInitGain, "
        "resmlp>ChannelAffine, swinv2>DivideScale, volo>BiasLayer, volo>ClassToken, "
        "volo>PositionalEmbedding"
    ),
    "kecam_places": (
        "beit>MultiHeadRelativePositionalEmbedding, beit>PositionalEncodingFourierRot, "
        "botnet>RelativePositionalEmbedding, kecam/edgenext>PositionalEncodingFourier, kecam/gpt2>CausalMask, "
        "kecam/gpt2>PositionalIndex, kecam/llama2>PositionalEncodingFourierRot1D, "
        "kecam/nat>MultiHeadRelativePositionalKernelBias, kecam>MlpPairwisePositionalEmbedding, "
        "kecam>SinusoidalTimeStepEmbedding, kecam>WindowAttentionMask, levit>MultiHeadPositionalEmbedding, "
        "swinv2>PairWiseRelativePositionalEmbedding, swinv2>WindowAttentionMask"
    ),
    "keras_cv": (
        "keras_cv>DropPath, keras_cv>PatchingAndEmbedding, keras_cv>SqueezeAndExcite2D, keras_cv>StochasticDepth, "
        "keras_cv>TransformerEncoder"
    ),
    "keras_hub": _both(
        "CachedMultiHeadAttention, FNetEncoder, MaskedLMHead, PositionEmbedding, ReversibleEmbedding, RotaryEmbedding, "
        "SinePositionEncoding, TokenAndPositionEmbedding, TransformerDecoder, TransformerEncoder"
    ),
    "keras_io": (
        "Sampling, keras.io>PatchEncoder, keras.io>Patches, keras.io>PositionalEmbedding, "
        "keras.io>TokenAndPositionEmbedding, keras.io>VectorQuantizer"
    ),
    "keras_tcn": "TCN",
    "published": (
        "AttentionLayer, AttentionWeightedAverage, AttentionWithContext, CapsuleLayer, ClusteringLayer, L1Dist, "
        "L2Normalization, ManDist, PixelShuffler, ReflectionPadding2D, Scale, kaggle>Attention"
    ),
    "qkeras": "QActivation, QConv1D, QConv2D, QDense, QDepthwiseConv2D",
    "retinanet": "Anchors, ClipBoxes, RegressBoxes, UpsampleLike",
    "self_attention": (
        "EmbeddingRet, EmbeddingSim, EmbeddingSimilarity, Extract, FeedForward, Masked, "
        "ScaledDotProductAttention, SeqSelfAttention, SeqWeightedAttention, TokenEmbedding, TrigPosEmbedding, "
        "keras-layer-normalization>LayerNormalization, keras-multi-head>MultiHeadAttention, "
        "keras-pos-embd>PositionEmbedding"
    ),
    "unet_collection": (
        "SwinTransformerBlock, drop_path, patch_embedding, patch_expanding, patch_extract, patch_merging"
    ),
    "vit_keras": "AddPositionEmbs, ClassToken, vit_keras>TransformerBlock",
}
# Whose layers they are.
TITLES = {
    "addons": "tensorflow-addons",
    "autokeras": "autokeras",
    "backbones": "keras-hub's and keras-nlp's models",
    "contrib": "keras-contrib",
    "crf": "keras-contrib, tensorflow-addons and tf2crf",
    "efficientnet": "efficientnet and segmentation-models",
    "kecam": "keras_cv_attention_models",
    "kecam_places": "keras_cv_attention_models",
    "keras_cv": "keras-cv",
    "keras_hub": "keras-hub and keras-nlp",
    "keras_io": "the examples on keras.io",
    "keras_tcn": "keras-tcn",
    "pruning": "tensorflow-model-optimization",
    "published": "well-known notebooks and models",
    "qkeras": "QKeras",
    "retinanet": "keras-retinanet",
    "self_attention": "keras-self-attention and its family, with keras-bert",
    "unet_collection": "keras-unet-collection",
    "vit_keras": "vit-keras",
}
# What the dialect makes one of Keras's layers or functions of.
RESOLVED = {
    "addons": (
        "Addons>WeightNormalization, Addons>gelu, Addons>hardshrink, Addons>mish, Addons>softshrink, Addons>tanhshrink"
    ),
    "keras_hub": _both("gelu_approximate"),
    "pruning": "PruneLowMagnitude",
}
# Names that other layers have too: the keys of the config that these have, and one that they have not.
_TWINS = (
    ("TransformerBlock", {"num_heads", "mlp_dim"}, "embed_dim", "vit_keras>TransformerBlock"),
    ("BatchNormalization", {"freeze", "momentum"}, "units", "BatchNormalization"),
    ("Attention", {"step_dim"}, "use_scale", "kaggle>Attention"),
    ("CRF", {"chain_initializer"}, "units", "tf2crf>CRF"),
    ("MultiHeadAttention", {"head_num", "history_only"}, "num_heads", "keras-multi-head>MultiHeadAttention"),
    ("PositionEmbedding", {"mode", "input_dim"}, "sequence_length", "keras-pos-embd>PositionEmbedding"),
    (
        "LayerNormalization",
        {"center", "scale", "epsilon", "gamma_initializer"},
        "axis",
        "keras-layer-normalization>LayerNormalization",
    ),
    ("PatchEncoder", {"num_patches", "projection_dim"}, "mask_proportion", "keras.io>PatchEncoder"),
    ("Patches", {"patch_size"}, "patch_dim", "keras.io>Patches"),
    (
        "PositionalEmbedding",
        {"sequence_length", "vocab_size", "embed_dim"},
        "output_dim",
        "keras.io>PositionalEmbedding",
    ),
    (
        "TokenAndPositionEmbedding",
        {"maxlen", "vocab_size", "embed_dim"},
        "sequence_length",
        "keras.io>TokenAndPositionEmbedding",
    ),
    ("PositionalEmbedding", {"sequence_length", "input_dim", "output_dim"}, "vocab_size", "book>PositionalEmbedding"),
    ("TransformerBlock", {"embed_dim", "num_heads", "ff_dim"}, "key_dim", "keras.io>TransformerBlock"),
    ("TransformerEncoder", {"embed_dim", "dense_dim", "num_heads"}, "latent_dim", "keras.io>TransformerEncoder"),
    ("VectorQuantizer", {"num_embeddings", "embedding_dim"}, "decay", "keras.io>VectorQuantizer"),
)
_HOMES = {name: module for module, names in MODULES.items() for name in names.split(", ")}
# HDF5 files have the models' names without their package.
_MODELS = {name.rpartition(">")[2]: name for name in MODULES["backbones"].split(", ") if name.startswith("keras_hub")}


def named(name: str, config: Set[str]) -> str:
    """The name of a class, told apart from others of the same name by its config, and with its package."""
    bare = name.removeprefix("Custom>")
    fits = (full for twin, keys, missing, full in _TWINS if twin == bare and config >= keys and missing not in config)
    return next(fits, _MODELS.get(name, name))


def told(name: str) -> bool:
    """Whether it is the file that says which package a class is from, and not what it has beside its name."""
    return ">" in name.removeprefix("Custom>") and all(name != full for *_, full in _TWINS)


def load(name: str) -> None:
    """Imports the module that registers a name, if there is one."""
    module = _HOMES.get(name.removeprefix("Custom>"))
    if module is not None:
        import_module(f"{__package__}.{module}")


def package(name: str) -> str:
    """The package that a layer is taken to be from, "" where its name is not known."""
    return TITLES.get(_HOMES.get(name.removeprefix("Custom>"), ""), "")


def packages() -> dict[str, list[str]]:
    """The names that are known, by the package that they are from."""
    listed: dict[str, list[str]] = {}
    for module, names in (*MODULES.items(), *RESOLVED.items()):
        listed.setdefault(TITLES[module], []).extend(names.split(", "))
    return {title: sorted(names, key=str.lower) for title, names in listed.items()}
