"""The benchmark: how fast and lean kerasport is, beside its peers and the physical limit.

    make bench                                               kerasport alone
    make bench PEER=python PEER_KERAS2=python MODELS=folder  with the peers; makes the models that are missing
    python -m tests.bench --only conversion --models ResNet50

``parts/`` measures, one module a question; ``results`` says what is kept of it, ``bars`` what is expected of it, and
``report`` and ``plot`` show it. Never a part of the tests.
"""
