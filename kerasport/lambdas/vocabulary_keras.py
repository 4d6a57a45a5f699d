"""The functions of keras.backend, in the subset that ``source`` reads; capitalised names are Keras 3 operations."""

from __future__ import annotations

from kerasport.imagenet import DEVIATIONS_RGB, MEANS_BGR, MEANS_RGB

_UNARY = {
    "abs": "Abs", "square": "Square", "exp": "Exp", "log": "Log", "round": "Round", "sign": "Sign",
    "sin": "Sin", "cos": "Cos", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus", "softsign": "Softsign",
    "transpose": "Transpose", "stop_gradient": "StopGradient", "identity": "StopGradient", "log1p": "Log1p",
    "expm1": "Expm1", "flatten": "Ravel",
}  # fmt: skip
_BINARY = {
    "equal": "Equal", "not_equal": "NotEqual", "greater": "Greater", "greater_equal": "GreaterEqual", "less": "Less",
    "less_equal": "LessEqual", "lesser": "Less", "lesser_equal": "LessEqual", "maximum": "Maximum",
    "minimum": "Minimum",
}  # fmt: skip
_REDUCTIONS = {
    "sum": "Sum", "mean": "Mean", "max": "Max", "min": "Min", "prod": "Prod", "any": "Any", "all": "All", "std": "Std",
    "var": "Var", "logsumexp": "Logsumexp",
}  # fmt: skip
FUNCTIONS: dict[str, str] = {
    **{name: f"lambda x: {kind}(x)" for name, kind in _UNARY.items()},
    **{name: f"lambda x, y: {kind}(x, y)" for name, kind in _BINARY.items()},
    **{
        name: f"lambda x, axis=None, keepdims=False: {kind}(x, axis=axis, keepdims=keepdims)"
        for name, kind in _REDUCTIONS.items()
    },
    "argmax": "lambda x, axis=-1: Argmax(x, axis=axis, output_type='int64')",
    "argmin": "lambda x, axis=-1: Argmin(x, axis=axis, output_type='int64')",
    "cumsum": "lambda x, axis=0: Cumsum(x, axis=axis)",
    "cumprod": "lambda x, axis=0: Cumprod(x, axis=axis)",
    "pow": "lambda x, a: Power(x, a)",
    "sqrt": "lambda x: Sqrt(Maximum(x, 0.0))",
    "clip": "lambda x, min_value=None, max_value=None:"
    " Minimum(x, max_value) if min_value is None else Maximum(x, min_value) if max_value is None"
    " else Clip(x, min_value, max_value)",
    "cast": "lambda x, dtype: Cast(x, dtype=dtype)",
    "cast_to_floatx": "lambda x: Cast(x, dtype='float32')",
    "relu": "lambda x, alpha=0.0, max_value=None, threshold=0.0:"
    " Relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)",
    "elu": "lambda x, alpha=1.0: Elu(x, alpha=alpha)",
    "softmax": "lambda x, axis=-1: Softmax(x, axis=axis)",
    "hard_sigmoid": "lambda x: Clip(0.2 * x + 0.5, 0.0, 1.0)",
    "l2_normalize": "lambda x, axis=None: tf.math.l2_normalize(x, axis=axis)",
    "concatenate": "lambda tensors, axis=-1: Concatenate(tensors, axis=axis)",
    "stack": "lambda x, axis=0: Stack(x, axis=axis)",
    "pack": "lambda x: Stack(x, axis=0)",
    "reshape": "lambda x, shape: Reshape(x, shape=shape)",
    "permute_dimensions": "lambda x, pattern: Transpose(x, axes=pattern)",
    "expand_dims": "lambda x, axis=-1, dim=None: ExpandDims(x, axis=axis if dim is None else dim)",
    "squeeze": "lambda x, axis: Squeeze(x, axis=axis)",
    "batch_flatten": "lambda x: tf.reshape(x, [tf.shape(x)[0], math.prod(static_shape(x)[1:])])",
    "reverse": "lambda x, axes: Flip(x, axis=axes)",
    "tile": "lambda x, n: Tile(x, repeats=n)",
    "repeat": "lambda x, n: Tile(ExpandDims(x, axis=1), repeats=[1, n, 1])",
    "repeat_elements": "lambda x, rep, axis: Repeat(x, rep, axis=axis)",
    "resize_images": "lambda x, height_factor, width_factor, data_format=None, interpolation='nearest',"
    " dim_ordering=None: resize_images(x, height_factor, width_factor, data_format or dim_ordering, interpolation)",
    "resize_volumes": "lambda x, depth_factor, height_factor, width_factor, data_format=None:"
    " (lambda first: Repeat(Repeat(Repeat(x, depth_factor, axis=first), height_factor, axis=first + 1), width_factor,"
    " axis=first + 2))(2 if is_channels_first(data_format) else 1)",
    "temporal_padding": "lambda x, padding=(1, 1): Pad(x, pad_width=[[0, 0], pair(padding), [0, 0]])",
    "spatial_2d_padding": "lambda x, padding=((1, 1), (1, 1)), data_format=None, dim_ordering=None:"
    " spatial_padding(x, padding, data_format or dim_ordering)",
    "spatial_3d_padding": "lambda x, padding=((1, 1), (1, 1), (1, 1)), data_format=None:"
    " spatial_padding(x, padding, data_format)",
    "one_hot": "lambda indices, num_classes=None, nb_classes=None: OneHot(indices, num_classes=num_classes or"
    " nb_classes)",
    "gather": "lambda reference, indices: tf.gather(reference, indices)",
    "dot": "lambda x, y: Dot(x, y)",
    "batch_dot": "lambda x, y, axes=None: batch_dot(x, y, axes)",
    "switch": "lambda condition, then_expression, else_expression: switch(condition, then_expression, else_expression)",
    "in_train_phase": "lambda x, alt, training=None: called(alt)",
    "in_test_phase": "lambda x, alt, training=None: called(x)",
    "learning_phase": "lambda: 0",
    "print_tensor": "lambda x, message='', summarize=3: x",
    "bias_add": "lambda x, bias, data_format=None: bias_add(x, bias, data_format)",
    "batch_normalization": "lambda x, mean, var, beta, gamma, axis=-1, epsilon=0.001:"
    " tf.nn.batch_normalization(x, mean, var, beta, gamma, epsilon)",
    "conv1d": "lambda x, kernel, strides=1, padding='valid', data_format=None, dilation_rate=1:"
    " Conv(x, kernel, strides=strides, padding=padding, data_format=data_format or image_format(),"
    " dilation_rate=dilation_rate)",
    "conv2d": "lambda x, kernel, strides=(1, 1), padding='valid', data_format=None, dilation_rate=(1, 1):"
    " Conv(x, kernel, strides=strides, padding=padding, data_format=data_format or image_format(),"
    " dilation_rate=dilation_rate)",
    "pool2d": "lambda x, pool_size, strides=(1, 1), padding='valid', data_format=None, pool_mode='max':"
    " MaxPool(x, pool_size=pool_size, strides=strides, padding=padding, data_format=data_format or image_format())"
    " if pool_mode == 'max' else"
    " AveragePool(x, pool_size=pool_size, strides=strides, padding=padding, data_format=data_format or image_format())",
    "arange": "lambda start, stop=None, step=1, dtype='int32':"
    " tf.range(0 if stop is None else start, start if stop is None else stop, step, dtype=dtype)",
    "zeros": "lambda shape, dtype=None, name=None: tf.zeros(shape, dtype or 'float32')",
    "ones": "lambda shape, dtype=None, name=None: tf.ones(shape, dtype or 'float32')",
    "zeros_like": "lambda x, dtype=None, name=None: ZerosLike(x, dtype=dtype)",
    "ones_like": "lambda x, dtype=None, name=None: OnesLike(x, dtype=dtype)",
    "eye": "lambda size, dtype=None, name=None: tf.eye(size)",
    "constant": "lambda value, dtype=None, shape=None, name=None: constant(value, dtype or 'float32', shape)",
    "variable": "lambda value, dtype=None, name=None, constraint=None: constant(value, dtype or 'float32', None)",
    "shape": "lambda x: tf.shape(x)",
    "int_shape": "lambda x: static_shape(x)",
    "ndim": "lambda x: len(static_shape(x))",
    "dtype": "lambda x: x.dtype",
    "epsilon": "lambda: 1e-07",
    "floatx": "lambda: 'float32'",
    "image_data_format": "lambda: image_format()",
    "image_dim_ordering": "lambda: 'th' if image_format() == 'channels_first' else 'tf'",
    "backend": "lambda: backend()",
    "map_fn": "lambda fn, elems, name=None, dtype=None: mapped(fn, elems)",
    "foldl": "lambda fn, elems, initializer=None, name=None: folded(fn, elems, initializer)",
    "name_scope": "lambda name: scope(name)",
    "binary_crossentropy": "lambda target, output, from_logits=False:"
    " BinaryCrossentropy(target, output, from_logits=from_logits)",
    "random_normal": "lambda shape, mean=0.0, stddev=1.0, dtype=None, seed=None, std=None: random_mean(mean)",
    "truncated_normal": "lambda shape, mean=0.0, stddev=1.0, dtype=None, seed=None: random_mean(mean)",
    "random_uniform": "lambda shape, minval=0.0, maxval=1.0, dtype=None, seed=None, low=None, high=None:"
    " random_mean((minval + maxval) / 2)",
    "random_binomial": "lambda shape, p=0.0, dtype=None, seed=None: random_mean(p)",
    "random_bernoulli": "lambda shape, p=0.0, dtype=None, seed=None: random_mean(p)",
}
# keras.activations' functions that are not keras.backend's under another place.
ACTIVATIONS: dict[str, str] = {
    **{
        name: FUNCTIONS[name]
        for name in ("relu", "elu", "softmax", "softplus", "softsign", "sigmoid", "tanh", "hard_sigmoid")
    },
    "relu": "lambda x, alpha=0.0, max_value=None, threshold=0.0, negative_slope=None: Relu(x, negative_slope=alpha"
    " if negative_slope is None else negative_slope, max_value=max_value, threshold=threshold)",
    "linear": "lambda x: x",
    "get": "lambda identifier: keras.layers.Activation(identifier) if isinstance(identifier, str) else identifier",
    "exponential": "lambda x: Exp(x)",
    "selu": "lambda x: Selu(x)",
    "swish": "lambda x: Silu(x)",
    "silu": "lambda x: Silu(x)",
    "mish": "lambda x: Mish(x)",
    "gelu": "lambda x, approximate=False: Gelu(x, approximate=approximate)",
}
# How images are prepared for the models of keras.applications, by these models' modules.
_MODES = {
    "caffe": ("vgg16", "vgg19", "resnet", "resnet50"),
    "torch": ("densenet",),
    "tf": ("inception_v3", "xception", "mobilenet", "mobilenet_v2", "nasnet", "resnet_v2", "inception_resnet_v2"),
    "": ("efficientnet", "efficientnet_v2", "convnext", "mobilenet_v3", "regnet", "resnet_rs"),
}
# Functions elsewhere in Keras, by their whole paths.
OTHERS: dict[str, str] = {
    "keras.layers.add": "lambda inputs, **_: sum(inputs)",
    "keras.layers.multiply": "lambda inputs, **_: reduce(lambda x, y: x * y, inputs)",
    "keras.layers.subtract": "lambda inputs, **_: inputs[0] - inputs[1]",
    "keras.layers.average": "lambda inputs, **_: sum(inputs) / len(inputs)",
    "keras.layers.maximum": "lambda inputs, **_: reduce(lambda x, y: Maximum(x, y), inputs)",
    "keras.layers.minimum": "lambda inputs, **_: reduce(lambda x, y: Minimum(x, y), inputs)",
    "keras.layers.dot": "lambda inputs, axes, normalize=False, **_:"
    " keras.layers.Dot(axes=axes, normalize=normalize)(inputs)",
    "keras.name_scope": "lambda name, **_: scope(name)",
    "keras.losses.mean_squared_error": "lambda y_true, y_pred: Mean(Square(y_pred - y_true), axis=-1)",
    "keras.losses.mean_absolute_error": "lambda y_true, y_pred: Mean(Abs(y_pred - y_true), axis=-1)",
    "keras.losses.binary_crossentropy": "lambda y_true, y_pred, from_logits=False:"
    " Mean(BinaryCrossentropy(y_true, y_pred, from_logits=from_logits), axis=-1)",
    "keras.losses.categorical_crossentropy": "lambda y_true, y_pred, from_logits=False:"
    " CategoricalCrossentropy(y_true, y_pred, from_logits=from_logits)",
    "keras.layers.concatenate": "lambda inputs, axis=-1, **_: Concatenate(inputs, axis=axis)",
    "imagenet.preprocess_input": "lambda x, data_format=None, mode='caffe':"
    " (lambda first: x / 127.5 - 1.0 if mode == 'tf' else"
    f" (x / 255.0 - channels({[*MEANS_RGB]}, first)) / channels({[*DEVIATIONS_RGB]}, first)"
    " if mode == 'torch' else"
    f" Flip(x, axis=-3 if first else -1) - channels({[*MEANS_BGR]}, first))"
    "(is_channels_first(data_format))",
    **{
        f"keras.applications.{module}.preprocess_input": "lambda x, data_format=None: "
        + (f"imagenet_utils.preprocess_input(x, data_format, '{mode}')" if mode else "x")
        for mode, modules in _MODES.items()
        for module in modules
    },
    "v1.image.resize": "lambda *args, **kwargs: tf.compat.v1.image.resize_images(*args, **kwargs)",
}
# Theano's functions; those of one tensor also as its methods.
THEANO: dict[str, str] = {
    **{name: FUNCTIONS[name] for name in ("sum", "mean", "max", "min", "prod", "any", "all", "std", "var")},
    **{name: f"lambda x: {kind}(x)" for name, kind in _UNARY.items() if name not in ("abs", "flatten", "transpose")},
    **{name: FUNCTIONS[name] for name in ("maximum", "minimum", "argmax", "argmin", "stack", "dot")},
    "abs_": "lambda x: Abs(x)",
    "sqr": "lambda x: Square(x)",
    "eq": "lambda x, y: Equal(x, y)",
    "neq": "lambda x, y: NotEqual(x, y)",
    "gt": "lambda x, y: Greater(x, y)",
    "ge": "lambda x, y: GreaterEqual(x, y)",
    "lt": "lambda x, y: Less(x, y)",
    "le": "lambda x, y: LessEqual(x, y)",
    "pow": "lambda x, y: Power(x, y)",
    "clip": "lambda x, min, max: Clip(x, min, max)",
    "switch": "lambda condition, then, other: switch(condition, then, other)",
    "concatenate": "lambda tensors, axis=0: Concatenate(tensors, axis=axis)",
    "cast": "lambda x, dtype: Cast(x, dtype=dtype)",
    "astype": "lambda x, dtype: Cast(x, dtype=dtype)",
    "reshape": "lambda x, shape, ndim=None: Reshape(x, shape=shape)",
    "transpose": "lambda x, *axes: Transpose(x, axes=(axes[0] if isinstance(axes[0], (list, tuple)) else axes)"
    " if axes else None)",
    "flatten": "lambda x, ndim=1, outdim=None: Reshape(x, shape=[x.shape[i] for i in range((outdim or ndim) - 1)] +"
    " [-1])",
    "dimshuffle": "lambda x, *order: dimshuffle(x, order[0] if isinstance(order[0], (list, tuple)) else order)",
    "repeat": "lambda x, repeats, axis=None: Repeat(x, repeats, axis=axis)",
    "tile": "lambda x, reps, ndim=None: Tile(x, repeats=reps)",
    "batched_dot": "lambda x, y: Matmul(x, y)",
    "norm": "lambda x, ord, axis=None, keepdims=False: Norm(x, ord=ord, axis=axis, keepdims=keepdims)",
    "zeros_like": "lambda x, dtype=None: ZerosLike(x, dtype=dtype)",
    "ones_like": "lambda x, dtype=None: OnesLike(x, dtype=dtype)",
    "arange": "lambda start, stop=None, step=1, dtype=None:"
    " tf.range(0 if stop is None else start, start if stop is None else stop, step, dtype=dtype)",
    "nnet.softmax": "lambda x: Softmax(x)",
    "nnet.sigmoid": "lambda x: Sigmoid(x)",
    "nnet.softplus": "lambda x: Softplus(x)",
    "nnet.relu": "lambda x, alpha=0.0: Relu(x, negative_slope=alpha)",
}
