"""Operations that cannot be expressed, each with the reason and an alternative."""

from __future__ import annotations

from kerasport.layers.arguments import refuse

refuse(
    "Map", "Scan", "AssociativeScan", "VectorizedMap", "WhileLoop", "ForiLoop", "Cond", "Switch", "JVP", "Function",
    why="it runs a Python function, which the file holds at most as code, and which is never executed",
    hint="write the function's operations on whole tensors, or compute it outside of the model",
)  # fmt: skip
refuse(
    "ViewAsComplex", "ViewAsReal", "tf.complex", "tf.signal.fft", "tf.signal.ifft", "tf.signal.fft2d", "tf.signal.rfft",
    "tf.signal.stft", "tf.raw_ops.Complex", "tf.raw_ops.FFT", "tf.raw_ops.RFFT",
    why="its values are complex numbers, which ONNX operators do not take",
    hint="use keras.ops of Keras 3, whose transforms take and return real and imaginary parts as two tensors",
)  # fmt: skip
refuse(
    "Eig", "Eigh", "tf.linalg.eigh", "tf.linalg.eig",
    why="the signs of its vectors are arbitrary and differ between implementations",
    hint="compute it outside of the model; singular values alone (compute_uv=False) are supported in Keras 3",
)  # fmt: skip
refuse(
    "LuFactor", "tf.linalg.lu",
    why="its factors depend on the order in which rows are swapped",
    hint="use solve, inv or det directly",
)  # fmt: skip
refuse(
    "Argpartition",
    why="the order within its partitions depends on the backend's algorithm",
    hint="use argsort or top_k",
)
refuse(
    "Unique", "tf.unique", "tf.unique_with_counts", "tf.raw_ops.Unique",
    why="the number of values depends on the batch",
    hint="compute it outside of the model",
)  # fmt: skip
refuse(
    "tf.math.lgamma", "tf.math.digamma", "tf.math.igamma", "tf.math.igammac", "tf.math.polygamma", "tf.math.betainc",
    "tf.math.bessel_i1", "tf.math.bessel_i1e", "tf.math.ndtri", "tf.linalg.expm", "Gammainc",
    "tf.linalg.eigvalsh", "tf.raw_ops.Lgamma", "tf.raw_ops.Digamma", "tf.raw_ops.Igamma",
    why="ONNX has no operator for it",
    hint="compute it outside of the model",
)  # fmt: skip
refuse(
    "tf.meshgrid",
    why="the file holds only the first of its tensors (a bug of tf.keras 2.4 to 2.15)",
    hint="use tf.reshape and tf.broadcast_to, or a model of Keras 3",
)
refuse(
    "tf.einsum",
    why="the file holds its equation, but not its tensors (a bug of tf.keras 2.4 to 2.15)",
    hint="use tf.matmul, tf.tensordot or the layer EinsumDense, or a model of Keras 3",
)
refuse(
    "tf.map_fn", "tf.vectorized_map", "tf.scan", "tf.while_loop", "tf.cond", "tf.foldl", "tf.foldr",
    "tf.compat.v1.foldl", "tf.compat.v1.map_fn", "tf.compat.v1.scan", "tf.compat.v1.foldr",
    "tf.numpy_function", "tf.py_function",
    why="it runs a Python function, which the file does not hold",
    hint="write the function's operations on whole tensors, or compute it outside of the model",
)  # fmt: skip
refuse(
    "tf.dynamic_partition", "tf.dynamic_stitch", "tf.RaggedTensor", "tf.SparseTensor",
    "tf.raw_ops.RaggedTensorToTensor", "tf.__operators__.ragged_getitem",
    why="its results are ragged or sparse tensors, or their number depends on the batch, which ONNX cannot express",
    hint="use dense tensors with a mask",
)  # fmt: skip
refuse(
    "tf.compat.v1.nn.dropout", "tf.random.normal", "tf.random.uniform", "tf.random.truncated_normal",
    "tf.random.shuffle", "tf.raw_ops.RandomUniform", "tf.raw_ops.RandomStandardNormal",
    why="its result is random at inference too",
    hint="use a layer, which is random only in training",
)  # fmt: skip
refuse(
    "ElasticTransform", "tf.nn.fractional_max_pool", "tf.nn.fractional_avg_pool", "tf.image.random_brightness",
    "tf.image.random_contrast", "tf.image.random_crop", "tf.image.random_flip_left_right",
    "tf.image.random_flip_up_down", "tf.image.random_hue", "tf.image.random_saturation",
    "tf.image.stateless_random_brightness", "tf.image.stateless_random_crop", "tf.raw_ops.FractionalMaxPool",
    why="its result is random at inference too",
    hint="use a layer, which is random only in training",
)  # fmt: skip
refuse(
    "CTCLoss", "CtcLoss", "tf.nn.ctc_loss", "tf.nn.ctc_beam_search_decoder", "tf.nn.ctc_greedy_decoder",
    "tf.keras.backend.ctc_decode", "tf.keras.backend.ctc_batch_cost",
    why="it sums over all paths through time, or gives sparse tensors, which ONNX operators cannot express",
    hint="let the model return the class scores of each step; CTCDecode of Keras 3 with strategy='greedy' is supported",
)  # fmt: skip
refuse(
    "Arange", "Empty", "Eye", "Identity", "Ones", "Tri", "Zeros", "Bartlett", "Blackman", "Hamming", "Hanning",
    "Kaiser",
    why="it takes only numbers and is computed when the model is built, so that a file does not contain it",
    hint="use numbers that are known when the model is built",
)  # fmt: skip
refuse(
    "Polar",
    why="its values are complex numbers, which ONNX operators do not take",
    hint="multiply the absolute value by the cosine and the sine of the angle",
)
refuse(
    "SegmentReduction",
    why="it is an abstract base class",
    hint="use segment_sum, segment_max, segment_min or segment_prod",
)
