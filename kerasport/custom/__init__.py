"""Layers that are not Keras's: how plugins, installed packages and kerasport itself say what such a layer computes.

What the author of a plugin needs of it is in ``kerasport.plugins``.
"""
