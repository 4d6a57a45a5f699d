"""TensorFlow's functions and operators under the names and arguments of Keras 3's operations.

An entry is the operation's name with its arguments, each as ``Keras's=TensorFlow's`` or one name for both. Where Keras
has no such operation, the name is TensorFlow's own with ``tf.`` before it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

# Functions; their first argument stands first in Keras's operations as well.
FUNCTIONS: dict[str, str] = {
    **{f"math.{name}": f"{kind} x2=y" for name, kind in {
        "add": "Add", "subtract": "Subtract", "multiply": "Multiply", "truediv": "TrueDivide", "divide": "Divide",
        "pow": "Power", "maximum": "Maximum", "minimum": "Minimum", "equal": "Equal", "not_equal": "NotEqual",
        "greater": "Greater", "greater_equal": "GreaterEqual", "less": "Less", "less_equal": "LessEqual",
        "logical_and": "LogicalAnd", "logical_or": "LogicalOr", "logical_xor": "LogicalXor", "floormod": "Mod",
        "floordiv": "FloorDivide", "divide_no_nan": "DivideNoNan", "xdivy": "tf.math.xdivy",
        "squared_difference": "tf.math.squared_difference",
    }.items()},
    **{f"math.{name}": kind for name, kind in {
        "exp": "Exp", "expm1": "Expm1", "log": "Log", "log1p": "Log1p", "sqrt": "Sqrt", "rsqrt": "Rsqrt",
        "reciprocal": "Reciprocal", "floor": "Floor", "ceil": "Ceil", "round": "Round", "rint": "Round", "sin": "Sin",
        "cos": "Cos", "tan": "Tan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "asin": "Arcsin",
        "acos": "Arccos", "atan": "Arctan", "asinh": "Arcsinh", "acosh": "Arccosh", "atanh": "Arctanh", "erf": "Erf",
        "erfc": "Erfc", "erfinv": "Erfinv", "abs": "Abs", "negative": "Negative", "sign": "Sign", "square": "Square",
        "is_nan": "Isnan", "is_finite": "Isfinite", "is_inf": "Isinf", "logical_not": "LogicalNot",
        "sigmoid": "Sigmoid", "softplus": "Softplus", "log_sigmoid": "LogSigmoid", "add_n": "tf.math.add_n",
        "accumulate_n": "tf.math.add_n",
    }.items()},
    **{f"math.reduce_{name}": f"{kind} axis keepdims" for name, kind in {
        "sum": "Sum", "mean": "Mean", "max": "Max", "min": "Min", "prod": "Prod", "any": "Any", "all": "All",
        "std": "Std", "variance": "Var", "logsumexp": "Logsumexp", "euclidean_norm": "tf.math.reduce_euclidean_norm",
    }.items()},
    **{f"nn.{name}": kind for name, kind in {
        "relu": "Relu", "relu6": "Relu6", "elu": "Elu", "selu": "Selu", "softsign": "Softsign", "silu": "Silu",
        "gelu": "Gelu approximate", "leaky_relu": "LeakyRelu negative_slope=alpha", "softmax": "Softmax axis",
        "log_softmax": "LogSoftmax axis", "bias_add": "tf.nn.bias_add bias data_format", "tanh": "Tanh",
        "sigmoid": "Sigmoid", "softplus": "Softplus", "swish": "Silu",
        "depth_to_space": "DepthToSpace block_size data_format",
        "space_to_depth": "SpaceToDepth block_size data_format",
    }.items()},
    "__operators__.add": "Add x2=y",
    "compat.v1.floor_div": "FloorDivide x2=y",
    "truncatemod": "Fmod x2=y",
    "math.atan2": "Arctan2 x2=x",
    "math.count_nonzero": "CountNonzero axis keepdims",
    "math.l2_normalize": "tf.math.l2_normalize axis epsilon",
    "math.argmax": "Argmax axis output_type",
    "math.argmin": "Argmin axis output_type",
    "math.cumsum": "Cumsum axis exclusive reverse",
    "math.cumprod": "Cumprod axis exclusive reverse",
    "math.top_k": "TopK k sorted",
    "compat.v1.nn.softmax": "Softmax axis",
    "compat.v1.nn.log_softmax": "LogSoftmax axis",
    "compat.v1.nn.crelu": "tf.nn.crelu axis",
    "compat.v1.norm": "Norm ord axis keepdims",
    "clip_by_value": "Clip x_min=clip_value_min x_max=clip_value_max",
    "clip_by_norm": "tf.clip_by_norm clip_norm axes",
    "where": "Where x1=x x2=y",
    "cast": "Cast dtype",
    "expand_dims": "ExpandDims axis",
    "zeros_like": "ZerosLike dtype",
    "ones_like": "OnesLike dtype",
    "compat.v1.zeros_like": "ZerosLike dtype",
    "compat.v1.ones_like": "OnesLike dtype",
    "concat": "Concatenate axis",
    "stack": "Stack axis",
    "unstack": "Unstack num axis",
    "split": "tf.split num_or_size_splits axis",
    "tile": "Tile repeats=multiples",
    "repeat": "Repeat repeats axis",
    "roll": "Roll shift axis",
    "reverse": "Flip axis",
    "reshape": "Reshape shape",
    "keras.backend.batch_flatten": "tf.keras.backend.batch_flatten",
    "compat.v1.squeeze": "Squeeze axis",
    "compat.v1.transpose": "Transpose axes=perm",
    "compat.v1.shape": "tf.shape out_type",
    "compat.v1.pad": "Pad pad_width=paddings mode constant_values",
    "compat.v1.gather": "Take indices axis batch_dims",
    "compat.v1.gather_nd": "tf.gather_nd indices batch_dims",
    "compat.v1.nn.embedding_lookup": "tf.nn.embedding_lookup ids",
    "gather": "Take indices axis batch_dims",
    "one_hot": "OneHot num_classes=depth on_value off_value axis dtype",
    "sequence_mask": "tf.sequence_mask maxlen dtype",
    "identity": "tf.identity",
    "stop_gradient": "StopGradient",
    "ensure_shape": "tf.ensure_shape shape",
    "broadcast_to": "BroadcastTo shape",
    "zeros": "tf.zeros dtype",
    "ones": "tf.ones dtype",
    "fill": "tf.fill value",
    "range": "tf.range limit delta dtype",
    "slice": "Slice start_indices=begin shape=size",
    "strided_slice": "tf.strided_slice end strides begin",
    "sort": "Sort axis direction",
    "argsort": "Argsort axis direction",
    "linalg.matmul": "Matmul x2=b transpose_a transpose_b adjoint_a adjoint_b",
    "linalg.matvec": "tf.linalg.matvec b",
    "linalg.diag_part": "tf.linalg.diag_part k padding_value align",
    "linalg.trace": "tf.linalg.trace",
    "linalg.band_part": "tf.linalg.band_part num_lower num_upper",
    "tensordot": "Tensordot x2=b axes",
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
# Raw operators: the names of all inputs in order (``*`` takes a list, ``-`` none), then of attributes.
RAW: dict[str, str] = {
    **{name: f"{kind} x1 x2" for name, kind in {
        "AddV2": "Add", "Add": "Add", "Sub": "Subtract", "Mul": "Multiply", "RealDiv": "TrueDivide", "Pow": "Power",
        "Maximum": "Maximum", "Minimum": "Minimum", "Equal": "Equal", "NotEqual": "NotEqual", "Greater": "Greater",
        "GreaterEqual": "GreaterEqual", "Less": "Less", "LessEqual": "LessEqual", "LogicalAnd": "LogicalAnd",
        "LogicalOr": "LogicalOr", "FloorDiv": "FloorDivide", "FloorMod": "Mod", "TruncateMod": "Fmod",
        "DivNoNan": "DivideNoNan", "Xdivy": "tf.math.xdivy", "SquaredDifference": "tf.math.squared_difference",
        "Atan2": "Arctan2",
    }.items()},
    **{name: f"{kind} x" for name, kind in {
        "Exp": "Exp", "Expm1": "Expm1", "Log": "Log", "Log1p": "Log1p", "Sqrt": "Sqrt", "Rsqrt": "Rsqrt",
        "Reciprocal": "Reciprocal", "Inv": "Reciprocal", "Floor": "Floor", "Ceil": "Ceil", "Round": "Round",
        "Rint": "Round", "Sin": "Sin", "Cos": "Cos", "Tan": "Tan", "Sinh": "Sinh", "Cosh": "Cosh", "Tanh": "Tanh",
        "Asin": "Arcsin", "Acos": "Arccos", "Atan": "Arctan", "Asinh": "Arcsinh", "Acosh": "Arccosh",
        "Atanh": "Arctanh", "Erf": "Erf", "Erfc": "Erfc", "Erfinv": "Erfinv", "Abs": "Abs", "Neg": "Negative",
        "Sign": "Sign", "Square": "Square", "IsNan": "Isnan", "IsFinite": "Isfinite", "IsInf": "Isinf",
        "LogicalNot": "LogicalNot", "Sigmoid": "Sigmoid", "Softplus": "Softplus", "Relu": "Relu", "Relu6": "Relu6",
        "Elu": "Elu", "Selu": "Selu", "Softsign": "Softsign", "Softmax": "Softmax", "LogSoftmax": "LogSoftmax",
        "Identity": "tf.identity", "StopGradient": "StopGradient", "ZerosLike": "ZerosLike", "OnesLike": "OnesLike",
    }.items()},
    **{name: f"{kind} x axis keepdims=keep_dims" for name, kind in {
        "Sum": "Sum", "Mean": "Mean", "Max": "Max", "Min": "Min", "Prod": "Prod", "Any": "Any", "All": "All",
        "EuclideanNorm": "tf.math.reduce_euclidean_norm",
    }.items()},
    "LeakyRelu": "LeakyRelu x negative_slope=alpha",
    "AddN": "tf.math.add_n *inputs",
    "BiasAdd": "tf.nn.bias_add value bias data_format",
    "Select": "Where condition x1 x2",
    "SelectV2": "Where condition x1 x2",
    "Cast": "Cast x dtype=DstT",
    "ExpandDims": "ExpandDims x axis",
    "Squeeze": "Squeeze x axis=squeeze_dims",
    "Reshape": "Reshape x shape",
    "Transpose": "Transpose x axes",
    "ConcatV2": "Concatenate *xs axis",
    "Pack": "Stack *x axis",
    "Unpack": "Unstack x axis num",
    "Split": "tf.split axis value num_or_size_splits=num_split",
    "SplitV": "tf.split value num_or_size_splits axis -=num_split",
    "Tile": "Tile x repeats",
    "ReverseV2": "Flip x axis",
    "Roll": "Roll x shift axis",
    "Pad": "Pad x pad_width",
    "PadV2": "Pad x pad_width constant_values",
    "MirrorPad": "Pad x pad_width mode",
    "Shape": "tf.shape input out_type",
    "Size": "tf.size input out_type",
    "Fill": "tf.fill dims value dtype=T",
    "Range": "tf.range start limit delta",
    "BroadcastTo": "BroadcastTo x shape",
    "Slice": "Slice inputs start_indices shape",
    "EnsureShape": "tf.ensure_shape x -=shape",
    "GatherV2": "Take x indices axis batch_dims",
    "GatherNd": "tf.gather_nd params indices",
    "OneHot": "OneHot x num_classes on_value off_value axis dtype=T",
    "ArgMax": "Argmax x axis output_type",
    "ArgMin": "Argmin x axis output_type",
    "Cumsum": "Cumsum x axis exclusive reverse",
    "Cumprod": "Cumprod x axis exclusive reverse",
    "TopKV2": "TopK x k sorted",
    "MatMul": "Matmul x1 x2 transpose_a transpose_b",
    "BatchMatMul": "Matmul x1 x2 transpose_a=adj_x transpose_b=adj_y",
    "BatchMatMulV2": "Matmul x1 x2 transpose_a=adj_x transpose_b=adj_y",
    "Einsum": "Einsum *operands subscripts=equation",
    "MatrixDiagPart": "tf.linalg.diag_part input",
    "MatrixDiagPartV3": "tf.linalg.diag_part input k padding_value align",
    "MatrixBandPart": "tf.linalg.band_part input num_lower num_upper",
    "DepthToSpace": "DepthToSpace x block_size data_format",
    "SpaceToDepth": "SpaceToDepth x block_size data_format",
    "ResizeBilinear": "tf.raw_ops.ResizeBilinear images size align_corners half_pixel_centers",
    "ResizeNearestNeighbor": "tf.raw_ops.ResizeNearestNeighbor images size align_corners half_pixel_centers",
    "ResizeBicubic": "tf.raw_ops.ResizeBicubic images size align_corners half_pixel_centers",
    "MaxPool": "MaxPool inputs pool_size=ksize strides padding data_format",
    "AvgPool": "AveragePool inputs pool_size=ksize strides padding data_format",
    "AdjustContrastv2": "tf.image.adjust_contrast images contrast_factor",
}  # fmt: skip
# What TensorFlow takes where Keras's operation would take something else.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "math.argmax": {"output_type": "int64"},
    "math.argmin": {"output_type": "int64"},
    "nn.leaky_relu": {"negative_slope": 0.2},
}
# Attributes that say nothing beyond the inputs, or nothing about the result.
_SILENT = frozenset(["N", "incompatible_shape_error", "use_cudnn_on_gpu"])
# What other types' names mean is their own.
_TYPES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}


def function(name: str, kwargs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The operation that a function is, and its keyword arguments under Keras's names."""
    entry = FUNCTIONS.get(name)
    if entry is None:
        return f"tf.{name}", dict(kwargs)
    kind, renamed = _entry(entry)
    new_names = {old: new for new, old in renamed}
    given = {key: value for key, value in kwargs.items() if key != "name"}
    found = {new_names.get(key, key): value for key, value in given.items()}
    return kind, _DEFAULTS.get(name, {}) | found


def raw(node: Mapping[str, Any], args: list[Any]) -> tuple[str, dict[str, Any]]:
    """The operation that a recorded operator is, and its arguments under Keras's names."""
    op = str(node.get("op"))
    attributes = {key: _attribute(value) for key, value in (node.get("attr") or {}).items()}
    if op == "StridedSlice":
        return "GetItem", {"x": args[0], "key": _key(args, attributes)}
    entry = RAW.get(op)
    if entry is None:
        return f"tf.raw_ops.{op}", {}
    kind, names = _entry(entry)
    options: dict[str, Any] = {}
    asked = {old: new for new, old in names if old in attributes}
    inputs = [new for new, old in names if old not in attributes]
    star = next((i for i, name in enumerate(inputs) if name.startswith("*")), None)
    if star is not None:
        behind = len(inputs) - star - 1
        args = [*args[:star], args[star : len(args) - behind], *args[len(args) - behind :]]
    options |= {name.lstrip("*"): arg for name, arg in zip(inputs, args, strict=False)}
    types = {key for key, value in (node.get("attr") or {}).items() if isinstance(value, Mapping) and "type" in value}
    options |= {
        asked.get(key, key): value
        for key, value in attributes.items()
        if key in asked or (key not in types and key not in _SILENT)
    }
    options.pop("-", None)
    return kind, options


def _entry(text: str) -> tuple[str, list[tuple[str, str]]]:
    kind, *names = text.split()
    pairs = (name.partition("=") for name in names)
    return kind, [(new, old or new) for new, _, old in pairs]


def _attribute(value: Any) -> Any:
    """A value of an operator's attribute, as written from its protobuf message."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    ((kind, content),) = value.items()
    if kind == "list":
        return [_attribute({key: item}) for key, items in content.items() for item in items]
    if kind == "i":
        return int(content)
    if kind == "s":
        return base64.b64decode(content).decode("utf-8", "replace")
    if kind == "type":
        return _TYPES.get(content, str(content).removeprefix("DT_").lower())
    return content


def _key(args: list[Any], masks: Mapping[str, Any]) -> list[Any]:
    """The index of a slice whose bits say which of its numbers count."""
    _, starts, stops, steps = args

    def bit(name: str, place: int) -> bool:
        return bool(int(masks.get(name) or 0) >> place & 1)

    if not all(isinstance(row, list) for row in (starts, stops, steps)):
        return [{"starts": starts, "stops": stops}]  # computed as rows, which an index cannot take
    key: list[Any] = []
    for place, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        if bit("ellipsis_mask", place):
            key.append(Ellipsis)
        elif bit("new_axis_mask", place):
            key.append(None)
        elif bit("shrink_axis_mask", place):
            key.append(start)
        else:
            first, last = bit("begin_mask", place), bit("end_mask", place)
            key.append(slice(None if first else start, None if last else stop, step))
    return key
