"""Layer specs, by family; a family's module is imported when a model first has one of its layers."""

from kerasport.layers.registry import LayerRegistry

# The canonical class names that each family's module registers.
FAMILIES = {
    "activation": "Activation, LeakyReLU, ELU, ReLU, ThresholdedReLU, PReLU, Softmax",
    "applications": "LayerScale, CustomScaleLayer",
    "attention": "Attention, AdditiveAttention, MultiHeadAttention, GroupQueryAttention",
    "categorical": "CategoryEncoding, Discretization",
    "conv": (
        "Conv1D, Conv2D, Conv3D, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D, Conv1DTranspose, "
        "Conv2DTranspose, Conv3DTranspose"
    ),
    "conv_lstm": "ConvLSTM1D, ConvLSTM2D, ConvLSTM3D",
    "core": (
        "StochasticDepth, ActivityRegularization, GaussianNoise, GaussianDropout, AlphaDropout, Dropout, "
        "SpatialDropout1D, SpatialDropout2D, SpatialDropout3D, Identity, Dense, Flatten, Reshape, Permute, "
        "RepeatVector, Embedding, Masking, RandomFourierFeatures"
    ),
    "einsum": "EinsumDense",
    "hashing": "Hashing, HashedCrossing, CategoryCrossing",
    "histograms": "ContrastLimitedAdaptiveHistogramEqualization",
    "image": (
        "AugMix, CutMix, Equalization, MaxNumBoundingBoxes, MixUp, RandAugment, RandomBrightness, "
        "RandomColorDegeneration, RandomColorJitter, RandomContrast, RandomElasticTransform, RandomErasing, "
        "RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHeight, RandomHue, RandomInvert, RandomPerspective, "
        "RandomPosterization, RandomRotation, RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, "
        "RandomWidth, RandomZoom, Solarization, Resizing, CenterCrop, RandomCrop, AutoContrast"
    ),
    "legacy": ("MaxoutDense, Highway, ParametricSoftplus, SReLU, BatchNormalization (mode 1), Merge (cos)"),
    "locally": "LocallyConnected1D, LocallyConnected2D",
    "lookup": "StringLookup, IntegerLookup",
    "merge": "Add, Average, Subtract, Multiply, Maximum, Minimum, Concatenate, Dot",
    "normalization": (
        "BatchNormalization, BatchNormalization (mode 2), LayerNormalization, RMSNormalization, GroupNormalization, "
        "UnitNormalization, SpectralNormalization"
    ),
    "pooling": (
        "MaxPooling1D, MaxPooling2D, MaxPooling3D, AveragePooling1D, AveragePooling2D, AveragePooling3D, "
        "GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D, GlobalAveragePooling1D, GlobalAveragePooling2D, "
        "GlobalAveragePooling3D, AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D, "
        "AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D"
    ),
    "preprocessing": "Rescaling, Normalization",
    "recurrent": (
        "DropoutWrapper, DeviceWrapper, ResidualWrapper, PeepholeLSTMCell, SimpleRNNCell, LSTMCell, GRUCell, "
        "StackedRNNCells, CuDNNLSTM, CuDNNGRU, SimpleRNN, LSTM, GRU, RNN, Bidirectional"
    ),
    "resampling": (
        "ZeroPadding1D, ZeroPadding2D, ZeroPadding3D, Cropping1D, Cropping2D, Cropping3D, UpSampling1D, UpSampling2D, "
        "UpSampling3D"
    ),
    "reversible": "ReversibleEmbedding",
    "spectrograms": "STFTSpectrogram, MelSpectrogram",
    "text": "TextVectorization",
}
LAYERS = LayerRegistry(FAMILIES)

__all__ = ["FAMILIES", "LAYERS"]
