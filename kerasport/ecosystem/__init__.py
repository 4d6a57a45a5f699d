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
        "Addons>AdaptiveMaxPooling2D, Addons>EmbeddingBag, Addons>FilterResponseNormalization, Addons>GELU, "
        "Addons>GroupNormalization, Addons>InstanceNormalization, Addons>Maxout, Addons>MultiHeadAttention, "
        "Addons>NetVLAD, Addons>NoisyDense, Addons>PoincareNormalize, Addons>PolynomialCrossing, Addons>Snake, "
        "Addons>Sparsemax, Addons>SpatialPyramidPooling2D, Addons>SpectralNormalization, Addons>StochasticDepth, "
        "Addons>TLU, Addons>lisht, Addons>rrelu, Addons>snake, Addons>sparsemax"
    ),
    "autokeras": "CastToFloat32, ExpandLastDim",
    "backbones": _both(
        "AlbertBackbone, AlbertClassifier, AlbertMaskedLM, AlbertTextClassifier, BertBackbone, BertClassifier, "
        "BertMaskedLM, BertTextClassifier, DebertaV3Classifier, DebertaV3MaskedLM, DebertaV3TextClassifier, "
        "DistilBertBackbone, DistilBertClassifier, DistilBertMaskedLM, DistilBertTextClassifier, FNetBackbone, "
        "FNetClassifier, FNetMaskedLM, FNetTextClassifier, GPT2Backbone, GPT2CausalLM, GemmaBackbone, GemmaCausalLM, "
        "LlamaCausalLM, MistralCausalLM, OPTBackbone, OPTCausalLM, RobertaBackbone, RobertaClassifier, "
        "RobertaMaskedLM, RobertaTextClassifier, XLMRobertaBackbone, XLMRobertaClassifier, XLMRobertaMaskedLM, "
        "XLMRobertaTextClassifier"
    ),
    "contrib": "InstanceNormalization, SineReLU, SubPixelUpscaling, Swish",
    "crf": "Addons>CRF, CRF, tf2crf>CRF",
    "deberta": _both("DebertaV3Backbone"),
    "efficientnet": "FixedDropout, HSwish, HardSwish",
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
    "hub_vit": _both("ViTBackbone, ViTImageClassifier"),
    "keras_cv": (
        "keras_cv>DropBlock2D, keras_cv>DropPath, keras_cv>FusedMBConvBlock, keras_cv>MBConvBlock, "
        "keras_cv>OverlappingPatchingAndEmbedding, keras_cv>PatchingAndEmbedding, keras_cv>SpatialPyramidPooling, "
        "keras_cv>SqueezeAndExcite2D, keras_cv>StochasticDepth, keras_cv>TransformerEncoder"
    ),
    "keras_hub": _both(
        "CachedMultiHeadAttention, FNetEncoder, MaskedLMHead, PositionEmbedding, ReversibleEmbedding, RotaryEmbedding, "
        "SinePositionEncoding, TokenAndPositionEmbedding, TransformerDecoder, TransformerEncoder"
    ),
    "keras_io": (
        "Sampling, keras.io>PatchEncoder, keras.io>Patches, keras.io>PositionalEmbedding, "
        "keras.io>TokenAndPositionEmbedding, keras.io>VectorQuantizer"
    ),
    "keras_io_images": (
        "CCTTokenizer, MLPMixerLayer, SequencePooling, ShiftedPatchTokenization, keras.io>PositionEmbedding, "
        "keras.io>StochasticDepth"
    ),
    "keras_tcn": "TCN",
    "llama": _both("LlamaBackbone, MistralBackbone"),
    "notebook_attention": "AttLayer, attention, notebook>Attention",
    "published": (
        "AttentionLayer, AttentionWeightedAverage, AttentionWithContext, CapsuleLayer, ClusteringLayer, L1Dist, "
        "L2Normalization, Length, ManDist, Mask, PixelShuffler, ReflectionPadding2D, Scale, kaggle>Attention"
    ),
    "qkeras": "QActivation, QBatchNormalization, QConv1D, QConv2D, QDense, QDepthwiseConv2D",
    "retinanet": "Anchors, ClipBoxes, RegressBoxes, UpsampleLike",
    "self_attention": (
        "EmbeddingRet, EmbeddingSim, EmbeddingSimilarity, Extract, FeedForward, Masked, "
        "ScaledDotProductAttention, SeqSelfAttention, SeqWeightedAttention, TokenEmbedding, TrigPosEmbedding, "
        "keras-layer-normalization>LayerNormalization, keras-multi-head>MultiHeadAttention, "
        "keras-pos-embd>PositionEmbedding"
    ),
    "t5": "keras_hub>T5Backbone",
    "unet_collection": (
        "SwinTransformerBlock, drop_path, keras_unet_collection>GELU, keras_unet_collection>Snake, patch_embedding, "
        "patch_expanding, patch_extract, patch_merging"
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
    "deberta": "keras-hub's and keras-nlp's models",
    "efficientnet": "efficientnet and segmentation-models",
    "kecam": "keras_cv_attention_models",
    "kecam_places": "keras_cv_attention_models",
    "hub_vit": "keras-hub's and keras-nlp's models",
    "keras_cv": "keras-cv",
    "keras_hub": "keras-hub and keras-nlp",
    "keras_io": "the examples on keras.io",
    "keras_io_images": "the examples on keras.io",
    "keras_tcn": "keras-tcn",
    "llama": "keras-hub's and keras-nlp's models",
    "notebook_attention": "well-known notebooks and models",
    "pruning": "tensorflow-model-optimization",
    "published": "well-known notebooks and models",
    "qkeras": "QKeras",
    "retinanet": "keras-retinanet",
    "self_attention": "keras-self-attention and its family, with keras-bert",
    "t5": "keras-hub's and keras-nlp's models",
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
_TWINS: tuple[tuple[str, Set[str], str, str], ...] = (
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
    ("BatchNorm", {"momentum", "epsilon", "gamma_initializer"}, "units", "BatchNormalization"),
    ("GELU", {"trainable"}, "approximate", "keras_unet_collection>GELU"),
    ("Snake", {"beta", "trainable"}, "frequency", "keras_unet_collection>Snake"),
    ("MultiHeadSelfAttention", {"embed_dim", "num_heads"}, "dropout_rate", "keras.io>MultiHeadSelfAttention"),
    ("PatchEncoder", set(), "mask_proportion", "keras.io>PatchEncoder"),
    ("StochasticDepth", {"drop_prob"}, "survival_probability", "keras.io>StochasticDepth"),
    ("StochasticDepth", {"drop_prop"}, "survival_probability", "keras.io>StochasticDepth"),
    ("PositionEmbedding", {"sequence_length"}, "mode", "keras.io>PositionEmbedding"),
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
# Whose a class is where it saves nothing, or only this, beside what every layer does; Keras's of that name saves more.
_BARE = {"Attention": ({"return_sequences"}, "notebook>Attention")}
_EVERY_LAYERS = {"batch_input_shape", "dtype", "name", "trainable"}
_HOMES = {name: module for module, names in MODULES.items() for name in names.split(", ")}
# HDF5 files have the models' names without their package.
_MODELS = {
    name.rpartition(">")[2]: name
    for module, title in TITLES.items()
    if title == TITLES["backbones"]
    for name in MODULES[module].split(", ")
    if name.startswith("keras_hub")
}


def named(name: str, config: Set[str]) -> str:
    """The name of a class, told apart from others of the same name by its config, and with its package."""
    bare = name.removeprefix("Custom>")
    if bare in _BARE and config <= _EVERY_LAYERS | _BARE[bare][0]:
        return _BARE[bare][1]
    fits = (full for twin, keys, missing, full in _TWINS if twin == bare and config >= keys and missing not in config)
    return next(fits, _MODELS.get(name, name))


def told(name: str) -> bool:
    """Whether it is the file that says which package a class is from, and not what it has beside its name."""
    ambiguous = (full for *_, full in (*_TWINS, *_BARE.values()))
    return ">" in name.removeprefix("Custom>") and name not in ambiguous


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
