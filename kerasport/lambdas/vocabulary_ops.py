"""The functions of keras.ops and their parameters, by Keras 3 operation; taken from Keras 3.15."""

from __future__ import annotations

# Functions of one tensor, of two, and over axes, each as its name, or names, and the operation.
_ONE = """
absolute:Absolute angle:Angle arccos:Arccos arccosh:Arccosh arcsin:Arcsin arcsinh:Arcsinh arctan:Arctan
arctanh:Arctanh bitwise_invert:BitwiseInvert bitwise_not:BitwiseNot cbrt:Cbrt ceil:Ceil conjugate:Conjugate copy:Copy
corrcoef:Corrcoef cos:Cos cosh:Cosh deg2rad:Deg2rad det|linalg.det:Det erf:Erf erfc:Erfc erfinv:Erfinv exp:Exp
exp2:Exp2 expm1:Expm1 fabs:Fabs fft:FFT fft2:FFT2 fliplr:Fliplr flipud:Flipud floor:Floor hard_sigmoid:HardSigmoid
hard_silu|hard_swish:HardSilu hard_tanh:HardTanh i0:I0 ifft2:IFFT2 imag:Imag inv|linalg.inv:Inv isfinite:Isfinite
isinf:Isinf isnan:Isnan isneginf:Isneginf isposinf:Isposinf isreal:Isreal log:Log log10:Log10 log1p:Log1p log2:Log2
log_sigmoid:LogSigmoid logdet:Logdet logical_not:LogicalNot ndim:Ndim negative:Negative nonzero:Nonzero
rad2deg:Rad2deg ravel:Ravel real:Real reciprocal:Reciprocal relu:Relu relu6:Relu6 rsqrt:Rsqrt selu:Selu
sigmoid:Sigmoid sign:Sign signbit:Signbit silu|swish:Silu sin:Sin sinc:Sinc sinh:Sinh size:Size slogdet:Slogdet
softplus:Softplus softsign:Softsign sparse_plus:SparsePlus sparse_sigmoid:SparseSigmoid sqrt:Sqrt square:Square
tan:Tan tanh:Tanh tanh_shrink:TanhShrink trunc:Trunc
"""
_TWO = """
add:Add arctan2:Arctan2 divide:Divide divide_no_nan:DivideNoNan dot:Dot equal:Equal floor_divide:FloorDivide fmax:Fmax
fmin:Fmin fmod:Fmod gcd:Gcd greater:Greater greater_equal:GreaterEqual heaviside:Heaviside hypot:Hypot inner:Inner
kron:Kron lcm:Lcm ldexp:Ldexp less:Less less_equal:LessEqual logaddexp:Logaddexp logaddexp2:Logaddexp2
logical_and:LogicalAnd logical_or:LogicalOr logical_xor:LogicalXor matmul:Matmul maximum:Maximum minimum:Minimum
mod:Mod multiply:Multiply nextafter:Nextafter not_equal:NotEqual outer:Outer power:Power subtract:Subtract
true_divide:TrueDivide vdot:Vdot
"""
_OVER_AXES = """
all:All amax:Amax amin:Amin any:Any argmax:Argmax argmin:Argmin logsumexp:Logsumexp mean:Mean median:Median
nanargmax:Nanargmax nanargmin:Nanargmin nanmax:Nanmax nanmean:Nanmean nanmedian:Nanmedian nanmin:Nanmin
nanprod:Nanprod nanstd:Nanstd nansum:Nansum nanvar:Nanvar ptp:Ptp std:Std sum:Sum var:Var
"""
# The others with their parameters, and what these are where they are not given.
_OTHERS = """
adaptive_average_pool AdaptiveAveragePool inputs output_size data_format; adaptive_max_pool AdaptiveMaxPool inputs
output_size data_format; affine_transform|image.affine_transform AffineTransform images transform
interpolation=bilinear fill_mode=constant fill_value=0 data_format; allclose AllClose x1 x2 rtol=1e-05 atol=1e-08
equal_nan; append Append x1 x2 axis; argsort Argsort x axis=-1; array Array x dtype; array_split ArraySplit x
indices_or_sections axis=0; average Average x axis weights; average_pool AveragePool inputs pool_size strides
padding=valid data_format; batch_normalization BatchNorm x mean variance axis offset scale epsilon=0.001;
binary_crossentropy BinaryCrossentropy target output from_logits; bincount Bincount x weights minlength=0 sparse;
bitwise_and BitwiseAnd x y; bitwise_left_shift BitwiseLeftShift x y; bitwise_or BitwiseOr x y; bitwise_right_shift
BitwiseRightShift x y; bitwise_xor BitwiseXor x y; broadcast_to BroadcastTo x shape; categorical_crossentropy
CategoricalCrossentropy target output from_logits axis=-1; cdist CDist x y; celu Celu x alpha=1.0;
cholesky|linalg.cholesky Cholesky x upper; cholesky_inverse|linalg.cholesky_inverse CholeskyInverse x upper; clip Clip
x x_min x_max; concatenate Concatenate xs axis=0; conv Conv inputs kernel strides=1 padding=valid data_format
dilation_rate=1; conv_transpose ConvTranspose inputs kernel strides=1 padding=valid output_padding data_format
dilation_rate=1; correlate Correlate x1 x2 mode=valid; count_nonzero CountNonzero x axis;
crop_images|image.crop_images CropImages images top_cropping left_cropping bottom_cropping right_cropping
target_height target_width data_format; cross Cross x1 x2 axisa=-1 axisb=-1 axisc=-1 axis; ctc_decode CTCDecode inputs
sequence_lengths strategy=greedy beam_width=100 top_paths=1 merge_repeated=True mask_index=0; cumprod Cumprod x axis
dtype; cumsum Cumsum x axis dtype; depth_to_space DepthToSpace x block_size data_format=channels_last; depthwise_conv
DepthwiseConv inputs kernel strides=1 padding=valid data_format dilation_rate=1; diag Diag x k=0; diagflat Diagflat x
k=0; diagonal Diagonal x offset=0 axis1=0 axis2=1; digitize Digitize x bins; dot_product_attention DotProductAttention
query key value bias mask scale is_causal flash_attention attn_logits_soft_cap; dsplit Dsplit x indices_or_sections;
dstack Dstack xs; elu Elu x alpha=1.0; empty_like EmptyLike x dtype; expand_dims ExpandDims x axis;
extract_patches|image.extract_patches ExtractPatches images size strides dilation_rate=1 padding=valid data_format;
extract_patches_3d|image.extract_patches_3d ExtractPatches volumes size strides dilation_rate=1 padding=valid
data_format; extract_sequences ExtractSequences x sequence_length sequence_stride; flip Flip x axis; fold Fold x
output_size kernel_size dilation=1 padding=0 stride=1; full Full shape fill_value dtype; full_like FullLike x
fill_value dtype; gaussian_blur|image.gaussian_blur GaussianBlur images kernel_size=(3,3) sigma=(1.0,1.0) data_format;
gelu Gelu x approximate=True; get_item GetItem x key; glu Glu x axis=-1; hard_shrink HardShrink x threshold=0.5;
histogram Histogram x bins=10 range; hsplit Hsplit x indices_or_sections; hstack Hstack xs;
hsv_to_rgb|image.hsv_to_rgb HSVToRGB images data_format; in_top_k InTopK targets predictions k; irfft IRFFT x
fft_length; isclose Isclose x1 x2 rtol=1e-05 atol=1e-08 equal_nan; isin IsIn x1 x2 assume_unique invert; istft ISTFT x
sequence_length sequence_stride fft_length length window=hann center=True; layer_normalization LayerNorm x gamma beta
axis=-1 epsilon; leaky_relu LeakyRelu x negative_slope=0.2; left_shift LeftShift x y; log_softmax LogSoftmax x
axis=-1; lstsq|linalg.lstsq Lstsq a b rcond; map_coordinates|image.map_coordinates MapCoordinates inputs coordinates
order fill_mode=constant fill_value=0; matrix_rank|linalg.matrix_rank MatrixRank x tol; max Max x axis keepdims
initial; max_pool MaxPool inputs pool_size strides padding=valid data_format; min Min x axis keepdims initial; moments
Moments x axes keepdims synchronized; moveaxis Moveaxis x source destination; multi_hot MultiHot inputs num_classes
axis=-1 dtype sparse; nan_to_num NanToNum x nan=0.0 posinf neginf; nancumprod Nancumprod x axis dtype; nancumsum
Nancumsum x axis dtype; nanpercentile Nanpercentile x q axis method=linear keepdims; nanquantile Nanquantile x q axis
method=linear keepdims; norm|linalg.norm Norm x ord axis keepdims; normalize Normalize x axis=-1 order=2 epsilon;
one_hot OneHot x num_classes axis=-1 dtype sparse; ones_like OnesLike x dtype; pad_images|image.pad_images PadImages
images top_padding left_padding bottom_padding right_padding target_height target_width data_format; percentile
Percentile x q axis method=linear keepdims; perspective_transform|image.perspective_transform PerspectiveTransform
images start_points end_points interpolation=bilinear fill_value=0 data_format; pinv|linalg.pinv Pinv x rcond; prod
Prod x axis keepdims dtype; psnr PSNR x1 x2 max_val; qr|linalg.qr Qr x mode=reduced; quantile Quantile x q axis
method=linear keepdims; rearrange Rearrange tensor pattern; repeat Repeat x repeats axis; reshape Reshape x newshape;
resize|image.resize Resize images size interpolation=bilinear antialias crop_to_aspect_ratio pad_to_aspect_ratio
fill_mode=constant fill_value=0.0 data_format; rfft RFFT x fft_length; rgb_to_grayscale|image.rgb_to_grayscale
RGBToGrayscale images data_format; rgb_to_hsv|image.rgb_to_hsv RGBToHSV images data_format; right_shift RightShift x
y; rms_normalization RMSNorm x scale axis=-1 epsilon; roll Roll x shift axis; rot90 Rot90 array k=1 axes=(0,1); round
Round x decimals=0; scale_and_translate|image.scale_and_translate ScaleAndTranslate images output_shape scale
translation spatial_dims method antialias=True; scatter Scatter indices values shape; scatter_update ScatterUpdate
inputs indices updates reduction; searchsorted SearchSorted sorted_sequence values side=left; segment_max SegmentMax
data segment_ids num_segments sorted; segment_min SegmentMin data segment_ids num_segments sorted; segment_prod
SegmentProd data segment_ids num_segments sorted; segment_sum SegmentSum data segment_ids num_segments sorted; select
Select condlist choicelist default=0; separable_conv SeparableConv inputs depthwise_kernel pointwise_kernel strides=1
padding=valid data_format dilation_rate=1; slice Slice inputs start_indices shape; slice_update SliceUpdate inputs
start_indices updates; sobel_edges|image.sobel_edges SobelEdges images data_format; soft_shrink SoftShrink x
threshold=0.5; softmax Softmax x axis=-1; solve|linalg.solve Solve a b; solve_triangular|linalg.solve_triangular
SolveTriangular a b lower; sort Sort x axis=-1; space_to_depth SpaceToDepth x block_size data_format=channels_last;
sparse_categorical_crossentropy SparseCategoricalCrossentropy target output from_logits axis=-1; sparsemax Sparsemax x
axis=-1; split Split x indices_or_sections axis=0; squareplus Squareplus x b=4; squeeze Squeeze x axis;
ssim|image.ssim SSIM image1 image2 max_val=1.0 filter_size=11 filter_sigma=1.5 k1=0.01 k2=0.03 data_format; stack
Stack x axis=0; stft STFT x sequence_length sequence_stride fft_length window=hann center=True; stop_gradient
StopGradient variable; svd|linalg.svd SVD x full_matrices=True compute_uv=True; swapaxes Swapaxes x axis1 axis2; take
Take x indices axis; take_along_axis TakeAlongAxis x indices axis; tensordot Tensordot x1 x2 axes=2; threshold
Threshold x threshold default_value; tile Tile x repeats; top_k TopK x k sorted=True; trace Trace x offset=0 axis1=0
axis2=1; transpose Transpose x axes; trapezoid Trapezoid y x dx=1.0 axis=-1; tril Tril x k=0; triu Triu x k=0; unfold
Unfold x kernel_size dilation=1 padding=0 stride=1; unravel_index UnravelIndex indices shape; unstack Unstack x num
axis=0; vander Vander x N increasing; view View x dtype; vsplit Vsplit x indices_or_sections; vstack Vstack xs; where
Where condition x1 x2; zeros_like ZerosLike x dtype
"""


def _entries() -> dict[str, tuple[str, tuple[str, ...]]]:
    entries = [entry.split() for entry in _OTHERS.split(";")]
    for text, parameters in ((_ONE, "x"), (_TWO, "x1 x2"), (_OVER_AXES, "x axis keepdims")):
        entries += [[*entry.split(":"), *parameters.split()] for entry in text.split()]
    return {name: (kind, tuple(parameters)) for names, kind, *parameters in entries for name in names.split("|")}


# Name: the operation, and the function's parameters as ``name`` or ``name=default``.
SIGNATURES = _entries()
# What is no operation of its own, in the subset that ``source`` reads.
FUNCTIONS: dict[str, str] = {
    "abs": "lambda x: Abs(x)",
    "cast": "lambda x, dtype: Cast(x, dtype=dtype)",
    "convert_to_tensor": "lambda x, dtype=None, sparse=None, ragged=None: constant(x, dtype, None)",
    "array": "lambda x, dtype=None: constant(x, dtype, None)",
    "shape": "lambda x: known_shape(x)",
    "ndim": "lambda x: len(static_shape(x))",
    "dtype": "lambda x: x.dtype",
    "pad": "lambda x, pad_width, mode='constant', constant_values=None:"
    " Pad(x, pad_width=pad_width, mode=mode, constant_values=constant_values)",
    "diff": "lambda a, n=1, axis=-1: Diff(a, n=n, axis=axis)",
    "zeros": "lambda shape, dtype=None: tf.zeros(shape, dtype or 'float32')",
    "ones": "lambda shape, dtype=None: tf.ones(shape, dtype or 'float32')",
    "eye": "lambda N, M=None, k=0, dtype=None: constant(np.eye(N, M, k), dtype or 'float32', None)",
    "identity": "lambda n, dtype=None: constant(np.eye(n), dtype or 'float32', None)",
    "linspace": "lambda start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0:"
    " constant(np.linspace(start, stop, num, endpoint), dtype or 'float32', None)",
    "arange": "lambda start, stop=None, step=1, dtype=None:"
    " tf.range(0 if stop is None else start, start if stop is None else stop, step, dtype=dtype)",
    "einsum": "lambda subscripts, *operands: Einsum(*operands, subscripts=subscripts, by_appearance=True)",
    "meshgrid": "lambda *x, indexing='xy': Meshgrid(*x, indexing=indexing)",
    "map": "lambda f, xs: mapped(f, xs)",
    "scan": "lambda f, init, xs=None, length=None, reverse=False, unroll=1: carried(f, init, xs)"
    " if not reverse else (lambda found: [found[0], Flip(found[1], axis=0)])(carried(f, init, Flip(xs, axis=0)))",
    "vectorized_map": "lambda function, elements: mapped(function, elements)",
    "cond": "lambda pred, true_fn, false_fn: switch(pred, true_fn, false_fn)",
}
