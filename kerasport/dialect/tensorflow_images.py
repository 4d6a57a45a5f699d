"""TensorFlow's image functions; see ``tensorflow``."""

from __future__ import annotations

from typing import Any

FUNCTIONS: dict[str, str] = {
    "image.resize": "tf.image.resize size method antialias preserve_aspect_ratio",
    "image.rgb_to_hsv": "tf.image.rgb_to_hsv",
    "image.hsv_to_rgb": "tf.image.hsv_to_rgb",
    **{f"image.{name}": f"tf.image.{name}" for name in ("rgb_to_yuv", "yuv_to_rgb", "rgb_to_yiq", "yiq_to_rgb")},
    "image.adjust_hue": "tf.image.adjust_hue delta",
    "image.adjust_saturation": "tf.image.adjust_saturation saturation_factor",
    "image.adjust_gamma": "tf.image.adjust_gamma gamma gain",
    "image.convert_image_dtype": "tf.image.convert_image_dtype dtype saturate",
    "image.resize_with_pad": "tf.image.resize_with_pad target_height target_width method antialias",
    **{f"compat.v1.image.{name}": f"tf.compat.v1.image.{name} size align_corners half_pixel_centers"
       for name in ("resize_bilinear", "resize_nearest_neighbor", "resize_bicubic", "resize_area")},
    "compat.v1.image.resize_images": "tf.compat.v1.image.resize size method align_corners preserve_aspect_ratio",
    "image.extract_patches": "tf.image.extract_patches sizes strides rates padding",
    "image.psnr": "tf.image.psnr b max_val",
    "image.ssim": "tf.image.ssim img2 max_val filter_size filter_sigma k1 k2",
    "image.crop_and_resize": "tf.image.crop_and_resize boxes box_indices crop_size method extrapolation_value",
    "image.non_max_suppression": "tf.image.non_max_suppression scores max_output_size iou_threshold score_threshold",
    "image.combined_non_max_suppression": "tf.image.combined_non_max_suppression scores max_output_size_per_class "
    "max_total_size iou_threshold score_threshold pad_per_class clip_boxes",
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
    "ResizeBilinear": "tf.compat.v1.image.resize_bilinear images size align_corners half_pixel_centers",
    "ResizeNearestNeighbor": "tf.compat.v1.image.resize_nearest_neighbor images size align_corners half_pixel_centers",
    "ResizeBicubic": "tf.compat.v1.image.resize_bicubic images size align_corners half_pixel_centers",
    "ResizeArea": "tf.compat.v1.image.resize_area images size align_corners",
    "ScaleAndTranslate": "tf.raw_ops.ScaleAndTranslate images size scale translation kernel_type antialias",
    "RGBToHSV": "tf.image.rgb_to_hsv images",
    "HSVToRGB": "tf.image.hsv_to_rgb images",
    "AdjustHue": "tf.image.adjust_hue image delta",
    "AdjustSaturation": "tf.image.adjust_saturation image saturation_factor",
    "AdjustContrastv2": "tf.image.adjust_contrast images contrast_factor",
    "ExtractImagePatches": "tf.image.extract_patches images sizes=ksizes strides rates padding",
    "CropAndResize": "tf.image.crop_and_resize image boxes box_indices crop_size method extrapolation_value",
    "NonMaxSuppressionV2": "tf.image.non_max_suppression boxes scores max_output_size iou_threshold",
    "NonMaxSuppressionV3": "tf.image.non_max_suppression boxes scores max_output_size iou_threshold score_threshold",
    "CombinedNonMaxSuppression": "tf.image.combined_non_max_suppression boxes scores max_output_size_per_class "
                                 "max_total_size iou_threshold score_threshold pad_per_class clip_boxes",
}  # fmt: skip
DEFAULTS: dict[str, dict[str, Any]] = {}
