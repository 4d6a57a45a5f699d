"""TensorFlow's neural network functions; see ``tensorflow``."""

from __future__ import annotations

from typing import Any

FUNCTIONS: dict[str, str] = {
    **{f"nn.{name}": kind for name, kind in {
        "relu": "Relu", "relu6": "Relu6", "elu": "Elu", "selu": "Selu", "softsign": "Softsign",
        "silu": "tf.nn.silu beta",
        "gelu": "Gelu approximate", "leaky_relu": "LeakyRelu negative_slope=alpha", "softmax": "tf.nn.softmax axis",
        "log_softmax": "tf.nn.log_softmax axis", "bias_add": "tf.nn.bias_add bias data_format", "tanh": "Tanh",
        "sigmoid": "Sigmoid", "softplus": "Softplus", "swish": "tf.nn.silu beta",
        "depth_to_space": "DepthToSpace block_size data_format",
        "space_to_depth": "SpaceToDepth block_size data_format",
    }.items()},
    "compat.v1.nn.softmax": "tf.nn.softmax axis",
    "compat.v1.nn.log_softmax": "tf.nn.log_softmax axis",
    "compat.v1.nn.crelu": "tf.nn.crelu axis",
    **{f"{prefix}nn.{name}": f"{kind} pool_size=ksize strides padding data_format" for prefix in ("", "compat.v1.")
       for name, kind in {"max_pool": "MaxPool", "avg_pool": "AveragePool", "max_pool2d": "MaxPool",
                          "avg_pool2d": "AveragePool", "max_pool1d": "MaxPool", "avg_pool1d": "AveragePool",
                          "max_pool3d": "MaxPool", "avg_pool3d": "AveragePool"}.items()},
    **{f"{prefix}nn.pool": f"tf.nn.pool window_shape pooling_type strides padding data_format {dilations}"
       for prefix, dilations in (("", "dilations"), ("compat.v1.", "dilations=dilation_rate"))},
    **{f"{prefix}nn.{name}": f"Conv kernel={kernel} strides={strides} padding data_format dilation_rate={dilations}"
       for prefix, name, kernel, strides, dilations in (
           ("", "conv1d", "filters", "stride", "dilations"), ("", "conv2d", "filters", "strides", "dilations"),
           ("", "conv3d", "filters", "strides", "dilations"), ("", "convolution", "filters", "strides", "dilations"),
           ("compat.v1.", "conv1d", "filters", "stride", "dilations"),
           ("compat.v1.", "conv2d", "filter", "strides", "dilations"),
           ("compat.v1.", "conv3d", "filter", "strides", "dilations"),
           ("compat.v1.", "convolution", "filter", "strides", "dilation_rate"))},
    **{f"{prefix}nn.depthwise_conv2d": f"DepthwiseConv kernel=filter strides padding data_format {dilations}"
       for prefix, dilations in (("", "dilation_rate=dilations"), ("compat.v1.", "dilation_rate=rate"))},
    **{f"{prefix}nn.separable_conv2d": "SeparableConv depthwise_kernel=depthwise_filter pointwise_kernel="
       f"pointwise_filter strides padding data_format {dilations}"
       for prefix, dilations in (("", "dilation_rate=dilations"), ("compat.v1.", "dilation_rate=rate"))},
    **{f"nn.{name}": "tf.nn.conv_transpose kernel=filters output_shape strides padding data_format "
       "dilation_rate=dilations" for name in ("conv1d_transpose", "conv2d_transpose", "conv3d_transpose",
                                               "conv_transpose")},
    "nn.dilation2d": "tf.nn.dilation2d filters strides padding data_format dilations",
    "nn.erosion2d": "tf.nn.erosion2d filters strides padding data_format dilations",
    "nn.dropout": "tf.nn.dropout rate noise_shape seed",
    "nn.l2_loss": "tf.nn.l2_loss",
    "math.zero_fraction": "tf.math.zero_fraction",
    "nn.local_response_normalization": "tf.nn.local_response_normalization depth_radius bias alpha beta",
    "nn.batch_normalization": "tf.nn.batch_normalization mean variance offset scale variance_epsilon",
    "compat.v1.nn.softmax_cross_entropy_with_logits_v2": "tf.nn.softmax_cross_entropy_with_logits logits axis",
    "nn.softmax_cross_entropy_with_logits": "tf.nn.softmax_cross_entropy_with_logits logits axis",
    "compat.v1.nn.sparse_softmax_cross_entropy_with_logits": "tf.nn.sparse_softmax_cross_entropy_with_logits logits",
    "nn.sparse_softmax_cross_entropy_with_logits": "tf.nn.sparse_softmax_cross_entropy_with_logits logits",
    "compat.v1.nn.sigmoid_cross_entropy_with_logits": "tf.nn.sigmoid_cross_entropy_with_logits logits",
    "nn.sigmoid_cross_entropy_with_logits": "tf.nn.sigmoid_cross_entropy_with_logits logits",
    "nn.weighted_cross_entropy_with_logits": "tf.nn.weighted_cross_entropy_with_logits logits pos_weight",
    "nn.log_poisson_loss": "tf.nn.log_poisson_loss log_input compute_full_loss",
    "keras.backend.binary_crossentropy": "BinaryCrossentropy output from_logits",
    "keras.backend.categorical_crossentropy": "tf.keras.backend.categorical_crossentropy output from_logits axis",
    "keras.backend.sparse_categorical_crossentropy": "SparseCategoricalCrossentropy output from_logits axis "
                                                     "ignore_class",
    "keras.metrics.hinge": "tf.keras.metrics.hinge y_pred",
    "space_to_batch_nd": "tf.space_to_batch_nd block_shape paddings",
    "batch_to_space_nd": "tf.batch_to_space_nd block_shape crops",
    "compat.v1.batch_to_space_nd": "tf.batch_to_space_nd block_shape crops",
    "convert_to_tensor": "ConvertToTensor dtype",
}  # fmt: skip
RAW: dict[str, str] = {
    "LeakyRelu": "LeakyRelu x negative_slope=alpha",
    "BiasAdd": "tf.nn.bias_add value bias data_format",
    "DepthToSpace": "DepthToSpace x block_size data_format",
    "SpaceToDepth": "SpaceToDepth x block_size data_format",
    **{name: f"{kind} inputs pool_size=ksize strides padding data_format" for name, kind in {
        "MaxPool": "MaxPool", "AvgPool": "AveragePool", "MaxPool3D": "MaxPool", "AvgPool3D": "AveragePool",
    }.items()},
    **{name: f"{kind} strides padding data_format dilation_rate=dilations explicit_paddings" for name, kind in {
        "Conv2D": "Conv inputs kernel", "Conv3D": "Conv inputs kernel",
        "DepthwiseConv2dNative": "DepthwiseConv inputs kernel",
        "Conv2DBackpropInput": "tf.nn.conv_transpose output_shape kernel inputs",
        "Conv3DBackpropInputV2": "tf.nn.conv_transpose output_shape kernel inputs",
    }.items()},
    "Dilation2D": "tf.nn.dilation2d input filters strides padding dilations=rates",
    "SpaceToBatchND": "tf.space_to_batch_nd input block_shape paddings",
    "BatchToSpaceND": "tf.batch_to_space_nd input block_shape crops",
    "LRN": "tf.nn.local_response_normalization input depth_radius bias alpha beta",
    "L2Loss": "tf.nn.l2_loss t",
    "SoftmaxCrossEntropyWithLogits": "tf.nn.softmax_cross_entropy_with_logits logits labels",
    "SparseSoftmaxCrossEntropyWithLogits": "tf.nn.sparse_softmax_cross_entropy_with_logits logits labels",
}  # fmt: skip
DEFAULTS: dict[str, dict[str, Any]] = {
    "nn.leaky_relu": {"negative_slope": 0.2},
}
