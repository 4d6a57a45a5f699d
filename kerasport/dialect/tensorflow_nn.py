"""TensorFlow's functions for neural networks and images under the names of Keras 3's operations; see ``tensorflow``."""

from __future__ import annotations

from typing import Any

FUNCTIONS: dict[str, str] = {
    **{f"nn.{name}": kind for name, kind in {
        "relu": "Relu", "relu6": "Relu6", "elu": "Elu", "selu": "Selu", "softsign": "Softsign", "silu": "Silu",
        "gelu": "Gelu approximate", "leaky_relu": "LeakyRelu negative_slope=alpha", "softmax": "Softmax axis",
        "log_softmax": "LogSoftmax axis", "bias_add": "tf.nn.bias_add bias data_format", "tanh": "Tanh",
        "sigmoid": "Sigmoid", "softplus": "Softplus", "swish": "Silu",
        "depth_to_space": "DepthToSpace block_size data_format",
        "space_to_depth": "SpaceToDepth block_size data_format",
    }.items()},
    "compat.v1.nn.softmax": "Softmax axis",
    "compat.v1.nn.log_softmax": "LogSoftmax axis",
    "compat.v1.nn.crelu": "tf.nn.crelu axis",
    "image.resize": "tf.image.resize size method antialias preserve_aspect_ratio",
    **{f"{prefix}nn.{name}": f"{kind} pool_size=ksize strides padding data_format" for prefix in ("", "compat.v1.")
       for name, kind in {"max_pool": "MaxPool", "avg_pool": "AveragePool", "max_pool2d": "MaxPool",
                          "avg_pool2d": "AveragePool", "max_pool1d": "MaxPool", "avg_pool1d": "AveragePool",
                          "max_pool3d": "MaxPool", "avg_pool3d": "AveragePool"}.items()},
    "image.flip_left_right": "tf.image.flip_left_right",
    "image.flip_up_down": "tf.image.flip_up_down",
    "image.transpose": "tf.image.transpose",
    "image.rot90": "tf.image.rot90 k",
    "image.rgb_to_grayscale": "tf.image.rgb_to_grayscale",
    "image.grayscale_to_rgb": "tf.image.grayscale_to_rgb",
    "image.central_crop": "tf.image.central_crop central_fraction",
    "image.pad_to_bounding_box": "tf.image.pad_to_bounding_box offset_height offset_width target_height target_width",
    "image.crop_to_bounding_box": "tf.image.crop_to_bounding_box offset_height offset_width target_height target_width",
    "image.resize_with_crop_or_pad": "tf.image.resize_with_crop_or_pad target_height target_width",
    "image.per_image_standardization": "tf.image.per_image_standardization",
    "image.adjust_contrast": "tf.image.adjust_contrast contrast_factor",
    "image.adjust_brightness": "tf.image.adjust_brightness delta",
}  # fmt: skip
RAW: dict[str, str] = {
    "LeakyRelu": "LeakyRelu x negative_slope=alpha",
    "BiasAdd": "tf.nn.bias_add value bias data_format",
    "DepthToSpace": "DepthToSpace x block_size data_format",
    "SpaceToDepth": "SpaceToDepth x block_size data_format",
    "ResizeBilinear": "tf.raw_ops.ResizeBilinear images size align_corners half_pixel_centers",
    "ResizeNearestNeighbor": "tf.raw_ops.ResizeNearestNeighbor images size align_corners half_pixel_centers",
    "ResizeBicubic": "tf.raw_ops.ResizeBicubic images size align_corners half_pixel_centers",
    "MaxPool": "MaxPool inputs pool_size=ksize strides padding data_format",
    "AvgPool": "AveragePool inputs pool_size=ksize strides padding data_format",
    "AdjustContrastv2": "tf.image.adjust_contrast images contrast_factor",
}  # fmt: skip
DEFAULTS: dict[str, dict[str, Any]] = {
    "nn.leaky_relu": {"negative_slope": 0.2},
}
