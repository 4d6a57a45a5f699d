"""The functions of tf with their parameters in order, by the names TensorFlow records; from TensorFlow 2.15.

Where TensorFlow records a function by another name, that stands behind ``=``.
"""

from __future__ import annotations

_FUNCTIONS = """
x: bitwise.invert linalg.trace math.abs math.acos math.acosh math.asin math.asinh math.atan math.atanh math.bessel_i0
math.bessel_i0e math.ceil math.conj math.cos math.cosh math.erf math.erfc math.erfinv math.exp math.expm1 math.floor
math.invert_permutation math.is_finite math.is_inf math.is_nan math.log math.log1p math.log_sigmoid math.logical_not
math.negative math.reciprocal math.rint math.round math.rsqrt math.sigmoid math.sign math.sin math.sinh math.sqrt
math.square math.tan math.tanh; x y: bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor bitwise.left_shift
bitwise.right_shift floor_div=compat.v1.floor_div math.add math.divide math.divide_no_nan math.equal math.floordiv
math.floormod math.greater math.greater_equal math.less math.less_equal math.logical_and math.logical_or
math.logical_xor math.maximum math.minimum math.multiply math.multiply_no_nan math.not_equal math.pow
math.squared_difference math.subtract math.truediv math.xdivy math.xlog1py math.xlogy truncatediv truncatemod;
input_tensor axis keepdims: math.reduce_all math.reduce_any math.reduce_euclidean_norm math.reduce_logsumexp
math.reduce_max math.reduce_mean math.reduce_min math.reduce_prod math.reduce_std math.reduce_sum
math.reduce_variance; input: identity linalg.cholesky linalg.det linalg.tensor_diag_part math.angle math.imag
math.real rank stop_gradient; images: image.grayscale_to_rgb image.hsv_to_rgb image.rgb_to_grayscale image.rgb_to_hsv
image.rgb_to_yiq image.rgb_to_yuv image.yiq_to_rgb image.yuv_to_rgb; input ksize strides padding data_format:
nn.avg_pool nn.avg_pool1d nn.avg_pool2d nn.avg_pool3d nn.max_pool nn.max_pool1d nn.max_pool2d nn.max_pool3d; features:
math.softplus nn.elu nn.relu nn.relu6 nn.selu nn.softsign; data segment_ids num_segments: math.unsorted_segment_max
math.unsorted_segment_mean math.unsorted_segment_min math.unsorted_segment_prod math.unsorted_segment_sqrt_n
math.unsorted_segment_sum; data segment_ids: math.segment_max math.segment_mean math.segment_min math.segment_prod
math.segment_sum; tensor indices updates: tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min
tensor_scatter_nd_sub tensor_scatter_nd_update; image: image.flip_left_right image.flip_up_down
image.per_image_standardization image.transpose; input filters output_shape strides padding data_format dilations:
nn.conv1d_transpose nn.conv2d_transpose nn.conv3d_transpose nn.conv_transpose; input filters strides padding
data_format dilations: nn.conv2d nn.conv3d nn.convolution nn.dilation2d; images size align_corners name
half_pixel_centers: image.resize_bicubic=compat.v1.image.resize_bicubic
image.resize_bilinear=compat.v1.image.resize_bilinear
image.resize_nearest_neighbor=compat.v1.image.resize_nearest_neighbor; x axis exclusive reverse: math.cumprod
math.cumsum math.cumulative_logsumexp; values axis: concat stack; input axis: expand_dims squeeze=compat.v1.squeeze;
image delta: image.adjust_brightness image.adjust_hue; image offset_height offset_width target_height target_width:
image.crop_to_bounding_box image.pad_to_bounding_box; input axis output_type: math.argmax math.argmin; input
block_size data_format: nn.depth_to_space nn.space_to_depth; logits axis: nn.log_softmax nn.softmax; labels logits:
nn.sigmoid_cross_entropy_with_logits nn.sparse_softmax_cross_entropy_with_logits; shape dtype: ones zeros; input
dtype: ones_like zeros_like; input out_type: shape size; values axis direction stable: argsort; input block_shape
crops: batch_to_space_nd=compat.v1.batch_to_space_nd; tensor mask axis: boolean_mask; input shape: broadcast_to; x
dtype: cast; t clip_norm axes: clip_by_norm; t clip_value_min clip_value_max: clip_by_value; value dtype dtype_hint:
convert_to_tensor; value dtype: dtypes.saturate_cast; x shape: ensure_shape; num_rows num_columns batch_shape dtype:
eye; dims value: fill; params indices validate_indices axis batch_dims: gather; params indices batch_dims: gather_nd;
images contrast_factor: image.adjust_contrast; image gamma gain: image.adjust_gamma; image saturation_factor:
image.adjust_saturation; image central_fraction: image.central_crop; boxes scores max_output_size_per_class
max_total_size iou_threshold score_threshold pad_per_class clip_boxes: image.combined_non_max_suppression; image dtype
saturate: image.convert_image_dtype; image boxes box_indices crop_size method extrapolation_value:
image.crop_and_resize; images sizes strides rates padding: image.extract_patches
extract_image_patches=image.extract_patches image.extract_image_patches=image.extract_patches; boxes scores
max_output_size
iou_threshold score_threshold: image.non_max_suppression; a b max_val: image.psnr; images size method
preserve_aspect_ratio antialias: image.resize; images size align_corners:
image.resize_area=compat.v1.image.resize_area; images size method align_corners preserve_aspect_ratio:
image.resize_images=compat.v1.image.resize_images; image target_height target_width: image.resize_with_crop_or_pad;
image target_height target_width method antialias: image.resize_with_pad; image k: image.rot90; img1 img2 max_val
filter_size filter_sigma k1 k2: image.ssim; matrix: linalg.adjoint; input num_lower num_upper: linalg.band_part; chol
rhs: linalg.cholesky_solve; a b: linalg.cross; diagonal name k num_rows num_cols padding_value align: linalg.diag;
input name k padding_value align: linalg.diag_part; t_list: linalg.global_norm; input adjoint: linalg.inv; matrix rhs
l2_regularizer fast: linalg.lstsq; a b transpose_a transpose_b adjoint_a adjoint_b a_is_sparse b_is_sparse
output_type: linalg.matmul; a tol validate_args: linalg.matrix_rank; a name conjugate: linalg.matrix_transpose; tensor
ord axis: linalg.normalize; a rcond validate_args: linalg.pinv; input full_matrices: linalg.qr; input diagonal name k
align: linalg.set_diag; matrix rhs adjoint: linalg.solve; tensor full_matrices compute_uv: linalg.svd; diagonal:
linalg.tensor_diag; matrix rhs lower adjoint: linalg.triangular_solve; start stop num name axis: linspace; inputs
shape tensor_dtype: math.accumulate_n; inputs: math.add_n; y x: math.atan2; arr weights minlength maxlength dtype name
axis binary_output: math.bincount; input axis keepdims dtype: math.count_nonzero; targets predictions k:
math.in_top_k; x axis epsilon name dim: math.l2_normalize; x1 x2: math.nextafter; coeffs x: math.polyval; scalar x:
math.scalar_mul=compat.v1.math.scalar_mul; input k sorted index_type: math.top_k; value: math.zero_fraction; x mean
variance offset scale variance_epsilon: nn.batch_normalization; value bias data_format: nn.bias_add; input filters
stride padding data_format dilations: nn.conv1d; features axis: nn.crelu; input filter strides padding data_format
dilations: nn.depthwise_conv2d; x rate noise_shape seed: nn.dropout; params ids max_norm: nn.embedding_lookup; value
filters strides padding data_format dilations: nn.erosion2d; features approximate: nn.gelu; t: nn.l2_loss; features
alpha: nn.leaky_relu; input depth_radius bias alpha beta: nn.local_response_normalization; targets log_input
compute_full_loss: nn.log_poisson_loss; input window_shape pooling_type strides padding data_format dilations:
nn.pool; input depthwise_filter pointwise_filter strides padding data_format dilations: nn.separable_conv2d; features
beta: nn.silu; labels logits axis: nn.softmax_cross_entropy_with_logits; labels logits axis name dim:
nn.softmax_cross_entropy_with_logits_v2=compat.v1.nn.softmax_cross_entropy_with_logits_v2; labels logits pos_weight:
nn.weighted_cross_entropy_with_logits; x axes frequency_weights keepdims: nn.weighted_moments; tensor ord axis
keepdims: norm=compat.v1.norm; indices depth on_value off_value axis dtype: one_hot; tensor paddings mode
constant_values: pad=compat.v1.pad; start limit delta dtype: range; input repeats axis: repeat; tensor shape: reshape;
tensor axis: reverse; input seq_lengths seq_axis batch_axis: reverse_sequence; input shift axis: roll; indices updates
shape: scatter_nd; sorted_sequence values side out_type: searchsorted; lengths maxlen dtype: sequence_mask; input type
n axis norm: signal.dct; signal frame_length frame_step pad_end pad_value axis: signal.frame; signal frame_step:
signal.overlap_and_add; input_ begin size: slice; values axis direction: sort; input block_shape paddings:
space_to_batch_nd; value num_or_size_splits axis num: split; input_ begin end strides begin_mask end_mask
ellipsis_mask new_axis_mask shrink_axis_mask: strided_slice; a b axes: tensordot; input multiples: tile; a perm
conjugate: transpose=compat.v1.transpose; indices dims: unravel_index; value num axis: unstack; condition x y: where
"""
# Functions of these modules that tf has itself, too.
_SHORT = """
math: abs accumulate_n acos acosh add add_n angle argmax argmin asin asinh atan atan2 atanh ceil conj cos cosh cumprod
cumsum divide equal erf erfc exp expm1 floor floordiv floormod greater greater_equal imag invert_permutation is_finite
is_inf is_nan less less_equal log log1p log_sigmoid logical_and logical_not logical_or logical_xor maximum minimum
multiply negative not_equal pow real reciprocal reduce_all reduce_any reduce_logsumexp reduce_max reduce_mean
reduce_min reduce_prod reduce_sum rint round rsqrt scalar_mul segment_max segment_mean segment_min segment_prod
segment_sum sigmoid sign sin sinh sqrt square squared_difference subtract tan tanh truediv unsorted_segment_max
unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n unsorted_segment_sum; linalg:
cholesky cholesky_solve cross global_norm matmul matrix_transpose qr svd trace; dtypes: saturate_cast
"""
# Other names of functions.
_OTHER = """
count_nonzero=math.count_nonzero
diag=linalg.tensor_diag diag_part=linalg.tensor_diag_part div_no_nan=math.divide_no_nan dtypes.cast=cast
image.resize_image_with_crop_or_pad=image.resize_with_crop_or_pad image.transpose_image=image.transpose
lin_space=linspace linalg.eye=eye linalg.l2_normalize=math.l2_normalize linalg.norm=norm linalg.tensordot=tensordot
linalg.transpose=linalg.matrix_transpose math.log_softmax=nn.log_softmax math.mod=math.floormod
math.softmax=nn.softmax math.softsign=nn.softsign matrix_band_part=linalg.band_part matrix_determinant=linalg.det
matrix_diag=linalg.diag matrix_diag_part=linalg.diag_part matrix_inverse=linalg.inv matrix_set_diag=linalg.set_diag
matrix_solve=linalg.solve matrix_solve_ls=linalg.lstsq matrix_triangular_solve=linalg.triangular_solve
mod=math.floormod nn.avg_pool_v2=nn.avg_pool nn.in_top_k=math.in_top_k nn.l2_normalize=math.l2_normalize
nn.lrn=nn.local_response_normalization nn.max_pool_v2=nn.max_pool nn.sigmoid=math.sigmoid nn.softplus=math.softplus
nn.swish=nn.silu nn.tanh=math.tanh nn.top_k=math.top_k nn.zero_fraction=math.zero_fraction reverse_v2=reverse
tensor_scatter_add=tensor_scatter_nd_add tensor_scatter_sub=tensor_scatter_nd_sub
tensor_scatter_update=tensor_scatter_nd_update where_v2=where
"""
# What arguments were named in TensorFlow 1.
FORMER = {
    "keep_dims": "keepdims", "reduction_indices": "axis", "dim": "axis", "dimension": "axis", "squeeze_dims": "axis",
    "concat_dim": "axis", "split_dim": "axis", "num_split": "num_or_size_splits", "axes": "axis", "filter": "filters",
    "ksizes": "sizes",
}  # fmt: skip


def _signatures() -> dict[str, tuple[str, tuple[str, ...]]]:
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for entry in _FUNCTIONS.split(";"):
        parameters, _, names = entry.partition(":")
        for name, _, recorded in (name.partition("=") for name in names.split()):
            found[name] = (recorded or name, tuple(parameters.split()))
    for entry in _SHORT.split(";"):
        module, _, names = entry.partition(":")
        found |= {name: found[f"{module.strip()}.{name}"] for name in names.split()}
    return found | {name: found[of] for name, _, of in (pair.partition("=") for pair in _OTHER.split())}


SIGNATURES = _signatures()
# What TensorFlow records otherwise or not at all, in the subset that ``source`` reads.
FUNCTIONS: dict[str, str] = {
    "constant": "lambda value, dtype=None, shape=None, name=None, verify_shape=False: constant(value, dtype, shape)",
    "Variable": "lambda initial_value, trainable=None, dtype=None, name=None: constant(initial_value, dtype, None)",
    "einsum": "lambda equation, *inputs, **kwargs: Einsum(*inputs, subscripts=equation)",
    "meshgrid": "lambda *x, indexing='xy': Meshgrid(*x, indexing=indexing)",
    "nn.moments": "lambda x, axes, shift=None, keepdims=False, name=None, keep_dims=False:"
    " Moments(x, axes=axes, keepdims=keepdims or keep_dims)",
    "cond": "lambda pred, true_fn=None, false_fn=None, name=None, fn1=None, fn2=None:"
    " switch(pred, true_fn or fn1, false_fn or fn2)",
    "depth_to_space": "lambda input, block_size, name=None, data_format='NHWC':"
    " tf.nn.depth_to_space(input, block_size, data_format)",
    "space_to_depth": "lambda input, block_size, name=None, data_format='NHWC':"
    " tf.nn.space_to_depth(input, block_size, data_format)",
    "mul": "lambda x, y, name=None: Multiply(x, y)",
    "sub": "lambda x, y, name=None: Subtract(x, y)",
    "neg": "lambda x, name=None: Negative(x)",
    "div": "lambda x, y, name=None: Divide(x, y)",
    "pack": "lambda values, axis=0, name=None: Stack(values, axis=axis)",
    "unpack": "lambda value, num=None, axis=0, name=None: Unstack(value, axis=axis)",
    "batch_matmul": "lambda x, y, adj_x=False, adj_y=False, name=None:"
    " Matmul(x, y, transpose_a=adj_x, transpose_b=adj_y)",
    "to_float": "lambda x, name=None: Cast(x, dtype='float32')",
    "to_int32": "lambda x, name=None: Cast(x, dtype='int32')",
    "to_int64": "lambda x, name=None: Cast(x, dtype='int64')",
    "Print": "lambda input_, data, message=None, first_n=None, summarize=None, name=None: input_",
    **{
        f"{module}{name}": "lambda name=None, *_, **__: scope(name)"
        for name in ("name_scope", "variable_scope", "device", "control_dependencies", "init_scope")
        for module in ("", "compat.v1.")
    },
    "linalg.einsum": "lambda equation, *inputs, **kwargs: Einsum(*inputs, subscripts=equation)",
    "map_fn": "lambda fn, elems, dtype=None, **_: mapped(fn, elems)",
    "vectorized_map": "lambda fn, elems, **_: mapped(fn, elems)",
    "foldl": "lambda fn, elems, initializer=None, **_: folded(fn, elems, initializer)",
    "scan": "lambda fn, elems, initializer=None, parallel_iterations=None, back_prop=True, swap_memory=False,"
    " infer_shape=True, name=None: scanned(fn, elems, initializer)",
    "no_op": "lambda name=None: None",
    "print": "lambda *args, **kwargs: None",
    "TensorShape": "lambda dims: dims",
    "get_static_value": "lambda tensor, partial=False: tensor",
    "random.normal": "lambda shape, mean=0.0, stddev=1.0, dtype=None, seed=None, name=None: random_mean(mean)",
    "random_normal": "lambda shape, mean=0.0, stddev=1.0, dtype=None, seed=None, name=None: random_mean(mean)",
    "random.uniform": "lambda shape, minval=0.0, maxval=1.0, dtype=None, seed=None, name=None:"
    " random_mean((minval + maxval) / 2)",
    "random_uniform": "lambda shape, minval=0.0, maxval=1.0, dtype=None, seed=None, name=None:"
    " random_mean((minval + maxval) / 2)",
    "random.truncated_normal": "lambda shape, mean=0.0, stddev=1.0, dtype=None, seed=None, name=None:"
    " random_mean(mean)",
}
