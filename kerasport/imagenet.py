"""The preprocessing of ImageNet images in keras.applications.

https://github.com/keras-team/keras/blob/master/keras/src/applications/imagenet_utils.py
"""

from __future__ import annotations

# In the mode "caffe", of pixels from 0 to 255; in "torch", of pixels from 0 to 1.
MEANS_BGR = (103.939, 116.779, 123.68)
MEANS_RGB = (0.485, 0.456, 0.406)
DEVIATIONS_RGB = (0.229, 0.224, 0.225)
