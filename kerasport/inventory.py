"""Every class that any Keras can write to a model file, and the Keras versions that have it.

The tables are kept by hand after the classes of real Kerases (``tests/test_inventory.py`` holds them against the golden
files); what kerasport makes of a class is in the registries alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Versions are Keras's own; ``tf2.3`` is the tf.keras of TensorFlow 2.3. From 2.4 on tf.keras has TensorFlow's numbers,
# but some of its classes are older than that: keras.io stopped at 2.3.
_LAYERS = """
1.0..tf2.2   Model
1.0          InputLayer Sequential Dense Activation Dropout Flatten Reshape Permute RepeatVector Lambda Masking
1.0          ActivityRegularization Embedding LeakyReLU PReLU ELU MaxPooling1D MaxPooling2D MaxPooling3D TimeDistributed
1.0          AveragePooling1D AveragePooling2D AveragePooling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D UpSampling1D
1.0          UpSampling2D UpSampling3D BatchNormalization SimpleRNN LSTM GRU GaussianDropout GaussianNoise
1.0..2.15    ThresholdedReLU
1.0..2.1     Merge
1.0..2.3     Highway MaxoutDense
1.0..1.2     TimeDistributedDense ParametricSoftplus SReLU
1.0..1.2     Convolution1D Convolution2D Convolution3D
1.1          GlobalMaxPooling1D GlobalMaxPooling2D GlobalAveragePooling1D GlobalAveragePooling2D Cropping1D Cropping2D
1.1          Cropping3D Bidirectional SpatialDropout2D SpatialDropout3D
1.1..2.15    LocallyConnected1D LocallyConnected2D
1.1..1.2     AtrousConvolution1D AtrousConvolution2D Deconvolution2D SeparableConvolution2D
1.2          GlobalMaxPooling3D GlobalAveragePooling3D SpatialDropout1D ConvLSTM2D
2.0          Conv1D Conv2D Conv3D Conv2DTranspose SeparableConv2D Add Multiply Average Maximum Concatenate Dot
2.1          AlphaDropout Conv3DTranspose Subtract Minimum RNN SimpleRNNCell LSTMCell GRUCell StackedRNNCells
2.1..2.15    CuDNNGRU CuDNNLSTM
2.2          ReLU Softmax SeparableConv1D DepthwiseConv2D
2.2..2.2     ConvLSTM2DCell ConvRNN2D
tf2.1        LayerNormalization Attention AdditiveAttention
tf2.1..2.15  SyncBatchNormalization DenseFeatures ResidualWrapper DeviceWrapper DropoutWrapper
tf2.1..tf2.3 TensorFlowOpLayer
tf2.1..2.15  LinearModel WideDeepModel
tf2.1..2.4   PeepholeLSTMCell
tf2.2        Normalization TextVectorization Resizing CenterCrop Rescaling RandomCrop RandomFlip RandomRotation
tf2.2        RandomTranslation RandomContrast
tf2.2..2.15  RandomHeight RandomWidth
tf2.3        RandomZoom
tf2.3        Conv1DTranspose EinsumDense CategoryEncoding Discretization Hashing IntegerLookup StringLookup Functional
tf2.3..2.6   CategoryCrossing
tf2.3..2.15  RandomFourierFeatures
2.4          MultiHeadAttention
2.4..2.15    TFOpLambda SlicingOpLambda ClassMethod InstanceMethod InstanceProperty
2.6          ConvLSTM1D ConvLSTM3D
2.10         DepthwiseConv1D UnitNormalization RandomBrightness HashedCrossing LayerScale StochasticDepth
2.11         GroupNormalization Identity
2.13         SpectralNormalization FeatureSpace CustomScaleLayer
3.0          GroupQueryAttention TFSMLayer TorchModuleWrapper JaxLayer FlaxLayer
3.1          MelSpectrogram
3.6          AutoContrast Solarization Pipeline RandomShear
3.7          STFTSpectrogram MaxNumBoundingBoxes
3.8          Equalization MixUp RandAugment RandomColorDegeneration RandomColorJitter RandomGrayscale RandomHue
3.8          RandomPosterization RandomSaturation RandomSharpness
3.9          RMSNormalization AugMix CutMix RandomErasing RandomGaussianBlur RandomInvert RandomPerspective
3.10         RandomElasticTransform
3.12         ReversibleEmbedding
3.13         AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D AdaptiveAveragePooling1D
3.13         AdaptiveAveragePooling2D AdaptiveAveragePooling3D
3.14         ContrastLimitedAdaptiveHistogramEqualization
3.16         TernaryDense
"""
# Keras 3's operations, which stand among the layers of a functional model; those that take no tensor never do.
_OPERATIONS = """
3.0       Mish ReLU
3.0       Abs Absolute Add AffineTransform All Amax Amin Any Append Arange Arccos Arccosh Arcsin Arcsinh Arctan
3.0       Arctan2 Arctanh Argmax Argmin Argsort Array Average AveragePool BatchNorm BinaryCrossentropy Bincount
3.0       BroadcastTo Cast CategoricalCrossentropy Ceil Cholesky Clip Concatenate Cond Conj Conjugate Conv
3.0       ConvTranspose Copy Cos Cosh CountNonzero Cross Cumprod Cumsum DepthwiseConv Det Diag Diagonal Diff
3.0       Digitize Divide DivideNoNan Dot Eig Einsum Elu Equal Erf Erfinv Exp ExpandDims Expm1 ExtractPatches
3.0       ExtractSequences FFT FFT2 Flip Floor FloorDivide ForiLoop Full FullLike Gelu GetItem Greater GreaterEqual
3.0       HardSigmoid HardSilu Hstack IRFFT ISTFT Imag InTopK Inv Isclose Isfinite Isinf Isnan LeakyRelu Less
3.0       LessEqual Linspace Log Log10 Log1p Log2 LogSigmoid LogSoftmax Logaddexp LogicalAnd LogicalNot LogicalOr
3.0       LogicalXor Logspace Logsumexp LuFactor MapCoordinates Matmul Max MaxPool Maximum Mean Median Meshgrid Min
3.0       Minimum Mod Moments Moveaxis MultiHot Multiply NanToNum Ndim Negative Nonzero Norm Normalize NotEqual
3.0       OneHot OnesLike Outer Pad PadImages Power Prod Qr Quantile RFFT Ravel Real Reciprocal Relu Relu6 Repeat
3.0       Reshape Resize Roll Round Rsqrt STFT SVD Scatter ScatterUpdate SegmentMax SegmentSum Selu SeparableConv
3.0       Sigmoid Sign Silu Sin Sinh Size Slice SliceUpdate Softmax Softplus Softsign Solve SolveTriangular Sort
3.0       SparseCategoricalCrossentropy Split Sqrt Square Squeeze Stack Std StopGradient Subtract Sum Swapaxes Take
3.0       TakeAlongAxis Tan Tanh Tensordot Tile TopK Trace Transpose Tril Triu TrueDivide Unstack Var Vdot Vstack
3.0       Where WhileLoop ZerosLike
3.0..3.2  CtcLoss
3.1       CropImages
3.2       Correlate
3.3       CTCDecode CTCLoss Eigh PSNR RGBToGrayscale Select Slogdet
3.4       Argpartition HSVToRGB Lstsq Map RGBToHSV Scan Switch
3.5       AssociativeScan SearchSorted
3.6       BitwiseAnd BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor
3.6       DotProductAttention Histogram LeftShift Logdet RightShift SaturateCast Trunc
3.7       Celu ConvertToTensor Exp2 Glu HardShrink HardTanh IFFT2 Inner SoftShrink Squareplus TanhShrink
3.8       Diagflat SparsePlus Sparsemax Threshold UnravelIndex
3.9       GaussianBlur PerspectiveTransform Polar RMSNorm Rearrange Rot90 Signbit
3.10      Angle ElasticTransform SparseSigmoid ViewAsComplex ViewAsReal
3.11      Cbrt Corrcoef Deg2rad Heaviside LayerNorm VectorizedMap
3.12      CholeskyInverse Gcd Hypot IsIn Isneginf Isposinf Isreal JVP Kron Lcm Logaddexp2 ScaleAndTranslate
3.12      Trapezoid Unfold View
3.12..3.13 ExtractPatches3D
3.13      AdaptiveAveragePool AdaptiveMaxPool ArraySplit EmptyLike Ldexp Vander
3.14      AllClose DepthToSpace Dstack Fliplr Flipud Fmod Fold Geomspace Hsplit I0 Nanargmax Nanargmin Nancumprod
3.14      Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanprod Nanquantile Nanstd Nansum Nanvar Nextafter Ptp Rad2deg
3.14      Sinc SpaceToDepth Vsplit
3.15      CDist Dsplit Erfc Fabs Fmax Fmin MatrixRank Nanpercentile Percentile Pinv SSIM SegmentMin SegmentProd
3.15      SobelEdges Unique
"""
# What kerasport reads under another name: the same layer, renamed by a later Keras.
_RENAMED = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
    "Merge": "Add",
    "Model": "Functional",
    "SyncBatchNormalization": "BatchNormalization",
    "ConvRNN2D": "ConvLSTM2D",
    "ConvLSTM2DCell": "ConvLSTM2D",
}
_OPERATION_NODES = frozenset(
    ["TensorFlowOpLayer", "TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"]
)


@dataclass(frozen=True, order=True)
class Version:
    """A Keras version that compares across keras.io, tf.keras and Keras 3.

    Attributes:
        key: keras.io's 2.3 is older than the tf.keras of TensorFlow 1 and 2.
        label: As written in the table.
    """

    key: tuple[int, ...]
    label: str

    @classmethod
    def of(cls, label: str) -> Version:
        """Reads ``1.2``, ``2.15.0``, ``tf2.3`` or ``tf.keras 2.3``."""
        label = label.replace("tf.keras ", "tf")
        numbers = tuple(int(part) for part in label.removeprefix("tf").split("."))
        in_tensorflow = label.startswith("tf") or (2, 3) < numbers[:2] < (3,)
        return cls((2, 2 + numbers[0], *numbers[1:]) if in_tensorflow else numbers, label)

    def __str__(self) -> str:
        return self.label.replace("tf", "tf.keras ")


@dataclass(frozen=True)
class Kind:
    """One class.

    Attributes:
        name: As it stands in files.
        since: The first Keras that has it.
        until: The last one; None for those that today's has.
        canonical: The name under which kerasport supports it.
    """

    name: str
    since: Version
    until: Version | None
    canonical: str

    @property
    def holds_operations(self) -> bool:
        """Whether it is tf.keras's wrapping of a TensorFlow function, and no layer."""
        return self.name in _OPERATION_NODES


def layers() -> Mapping[str, Kind]:
    """Every layer class by the name under which Keras saves it."""
    return {kind.name: kind for kind in _read(_LAYERS)}


def operations() -> Mapping[str, Kind]:
    """Every operation class of Keras 3 by its name."""
    return {kind.name: kind for kind in _read(_OPERATIONS)}


def _read(table: str) -> Iterator[Kind]:
    for line in table.strip().splitlines():
        span, *names = line.split()
        since, _, until = span.partition("..")
        for name in names:
            ended = Version.of(until) if until else None
            yield Kind(name, Version.of(since), ended, _RENAMED.get(name, name))
